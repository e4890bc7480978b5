/**
 * What a device that holds a Base finds there: the chunks of that image, cut as the new one is, and its
 * windows.
 *
 * @module
 */
import type { ChunkerSpec } from '../chunker/chunker.ts';
import { DIGEST_BYTES, toHex } from '../core/digest.ts';
import type { IndexHead } from '../format/index-head.ts';
import { hintOf } from '../format/level2.ts';
import type { SourceFile } from '../io/source-file.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { MAX_CHUNKS } from './chunk-table.ts';
import { scanImage } from './scan-image.ts';

export interface HeldChunks {
  /** @param hint of a ChunkId; 48 bits are exact enough for an estimate of cost */
  has(hint: number): boolean;
  /** True for the digest of a window of the Base. */
  hasWindow(digest: Uint8Array): boolean;
}

/**
 * Cuts the Base with the chunker of the new image, as a device does.
 *
 * Memory: 16 bytes a chunk while it grows, of at most {@link MAX_CHUNKS} chunks. What a larger Base holds
 * besides is taken for missing, so its delta looks better than it is.
 *
 * @param head level 1 of the Base's index. Its windows count as they were published: a Base that was cut
 *   otherwise may have more of them in common, which is some 0.2 % of them too much to fetch
 * @throws SiltError IMAGE_CHANGED, IO_FAILED
 */
export async function holdingsOf(
  base: SourceFile,
  head: IndexHead,
  chunker: ChunkerSpec,
  pool: WorkerPool,
): Promise<HeldChunks> {
  let hints = new Float64Array(1024);
  let count = 0;
  for await (const { lengths, ids } of scanImage(base, chunker, pool)) {
    const taken = Math.min(lengths.length, MAX_CHUNKS - count);
    if (count + taken > hints.length) {
      const larger = new Float64Array(Math.max(hints.length * 2, count + taken));
      larger.set(hints.subarray(0, count));
      hints = larger;
    }
    for (let i = 0; i < taken; i++) hints[count++] = hintOf(ids, i * DIGEST_BYTES);
  }
  const known = hints.subarray(0, count).sort();
  const windows = new Set(
    head.windows.flatMap(({ digest }) => (digest === undefined ? [] : [toHex(digest)])),
  );
  return {
    has: (hint) => isIn(known, hint),
    hasWindow: (digest) => windows.has(toHex(digest)),
  };
}

function isIn(sorted: Float64Array, value: number): boolean {
  let [from, until] = [0, sorted.length];
  while (from < until) {
    const middle = (from + until) >>> 1;
    if ((sorted[middle] as number) < value) from = middle + 1;
    else until = middle;
  }
  return sorted[from] === value;
}
