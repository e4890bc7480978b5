import type { BaseReader } from '../../src/delta/base-reader.ts';

/** Bytes in memory as the codec reads a Base. */
export function bytesReader(bytes: Uint8Array): BaseReader {
  return {
    size: bytes.length,
    read(at, into) {
      const part = bytes.subarray(at, at + into.length);
      into.set(part);
      return part.length;
    },
  };
}
