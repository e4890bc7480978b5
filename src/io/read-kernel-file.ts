/**
 * Small files that the kernel makes while they are read, as those of /proc and /sys: their size says nothing.
 *
 * @module
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { SiltError } from '../core/errors.ts';
import { ioError, systemCode } from './io-error.ts';

/**
 * All bytes of the file at `path`, whatever its size claims, or `undefined` when there is none.
 *
 * @throws SiltError FORMAT_INVALID beyond `maxBytes`, IO_FAILED
 */
export async function readKernelFile(path: string, maxBytes: number): Promise<Buffer | undefined> {
  // O_NONBLOCK, or opening a pipe would wait for its writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw ioError(error, 'read', path);
  });
  if (handle === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(maxBytes + 1);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled);
      if (bytesRead === 0) return bytes.subarray(0, filled);
      filled += bytesRead;
    }
  } catch (error) {
    throw ioError(error, 'read', path);
  } finally {
    await handle.close();
  }
  throw new SiltError('FORMAT_INVALID', `expected at most ${maxBytes} bytes in ${path}, found more`, {
    details: { path, expected: maxBytes },
  });
}
