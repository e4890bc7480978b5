/**
 * A tar file as a sequence of entries and their bytes, decompressed on the way when it begins like gzip or zstd.
 * The package `tar` reads headers; here is what it is held to: nothing that it would only warn of passes, extended
 * headers are small, and all that comes out of decompression counts against one limit.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { ioError } from '../../io/io-error.ts';

/** Extended headers hold paths, of 4 KiB at most, and attributes. */
const MAX_EXTENDED_HEADER = 64 * KiB;
/** zstd may keep 8 MiB, which `zstd -19` needs. */
const ZSTD_WINDOW_LOG = 23;

export type TarEvent =
  | { readonly kind: 'entry'; readonly entry: ReadEntry }
  /** More bytes of the entry before. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' };

/**
 * Reads the archive at `path`. Memory: a few blocks of 64 KiB, and zstd's window.
 *
 * @param maxBytes of the tar file, decompressed
 * @throws SiltError INSTALL_FAILED for what is no archive, is cut short or too large; IO_FAILED
 */
export async function* readTar(path: string, maxBytes: number): AsyncGenerator<TarEvent> {
  const events: TarEvent[] = [];
  let failure: SiltError | undefined;
  const fail = (why: string, cause?: unknown): void => {
    failure ??= broken(path, why, cause);
  };
  const parser = new Parser({
    maxMetaEntrySize: MAX_EXTENDED_HEADER,
    brotli: false,
    zstd: false,
    onwarn: (_code, message) => fail(String(message)),
    onReadEntry: (entry) => {
      events.push({ kind: 'entry', entry });
      // Without a pause in between, all that one block holds is here when the block has been taken.
      entry.on('data', (bytes: Buffer) => events.push({ kind: 'data', bytes }));
      entry.on('end', () => events.push({ kind: 'end' }));
    },
  });
  parser.on('error', (error: Error) => fail(error.message, error));
  parser.on('ignoredEntry', ({ path: name, type }: ReadEntry) =>
    fail(`its entry ${JSON.stringify(name.slice(0, 100))} is of the kind ${type}, which is not taken`),
  );
  const finished = new Promise<void>((resolve) => parser.once('end', resolve));
  let total = 0;
  try {
    for await (const block of await plainBytes(path)) {
      if (total === 0 && isGzip(block)) throw broken(path, 'it is compressed twice');
      total += block.length;
      if (total > maxBytes) throw broken(path, `it holds more than ${maxBytes} bytes`);
      parser.write(block);
      if (failure !== undefined) throw failure;
      yield* events.splice(0);
    }
    parser.end();
    if (failure !== undefined) throw failure;
    await finished;
    yield* events.splice(0);
    if (failure !== undefined) throw failure;
  } catch (error) {
    if (error instanceof SiltError) throw error;
    // A call of the system that failed says nothing about the archive.
    if (error instanceof Error && 'syscall' in error) throw ioError(error, 'read', path);
    throw broken(path, error instanceof Error ? error.message : String(error), error);
  }
}

async function plainBytes(path: string): Promise<AsyncIterable<Buffer>> {
  const magic = Buffer.alloc(4);
  try {
    const handle = await open(path, 'r');
    try {
      await handle.read(magic, 0, 4, 0);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw ioError(error, 'read', path);
  }
  const source = createReadStream(path);
  const isZstd = magic.readUInt32LE() === 0xfd2fb528;
  if (!isGzip(magic) && !isZstd) return source;
  const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG };
  const decompress = isZstd ? createZstdDecompress({ params }) : createGunzip();
  // The reader of the result sees the error of either.
  return pipeline(source, decompress, () => {});
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

function broken(path: string, why: string, cause?: unknown): SiltError {
  const message = `expected ${path} to be a tar archive, plain or in gzip or zstd: ${why}; publish another one`;
  return new SiltError('INSTALL_FAILED', message, {
    details: { path },
    ...(cause !== undefined && { cause }),
  });
}
