/**
 * Small files that the user names: keys, certificates, documents. Unlike the files of a repository they may be
 * symbolic links, which is how secrets are mounted into containers.
 *
 * @module
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { SiltError } from '../core/errors.ts';
import { ioError, systemCode } from './io-error.ts';
import { readFully } from './read-file.ts';

/**
 * All bytes of the regular file at `path`, or `undefined` when there is none.
 *
 * @throws SiltError FORMAT_INVALID beyond `maxBytes`, IO_FAILED also for what is no regular file
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<Buffer | undefined> {
  // O_NONBLOCK, or opening a pipe would wait for its writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw ioError(error, 'read', path);
  });
  if (handle === undefined) return undefined;
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) {
      throw new SiltError('IO_FAILED', `expected ${path} to be a file, found something else; name a file`, {
        details: { path },
      });
    }
    if (stats.size > maxBytes) {
      throw new SiltError(
        'FORMAT_INVALID',
        `expected at most ${maxBytes} bytes in ${path}, found ${stats.size}`,
        {
          details: { path, expected: maxBytes, found: stats.size },
        },
      );
    }
    const bytes = Buffer.alloc(stats.size);
    await readFully(handle, path, bytes, 0);
    return bytes;
  } finally {
    await handle.close();
  }
}
