/**
 * The command line as users have it: a process of its own, with its own state directory.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { temporaryDirectory } from './temporary-directory.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Cli {
  /** Where it runs; relative paths are relative to this. */
  readonly directory: string;
  /** Its temporary files go here. */
  readonly temporary: string;
  /** Starts it; it is killed when the test ends. */
  start(...args: string[]): ChildProcessWithoutNullStreams;
  /** Runs it to its end with nothing on stdin. */
  run(...args: string[]): Promise<CliResult>;
}

/** A command line in a temporary directory. @param env set besides what this process has */
export async function createCli(
  t: ExecutionContext<unknown>,
  env: Readonly<Record<string, string>> = {},
): Promise<Cli> {
  const directory = await temporaryDirectory(t);
  const temporary = join(directory, 'tmp');
  await mkdir(temporary);
  const own = { XDG_STATE_HOME: join(directory, 'state'), TMPDIR: temporary, NO_COLOR: '1' };
  const start = (...args: string[]): ChildProcessWithoutNullStreams => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: directory,
      env: { ...process.env, ...own, ...env },
    });
    t.teardown(() => void child.kill('SIGKILL'));
    return child;
  };
  const run = async (...args: string[]): Promise<CliResult> => {
    const child = start(...args);
    child.stdin.end();
    return await resultOf(child);
  };
  return { directory, temporary, start, run };
}

/** Waits for the end of a started one. */
export async function resultOf(child: ChildProcessWithoutNullStreams): Promise<CliResult> {
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { status, stdout, stderr };
}
