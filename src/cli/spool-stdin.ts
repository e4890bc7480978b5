/**
 * An image from standard input: written to a temporary file first, because workers read images at several
 * places at once and read new chunks a second time.
 *
 * @module
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SiltError } from '../core/errors.ts';
import { ioError } from '../io/io-error.ts';

export interface SpooledInput extends AsyncDisposable {
  readonly path: string;
  readonly size: number;
}

/**
 * Reads all of `input` into a file that only this user can read and that is gone once disposed.
 *
 * @throws SiltError USAGE when `input` is a terminal, NO_SPACE, IO_FAILED
 */
export async function spoolInput(
  input: NodeJS.ReadableStream & { readonly isTTY?: boolean },
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<SpooledInput> {
  if (input.isTTY) throw new SiltError('USAGE', 'expected an image on standard input, found a terminal');
  const directory = await mkdtemp(join(tmpdir(), 'silt-stdin-')).catch((error: unknown) => {
    throw ioError(error, 'create a directory in', tmpdir());
  });
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  const path = join(directory, 'image');
  let size = 0;
  const count = new Transform({
    transform(block: Uint8Array, _encoding, done) {
      size += block.byteLength;
      onBytes(size);
      done(undefined, block);
    },
  });
  try {
    await pipeline(input, count, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
  } catch (error) {
    await remove();
    signal.throwIfAborted();
    throw ioError(error, 'write standard input to', path);
  }
  return { path, size, [Symbol.asyncDispose]: remove };
}
