/**
 * What is put, read as it is sent: bytes that are in memory, or a file a piece at a time.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { openRegularFile, readFully } from '../io/read-file.ts';
import type { Body } from './store.ts';

/** Bytes of it. */
export function bodySize(body: Body): number {
  return body instanceof Uint8Array ? body.byteLength : body.size;
}

export interface BodySource {
  /** The bytes at `offset`; in `buffer` when they must be read. */
  read(offset: number, length: number, buffer: Uint8Array | undefined): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** @throws SiltError IO_FAILED when there is no such file, or it cannot be read */
export async function openBody(body: Body): Promise<BodySource> {
  if (body instanceof Uint8Array) {
    return {
      read: async (offset, length) => body.subarray(offset, offset + length),
      close: async () => {},
    };
  }
  const { path } = body;
  const handle = (await openRegularFile(path))?.handle;
  if (handle === undefined) {
    throw new SiltError('IO_FAILED', `expected a file to upload at ${path}`, { details: { path } });
  }
  return {
    async read(offset, length, buffer = Buffer.allocUnsafeSlow(length)) {
      const bytes = buffer.subarray(0, length);
      await readFully(handle, path, bytes, offset);
      return bytes;
    },
    close: () => handle.close(),
  };
}

/** The whole body in memory: for bodies small enough for one request. */
export async function readBody(body: Body): Promise<Uint8Array> {
  const source = await openBody(body);
  try {
    return await source.read(0, bodySize(body), undefined);
  } finally {
    await source.close();
  }
}
