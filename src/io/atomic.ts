/**
 * Files that appear whole or not at all, and stay after a power cut.
 *
 * The order is always: write a temporary file in the same directory, fsync it, give it its name (rename(2) to
 * replace, link(2) to create), fsync the directory. A process killed on the way leaves at most a file named
 * `.silt-<random>.tmp`, which nobody reads; see {@link isTemporaryName}.
 *
 * @module
 */
import { type FileHandle, lstat, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  createFile,
  linkFile,
  makeOneDirectory,
  renameFile,
  syncHandle,
  syncNames,
  unlinkFile,
  writeFully,
} from './disk.ts';
import { ioError, systemCode } from './io-error.ts';
import { temporaryPath } from './temporary-name.ts';

export { isTemporaryName, temporaryPath } from './temporary-name.ts';

/** What a file is to hold: bytes, or bytes that are still being made. */
export type Content = Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Makes the file at `path` hold `content`, at once and durably; readers see the old bytes or the new ones.
 * The directory must exist.
 *
 * @throws SiltError NO_SPACE or IO_FAILED; whatever the iteration of `content` throws. The old file stays.
 */
export async function replaceFile(path: string, content: Content): Promise<void> {
  const temporary = await writeTemporary(path, content, true);
  try {
    await renameFile(temporary, path);
  } catch (error) {
    await discard(temporary);
    throw ioError(error, 'write', path);
  }
  await syncDirectory(dirname(path));
}

/**
 * Creates the file at `path` with `content`, at once and durably, unless there is one; never replaces. Of
 * several writers exactly one hears `created`. The directory must exist.
 *
 * @param options `durable: false` leaves out every fsync: for a lock, which a power cut may well take away;
 *   `mode` are the permissions, by default those that the umask leaves of 0666
 * @returns `exists` when there was a file, which is durable as well by then; `content` may not have been read
 * @throws SiltError NO_SPACE or IO_FAILED; whatever the iteration of `content` throws
 */
export async function createExclusive(
  path: string,
  content: Content,
  options: { readonly durable?: boolean; readonly mode?: number } = {},
): Promise<'created' | 'exists'> {
  const { durable = true, mode } = options;
  let outcome: 'created' | 'exists' = 'exists';
  if (!(await exists(path))) {
    const temporary = await writeTemporary(path, content, durable, mode);
    try {
      // rename(2) would replace; link(2) fails when the name is taken.
      await linkFile(temporary, path);
      outcome = 'created';
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw linkError(error, path);
    } finally {
      await discard(temporary);
    }
  }
  // Also for 'exists': the other writer may not have come to its own fsync yet.
  if (durable) await syncDirectory(dirname(path));
  return outcome;
}

/**
 * Removes the file, durably unless told otherwise. Removing a missing one is no error, and is durable as well:
 * whoever removed it may have been killed before its fsync.
 *
 * @throws SiltError IO_FAILED
 */
export async function removeFile(path: string, options: { readonly durable?: boolean } = {}): Promise<void> {
  try {
    await unlinkFile(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw ioError(error, 'remove', path);
    if (!(await isDirectory(dirname(path)))) return;
  }
  if (options.durable ?? true) await syncDirectory(dirname(path));
}

/**
 * Creates the directory and its missing parents, durably: each is durable before anything is made in it.
 *
 * @param options `again`: makes sure of what is there as well, whose maker may have been killed too early
 * @throws SiltError NO_SPACE or IO_FAILED
 */
export async function makeDirectory(path: string, options: { readonly again?: boolean } = {}): Promise<void> {
  const wanted = resolve(path);
  const parent = dirname(wanted);
  const { again = false } = options;
  // Where it is missing there is nothing to be made sure of.
  if (again && (await isDirectory(parent))) await syncDirectory(dirname(parent));
  try {
    await makeOneDirectory(wanted);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' && parent !== wanted) {
      await makeDirectory(parent, { again: true });
      return await makeDirectory(wanted);
    }
    if (code !== 'EEXIST' || !(await isDirectory(wanted))) {
      throw ioError(error, 'create the directory', wanted);
    }
    if (!again) return;
  }
  await syncDirectory(parent);
}

/**
 * Makes the names in a directory durable. A platform that cannot fsync a directory is left alone.
 *
 * @throws SiltError IO_FAILED
 */
export async function syncDirectory(path: string): Promise<void> {
  try {
    await syncNames(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EINVAL' || code === 'EISDIR' || code === 'ENOTSUP') return;
    throw ioError(error, 'sync the directory', path);
  }
}

/** Writes a temporary file beside `path`, fsyncs it, and tells its name. Nothing stays when it throws. */
async function writeTemporary(
  path: string,
  content: Content,
  durable: boolean,
  mode?: number,
): Promise<string> {
  const temporary = temporaryPath(path);
  const handle = await createFile(temporary, mode).catch((error: unknown) => {
    throw ioError(error, 'write', path);
  });
  try {
    let end = 0;
    for await (const bytes of content instanceof Uint8Array ? [content] : content) {
      await writeAt(handle, bytes, end, path);
      end += bytes.byteLength;
    }
    if (durable) await syncFile(handle, path);
  } catch (error) {
    await handle.close();
    await discard(temporary);
    throw error;
  }
  await handle.close();
  return temporary;
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, at: number, path: string): Promise<void> {
  try {
    await writeFully(handle, bytes, at);
  } catch (error) {
    throw ioError(error, 'write', path);
  }
}

async function syncFile(handle: FileHandle, path: string): Promise<void> {
  try {
    await syncHandle(handle);
  } catch (error) {
    throw ioError(error, 'write', path);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw ioError(error, 'write', path);
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** A temporary file that cannot be removed is litter; the error that led here matters more. */
async function discard(path: string): Promise<void> {
  await unlinkFile(path).catch(() => {});
}

function linkError(error: unknown, path: string): Error {
  const code = systemCode(error);
  const unsupported = code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS' || code === 'EMLINK';
  if (!unsupported) return ioError(error, 'create', path);
  return ioError(
    new Error('the file system makes no hard links; use one that does', { cause: error }),
    'create',
    path,
  );
}
