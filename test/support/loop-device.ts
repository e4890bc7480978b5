/**
 * A block device over a file, where this process may make one.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { temporaryDirectory } from './temporary-directory.ts';

/** The path of a block device of `bytes` zeros, a multiple of 512; `undefined`, and a word why, if there is none. */
export async function loopDevice(t: ExecutionContext<unknown>, bytes: number): Promise<string | undefined> {
  const backing = join(await temporaryDirectory(t), 'backing');
  await writeFile(backing, '');
  await truncate(backing, bytes);
  try {
    const printed = execFileSync('losetup', ['--find', '--show', backing], {
      stdio: 'pipe',
      encoding: 'utf8',
    });
    const device = printed.trim();
    t.teardown(() => void execFileSync('losetup', ['--detach', device]));
    return device;
  } catch (error) {
    t.log(`skipped: a block device needs losetup and the right to use it (${String(error).split('\n')[0]})`);
    t.pass();
    return undefined;
  }
}
