/**
 * Symbolic links that change at once: a new one under a temporary name takes the place of the old by
 * rename(2), and the directory is fsynced. Readers see the old target or the new one, never none.
 *
 * @module
 */
import { readlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './atomic.ts';
import { makeSymlink, renameFile, unlinkFile } from './disk.ts';
import { ioError, systemCode } from './io-error.ts';
import { temporaryPath } from './temporary-name.ts';

/**
 * Makes `path` a symbolic link to `target`, at once and durably, in place of any file or link of that name.
 *
 * @throws SiltError NO_SPACE or IO_FAILED; what was there stays
 */
export async function replaceLink(path: string, target: string): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    await makeSymlink(target, temporary);
    await renameFile(temporary, path);
  } catch (error) {
    await unlinkFile(temporary).catch(() => {});
    throw ioError(error, 'make the symbolic link', path);
  }
  await syncDirectory(dirname(path));
}

/** The target of the symbolic link at `path`; `undefined` when there is nothing. @throws SiltError IO_FAILED also for what is no link */
export async function readLink(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw ioError(error, 'read the symbolic link', path);
  }
}
