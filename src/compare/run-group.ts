/**
 * A program in a process group of its own, so that it can be ended together with all it started.
 *
 * Nothing of what it prints is kept in memory but the end of its standard error.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { KiB } from '../core/sizes.ts';
import type { Environment } from './find-program.ts';

/** How much of the standard error is kept, for the error message. */
const KEPT_BYTES = 2 * KiB;

/** How long the end of the standard error is waited for when the program itself has ended. */
const PATIENCE_MS = 1000;

export interface GroupOptions {
  readonly cwd: string | undefined;
  readonly env: Environment;
  /** Descriptor that takes the standard output; `undefined` drops it. */
  readonly stdout: number | undefined;
}

export interface Group {
  /** Of the first process, and of the group. */
  readonly pid: number;
  /** Resolves when the first process has ended and what it left behind is killed. Never rejects. */
  readonly ended: Promise<{ readonly status: number; readonly stderr: string }>;
  /** Ends every process of the group, at once. */
  kill(): void;
}

/** Starts `path` with `args`. @throws the error of the system when it cannot be started */
export async function startGroup(
  path: string,
  args: readonly string[],
  options: GroupOptions,
): Promise<Group> {
  const { cwd, env, stdout = 'ignore' } = options;
  const child = spawn(path, args, {
    env,
    detached: true,
    stdio: ['ignore', stdout, 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const started = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<number>();
  const closed = Promise.withResolvers<void>();
  child.once('spawn', started.resolve).on('error', started.reject);
  child.once('exit', (code, signal) =>
    exited.resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)),
  );
  child.once('close', () => closed.resolve());
  let kept: Buffer = Buffer.alloc(0);
  child.stderr?.on('data', (bytes: Buffer) => {
    kept = Buffer.concat([kept, bytes]).subarray(-KEPT_BYTES);
  });
  await started.promise;
  const pid = child.pid as number;
  const ended = async (): Promise<{ status: number; stderr: string }> => {
    const status = await exited.promise;
    // What still runs would hold the standard error open, and disturb the next measurement.
    killGroup(pid);
    // Something that left the group may hold it open for ever.
    const patience = setTimeout(() => child.stderr?.destroy(), PATIENCE_MS);
    await closed.promise;
    clearTimeout(patience);
    return { status, stderr: kept.toString('utf8').trim() };
  };
  return { pid, ended: ended(), kill: () => killGroup(pid) };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
