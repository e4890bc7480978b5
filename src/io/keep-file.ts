/**
 * A second name for a file that is about to be replaced, so that it can be put back. It is a hard link where the
 * file system makes them, which costs no space, and else a copy with the same mode and owner.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { chmod, chown, lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile, syncDirectory } from './atomic.ts';
import { linkFile, renameFile, unlinkFile } from './disk.ts';
import { ioError, systemCode } from './io-error.ts';
import { temporaryPath } from './temporary-name.ts';

export interface KeepOptions {
  /** Makes a copy where a link would do: for tests on file systems that have links. */
  readonly copy?: boolean | undefined;
}

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EXDEV', 'EACCES']);

/**
 * Makes `kept` hold what `path` holds, durably; leaves a `kept` that is there alone. Both lie on one file system.
 *
 * @throws SiltError NO_SPACE, IO_FAILED
 */
export async function keepFile(path: string, kept: string, options: KeepOptions = {}): Promise<void> {
  if (await hasName(kept)) return await syncDirectory(dirname(kept));
  if (options.copy !== true) {
    try {
      await linkFile(path, kept);
      return await syncDirectory(dirname(kept));
    } catch (error) {
      if (!NO_LINKS.has(systemCode(error) ?? '')) throw ioError(error, 'link', path);
    }
  }
  await copyFile(path, kept);
}

/**
 * Gives the file `kept` the name `path` again, at once and durably. Without a `kept` it may have happened already,
 * and is made durable.
 *
 * @returns whether there was one
 */
export async function putBack(kept: string, path: string): Promise<boolean> {
  if (!(await hasName(kept))) {
    if (await hasName(dirname(path))) await syncDirectory(dirname(path));
    return false;
  }
  try {
    await renameFile(kept, path);
    // Two names of one file: rename(2) does nothing then, and both stay.
    await unlinkFile(kept).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error;
    });
  } catch (error) {
    throw ioError(error, 'put back', path);
  }
  await syncDirectory(dirname(path));
  return true;
}

/** Whether there is anything of that name, be it a link that leads nowhere. @throws SiltError IO_FAILED */
export async function hasName(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw ioError(error, 'look at', path);
  }
}

/** Mode and owner are set before the file has its name, so that it is never seen without them. */
async function copyFile(path: string, kept: string): Promise<void> {
  const temporary = temporaryPath(kept);
  try {
    const { mode, uid, gid } = await stat(path);
    await replaceFile(temporary, createReadStream(path));
    const made = await stat(temporary);
    if (made.uid !== uid || made.gid !== gid) await chown(temporary, uid, gid);
    if ((made.mode & 0o7777) !== (mode & 0o7777)) await chmod(temporary, mode & 0o7777);
    await renameFile(temporary, kept);
  } catch (error) {
    await unlinkFile(temporary).catch(() => {});
    throw ioError(error, 'keep a copy of', path);
  }
  await syncDirectory(dirname(kept));
}
