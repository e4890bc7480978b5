/**
 * Cuts a stretch of something that is read by ranges, and hands over each chunk's bytes. Publisher and
 * device use this one loop, so both find the same chunks.
 *
 * @module
 */
import type { Chunker } from './chunker.ts';

/** Reads up to `into.length` bytes at `at`; fewer only at the end. */
export type ReadAt = (at: number, into: Uint8Array) => number;

/** What to do with a chunk; returning `'stop'` ends the scan behind it. `bytes` are good until it returns. */
export type VisitChunk = (offset: number, bytes: Uint8Array) => 'stop' | undefined;

/**
 * Visits the chunks that begin in [from, until), as if a chunk ended at `from`. The last one may reach past
 * `until`, up to `size`.
 *
 * @param size bytes there are in all
 * @returns where the last chunk visited ends
 */
export function scanChunks(
  chunker: Chunker,
  readAt: ReadAt,
  range: { readonly from: number; readonly until: number; readonly size: number },
  visit: VisitChunk,
): number {
  const { buffer } = chunker;
  let offset = range.from;
  let start = 0;
  let end = 0;
  while (offset < range.until) {
    // Keep the uncut tail, and fill up behind it; never read much further than the stretch needs.
    buffer.copyWithin(0, start, end);
    end -= start;
    start = 0;
    const wanted = Math.min(buffer.length, range.until - offset + chunker.spec.max, range.size - offset);
    while (end < wanted) {
      const count = readAt(offset + end, buffer.subarray(end, wanted));
      if (count === 0) break;
      end += count;
    }
    const final = offset + end >= range.size || end < wanted;
    if (end === 0) return offset;
    for (let lengths = chunker.cut(start, end, final); lengths.length > 0; ) {
      for (const length of lengths) {
        if (offset >= range.until) return offset;
        const stop = visit(offset, buffer.subarray(start, start + length));
        start += length;
        offset += length;
        if (stop === 'stop') return offset;
      }
      lengths = chunker.cut(start, end, final);
    }
    if (final) return offset;
  }
  return offset;
}
