/**
 * Opening and reading regular files that somebody else may have put there: no symbolic links, no devices and
 * pipes that would block, never more memory than asked for.
 *
 * @module
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { ioError, systemCode } from './io-error.ts';

/** Largest block that {@link readBlocks} gives, in bytes: few system calls, little memory a reader. */
export const READ_BLOCK_BYTES = 256 * KiB;

export interface OpenFile {
  readonly handle: FileHandle;
  readonly size: number;
  /** Changes whenever the file is replaced or written: size, time of change in nanoseconds, inode. */
  readonly version: string;
  /** Time of change, in milliseconds since 1970. */
  readonly modified: number;
}

/**
 * Opens a regular file for reading; `undefined` when there is none (a directory is none either).
 *
 * @throws SiltError STORE_REFUSED for a symbolic link, IO_FAILED
 */
export async function openRegularFile(path: string): Promise<OpenFile | undefined> {
  let handle: FileHandle;
  try {
    // O_NONBLOCK, or opening a pipe would wait for its writer.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENXIO' || code === 'ENAMETOOLONG')
      return undefined;
    if (code === 'ELOOP') {
      throw new SiltError('STORE_REFUSED', `${path} is a symbolic link; put the file itself there`, {
        details: { path },
        cause: error,
      });
    }
    throw ioError(error, 'open', path);
  }
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isFile()) {
      const { size, mtimeMs } = stats;
      return { handle, size: Number(size), version: fileVersion(stats), modified: Number(mtimeMs) };
    }
  } catch (error) {
    await handle.close();
    throw ioError(error, 'open', path);
  }
  await handle.close();
  return undefined;
}

function fileVersion(stats: BigIntStats): string {
  return [stats.size, stats.mtimeNs, stats.ino].map((part) => part.toString(36)).join('-');
}

/**
 * The bytes from `offset`, `length` of them, in blocks of at most {@link READ_BLOCK_BYTES}. Every block is the
 * caller's to keep.
 *
 * @throws SiltError IO_FAILED, also when the file ends early
 */
export async function* readBlocks(
  handle: FileHandle,
  path: string,
  offset: number,
  length: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let at = offset; at < offset + length; ) {
    signal?.throwIfAborted();
    const block = Buffer.allocUnsafeSlow(Math.min(READ_BLOCK_BYTES, offset + length - at));
    await readFully(handle, path, block, at);
    yield block;
    at += block.byteLength;
  }
}

/** Fills `into` from `offset`. @throws SiltError IO_FAILED, also when the file ends early */
export async function readFully(
  handle: FileHandle,
  path: string,
  into: Uint8Array,
  offset: number,
): Promise<void> {
  for (let filled = 0; filled < into.byteLength; ) {
    const { bytesRead } = await handle
      .read(into, filled, into.byteLength - filled, offset + filled)
      .catch((error: unknown) => {
        throw ioError(error, 'read', path);
      });
    if (bytesRead === 0) {
      const end = offset + into.byteLength;
      throw new SiltError(
        'IO_FAILED',
        `expected ${path} to reach to ${end}, but it ends at ${offset + filled}`,
        {
          details: { path, expected: end, found: offset + filled },
        },
      );
    }
    filled += bytesRead;
  }
}
