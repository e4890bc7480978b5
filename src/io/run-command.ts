/**
 * Runs a program of an integrator: an installer, a hook, a boot loader's command, a signer.
 *
 * The program is an argv and no shell reads it. It gets the environment that is handed in and nothing of ours,
 * runs in a process group of its own, and has a time limit. When the limit is reached or the caller gives up,
 * the group gets SIGTERM, and SIGKILL a little later, whatever of it is left. Its output is capped; what it says
 * on stderr passes by line by line and only the first complaint is kept. A program that has to do with the person
 * at the terminal may have our environment and stay in our session.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { kill } from 'node:process';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ErrorCode, SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { LineReader } from './line-reader.ts';

/** The search path when `env` has none. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const DEFAULT_MAX_OUTPUT = 64 * KiB;
const DEFAULT_GRACE_MS = 5000;
/** How long the end of stdout is waited for when the program has ended and something it started holds it open. */
const PATIENCE_MS = 1000;
/** Turns of the event loop that bring something after that; each reads 64 KiB of a pipe at most. */
const MAX_LATE_READS = 64;
/** The longest time that setTimeout takes. */
const MAX_LIMIT_MS = 2 ** 31 - 1;

export interface CommandOptions {
  /** Longest that it may take, in milliseconds. */
  readonly limitMs: number;
  /** Code of the error when it fails. */
  readonly code: ErrorCode;
  /** What the command is, as it begins a sentence: `the installer`. */
  readonly what: string;
  /** Working directory; default `/`, so that nothing depends on where silt was started. */
  readonly cwd?: string | undefined;
  /** The whole environment, but for PATH, which has a default; `ours` is that of this process. */
  readonly env?: Readonly<Record<string, string>> | 'ours' | undefined;
  /**
   * `own`, the default: a session of its own, all of which is ended with it. `ours`: it keeps our terminal, at which
   * it may ask for a PIN; then the program is ended, and what it started is its own business.
   */
  readonly session?: 'own' | 'ours' | undefined;
  /** For stdin, which is empty otherwise. */
  readonly input?: string | Uint8Array | undefined;
  /** Most bytes on stdout. */
  readonly maxOutput?: number | undefined;
  /** Exit statuses that are no failure; default 0 alone. */
  readonly statuses?: readonly number[] | undefined;
  /** Milliseconds from SIGTERM to SIGKILL. */
  readonly graceMs?: number | undefined;
  /** Milliseconds that the end of its output is waited for once it has ended; default one second. */
  readonly patienceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Hears each line of stderr, cut at 1000 characters; a line for which it answers true is no complaint. */
  readonly onLine?: ((line: string) => boolean) | undefined;
  /** Hears each line of stdout, cut likewise; then nothing of it is kept, and there may be any number of bytes. */
  readonly onOutputLine?: ((line: string) => void) | undefined;
}

export interface CommandResult {
  readonly status: number;
  readonly stdout: Buffer;
}

/**
 * Runs `argv` to its end.
 *
 * @throws SiltError of `options.code` when it does not start, fails, is killed, takes too long or writes too much;
 *   the reason of the signal when that stops it. In all of these nothing of it runs any more.
 */
