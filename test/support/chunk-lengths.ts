/**
 * Chunks of bytes in memory, by the loop that publisher and device use.
 *
 * @module
 */
import type { Chunker } from '../../src/chunker/chunker.ts';
import { type ReadAt, scanChunks } from '../../src/chunker/scan.ts';

/** Reads from `bytes`, at most `most(call)` of them a call. */
export function readFrom(bytes: Uint8Array, most: () => number = () => bytes.length): ReadAt {
  return (at, into) => {
    const part = bytes.subarray(at, at + Math.min(into.length, Math.max(1, most())));
    into.set(part);
    return part.length;
  };
}

/** The lengths of the chunks that begin in [from, until). */
export function chunkLengths(
  chunker: Chunker,
  bytes: Uint8Array,
  { from = 0, until = bytes.length, readAt = readFrom(bytes) } = {},
): number[] {
  const lengths: number[] = [];
  scanChunks(chunker, readAt, { from, until, size: bytes.length }, (_, chunk) => {
    lengths.push(chunk.length);
    return undefined;
  });
  return lengths;
}
