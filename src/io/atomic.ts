/**
 * Files that appear whole or not at all, and stay after a power cut.
 *
 * The order is always: write a temporary file in the same directory, fsync it, give it its name (rename(2) to
 * replace, link(2) to create), fsync the directory. A process killed on the way leaves at most a file named
 * `.silt-<random>.tmp`, which nobody reads; see {@link isTemporaryName}.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ioError, systemCode } from './io-error.ts';

/** What a file is to hold: bytes, or bytes that are still being made. */
export type Content = Uint8Array | AsyncIterable<Uint8Array>;

const TEMPORARY_NAME = /^\.silt-[0-9a-f]{16}\.tmp$/;

/** True for the name of a file that a write left unfinished. Nobody but its writer may use such a file. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/** A new path for a temporary file beside `path`, with a name that {@link isTemporaryName} knows. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.silt-${randomBytes(8).toString('hex')}.tmp`);
}

/**
 * Makes the file at `path` hold `content`, at once and durably; readers see the old bytes or the new ones.
 * The directory must exist.
 *
 * @throws SiltError NO_SPACE or IO_FAILED; whatever the iteration of `content` throws. The old file stays.
 */
export async function replaceFile(path: string, content: Content): Promise<void> {
  const temporary = await writeTemporary(path, content, true);
  try {
    await rename(temporary, path);
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
      await link(temporary, path);
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
 * Removes the file, durably unless told otherwise. Removing a missing one is no error.
 *
 * @throws SiltError IO_FAILED
 */
export async function removeFile(path: string, options: { readonly durable?: boolean } = {}): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw ioError(error, 'remove', path);
  }
  if (options.durable ?? true) await syncDirectory(dirname(path));
}

/** Creates the directory and its missing parents, durably. @throws SiltError NO_SPACE or IO_FAILED */
export async function makeDirectory(path: string): Promise<void> {
  const wanted = resolve(path);
  let first: string | undefined;
  try {
    first = await mkdir(wanted, { recursive: true });
  } catch (error) {
    throw ioError(error, 'create the directory', wanted);
  }
  if (first === undefined) return;
  const top = dirname(first);
  for (let at = dirname(wanted); ; at = dirname(at)) {
    await syncDirectory(at);
    if (at === top) return;
  }
}

/**
 * Makes the names in a directory durable. A platform that cannot fsync a directory is left alone.
 *
 * @throws SiltError IO_FAILED
 */
export async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    await handle.sync();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EINVAL' || code === 'EISDIR' || code === 'ENOTSUP') return;
    throw ioError(error, 'sync the directory', path);
  } finally {
    await handle?.close();
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
  const handle = await open(temporary, 'wx', mode).catch((error: unknown) => {
    throw ioError(error, 'write', path);
  });
  try {
    if (content instanceof Uint8Array) await writeAll(handle, content, path);
    else for await (const bytes of content) await writeAll(handle, bytes, path);
    if (durable) await syncFile(handle, path);
  } catch (error) {
    await handle.close();
    await discard(temporary);
    throw error;
  }
  await handle.close();
  return temporary;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    for (let at = 0; at < bytes.byteLength; ) {
      at += (await handle.write(bytes, at)).bytesWritten;
    }
  } catch (error) {
    throw ioError(error, 'write', path);
  }
}

async function syncFile(handle: FileHandle, path: string): Promise<void> {
  try {
    await handle.sync();
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

/** A temporary file that cannot be removed is litter; the error that led here matters more. */
async function discard(path: string): Promise<void> {
  await unlink(path).catch(() => {});
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