export async function runCommand(argv: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const { limitMs, maxOutput = DEFAULT_MAX_OUTPUT, statuses = [0], signal, input } = options;
  const fail = (why: string, cause?: unknown): SiltError =>
    new SiltError(options.code, `${options.what} ("${printable(argv.join(' '))}") failed: ${why}`, {
      details: { command: printable(argv.join(' ')) },
      ...(cause !== undefined && { cause }),
    });
  signal?.throwIfAborted();
  const child = start(argv, options, fail);
  const output =
    options.onOutputLine === undefined
      ? collectOutput(child, maxOutput, () => stop(fail(`it wrote more than ${maxOutput} bytes to stdout`)))
      : passOutput(child, options.onOutputLine);
  const complaint = firstComplaint(child, options.onLine);
  // Who closes stdin early does not want the rest.
  child.stdin?.on('error', () => {}).end(input ?? '');

  let stopped: { readonly reason: unknown } | undefined;
  let graceTimer: NodeJS.Timeout | undefined;
  const stop = (reason: unknown): void => {
    if (stopped !== undefined) return;
    stopped = { reason };
    end(child, 'SIGTERM', options);
    graceTimer = setTimeout(() => end(child, 'SIGKILL', options), options.graceMs ?? DEFAULT_GRACE_MS);
  };
  const onAbort = (): void => stop(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  const limitTimer = setTimeout(
    () => stop(fail(`it took longer than ${limitMs / 1000} s and was ended`)),
    Math.min(limitMs, MAX_LIMIT_MS),
  );
  try {
    const { status, signalName, error } = await ended(child);
    // What it started and left behind must not work on when the step counts as failed.
    if (stopped !== undefined) end(child, 'SIGKILL', options);
    await closed(child, options.patienceMs ?? PATIENCE_MS);
    if (stopped !== undefined) throw stopped.reason;
    if (error !== undefined) throw fail(`it did not start: ${error.message}`, error);
    if (status !== undefined && statuses.includes(status)) return { status, stdout: output() };
    // Only now, for what it left behind may have been telling why.
    end(child, 'SIGKILL', options);
    const how = status === undefined ? `it was killed by ${signalName}` : `it ended with status ${status}`;
    const said = complaint();
    throw fail(said === '' ? how : `${how}: ${said}`);
  } finally {
    clearTimeout(limitTimer);
    clearTimeout(graceTimer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** What another program said, fit for one line of a terminal or a log: no control characters, not too long. */
export function printable(text: string, limit = 300): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  return clean.length > limit ? `${clean.slice(0, limit)}…` : clean;
}

function start(
  [program = '', ...args]: readonly string[],
  { cwd = '/', env = {}, session = 'own' }: CommandOptions,
  fail: (why: string, cause: unknown) => SiltError,
): ChildProcess {
  try {
    return spawn(program, args, {
      cwd,
      ...(env !== 'ours' && { env: { PATH, ...env } }),
      stdio: 'pipe',
      shell: false,
      detached: session === 'own',
    });
  } catch (error) {
    // An empty name, a NUL in an argument.
    throw fail(`it did not start: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function collectOutput(child: ChildProcess, limit: number, tooMuch: () => void): () => Buffer {
  const kept: Buffer[] = [];
  let total = 0;
  child.stdout
    ?.on('error', () => {})
    .on('data', (bytes: Buffer) => {
      total += bytes.length;
      if (total <= limit) kept.push(bytes);
      else tooMuch();
    });
  return () => Buffer.concat(kept);
}

function passOutput(child: ChildProcess, onLine: (line: string) => void): () => Buffer {
  const lines = new LineReader(onLine);
  child.stdout?.on('error', () => {}).on('data', (bytes: Buffer) => lines.add(bytes));
  child.stdout?.on('close', () => lines.end());
  return () => Buffer.alloc(0);
}

function firstComplaint(child: ChildProcess, onLine: CommandOptions['onLine']): () => string {
  let complaint = '';
  const lines = new LineReader((line) => {
    const isProgress = onLine?.(line) === true;
    if (!isProgress && complaint === '') complaint = printable(line);
  });
  child.stderr?.on('error', () => {}).on('data', (bytes: Buffer) => lines.add(bytes));
  child.stderr?.on('close', () => lines.end());
  return () => complaint;
}

interface Ending {
  readonly status: number | undefined;
  readonly signalName: string | undefined;
  readonly error: Error | undefined;
}

function ended(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('exit', (status, signal) =>
      resolve({ status: status ?? undefined, signalName: signal ?? undefined, error: undefined }),
    );
    child.on('error', (error) => {
      // An error after the start, such as a signal that could not be sent, ends nothing.
      if (child.pid === undefined) resolve({ status: undefined, signalName: undefined, error });
    });
  });
}

/** Waits until all output has come, or whoever still holds it open has had its time. */
async function closed(child: ChildProcess, patienceMs: number): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null && !stream.closed);
  const closing = Promise.all(
    streams.map((stream) => new Promise((resolve) => stream?.once('close', resolve))),
  );
  const timer = setTimeout(async () => {
    for (let turns = 0; turns < MAX_LATE_READS && (await isHeardFrom(streams)); turns++);
    for (const stream of streams) stream?.destroy();
  }, patienceMs);
  await closing;
  clearTimeout(timer);
  child.stdin?.destroy();
}

/**
 * Whether something comes in a turn of the event loop. On a busy machine the time can be over before what the
 * program has written was read for the first time.
 */
async function isHeardFrom(streams: readonly (Readable | null)[]): Promise<boolean> {
  let heard = false;
  const hear = (): void => {
    heard = true;
  };
  for (const stream of streams) stream?.once('data', hear);
  // The first one comes before the next look at the pipes, the second one after it.
  await nextTurn();
  await nextTurn();
  for (const stream of streams) stream?.off('data', hear);
  return heard;
}

function end(child: ChildProcess, signal: NodeJS.Signals, { session = 'own' }: CommandOptions): void {
  const { pid } = child;
  if (pid === undefined) return;
  // Not by its number, which may be another's once it has ended.
  if (session === 'ours') return void child.kill(signal);
  try {
    kill(-pid, signal);
  } catch {
    // Nothing of it is left.
  }
}
