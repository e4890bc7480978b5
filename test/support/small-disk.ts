/**
 * A file system that is full soon or cannot be written, where this process may mount one.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { temporaryDirectory } from './temporary-directory.ts';

/** The directory of a tmpfs of `bytes`; `undefined`, and a word why, if there is none. */
export async function smallDisk(t: ExecutionContext<unknown>, bytes: number): Promise<string | undefined> {
  const directory = join(await temporaryDirectory(t), 'disk');
  await mkdir(directory);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory], { stdio: 'pipe' });
  } catch (error) {
    t.log(`skipped: a small disk needs the right to mount a tmpfs (${String(error).split('\n')[0]})`);
    t.pass();
    return undefined;
  }
  t.teardown(() => void execFileSync('umount', ['-l', directory]));
  return directory;
}

/** Of a program that takes a few milliseconds to start. */
const MOST_TRIES = 100;

/** From here on nothing can be written on a disk made by {@link smallDisk}. */
export function makeReadOnly(disk: string): void {
  for (let tries = 1; ; tries++) {
    try {
      execFileSync('mount', ['-o', 'remount,ro', disk], { stdio: 'pipe' });
      return;
    } catch (error) {
      // The kernel, or a program that is just being started, may hold a closed file for a moment longer.
      if (tries === MOST_TRIES || !String(error).includes('busy')) throw error;
    }
  }
}

export function makeWritable(disk: string): void {
  execFileSync('mount', ['-o', 'remount,rw', disk], { stdio: 'pipe' });
}
