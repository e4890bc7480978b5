/**
 * Scratch files on the disk that loses power.
 *
 * @module
 */
import { join } from 'node:path';
import { env } from 'node:process';

/** Runs `work` with `tmp` below `root`, which must be there, as the directory for temporary files. */
export async function temporaryBelow<T>(root: string, work: () => Promise<T>): Promise<T> {
  const before = env.TMPDIR;
  env.TMPDIR = join(root, 'tmp');
  try {
    return await work();
  } finally {
    if (before === undefined) delete env.TMPDIR;
    else env.TMPDIR = before;
  }
}
