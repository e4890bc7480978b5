/**
 * The real command line as a child process, for the demo.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

/** Starts `silt` with these arguments and a pipe as stdout. It does not outlive this process. */
export function startSilt(args: readonly string[], stderr: 'inherit' | 'pipe' = 'inherit'): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', stderr] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  return child;
}

/** Runs `silt` with `--json`; gives the document it prints. @throws Error unless it exits with 0 */
export async function runSilt<T>(args: readonly string[]): Promise<T> {
  const child = startSilt([...args, '--json']);
  const [printed, [status]] = await Promise.all([text(stdoutOf(child)), once(child, 'close')]);
  if (status !== 0) throw new Error(`silt ${args[0]} ended with ${status}`);
  return JSON.parse(printed) as T;
}

/** What a failed command says with `--json`. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly exit: number;
}

/** Runs `silt`, which must fail; gives its error. @throws Error when it succeeds */
export async function refusedSilt(args: readonly string[]): Promise<Refusal> {
  const child = startSilt([...args, '--json'], 'pipe');
  if (child.stderr === null) throw new Error('stderr is no pipe');
  const [printed, [status]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  if (status === 0) throw new Error(`silt ${args[0]} should have failed`);
  return (JSON.parse(printed) as { error: Refusal }).error;
}

export interface ServedRepository {
  readonly url: string;
  close(): Promise<void>;
}

/** Runs `silt serve` on `directory`. */
export async function serveRepository(directory: string): Promise<ServedRepository> {
  const child = startSilt(['serve', directory, '--quiet']);
  const ended = once(child, 'close');
  const lines = createInterface(stdoutOf(child));
  const [url] = await Promise.race([once(lines, 'line'), ended]);
  if (typeof url !== 'string') throw new Error('silt serve did not start');
  return {
    url,
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function stdoutOf(child: ChildProcess): NonNullable<ChildProcess['stdout']> {
  if (child.stdout === null) throw new Error('stdout is no pipe');
  return child.stdout;
}
