/**
 * Cuts an image on all workers at once, with the result of cutting it on one.
 *
 * Each worker cuts a segment as if a chunk began at its first byte. Where the chunks of one segment end
 * inside the next, cutting goes on from there until it meets a cut that the next worker has found too;
 * behind it both agree, since a cut depends only on the bytes before it and on the distance from the last
 * cut. That takes a few chunks in data and a whole segment in a run of zeros, which cuts at memory speed.
 *
 * @module
 */
import { type Chunker, type ChunkerSpec, createChunker } from '../chunker/chunker.ts';
import { DIGEST_BYTES } from '../core/digest.ts';
import { MiB } from '../core/sizes.ts';
import type { SourceFile } from '../io/source-file.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { scanFile } from '../pool/scan-file.ts';
import type { ScannedChunks } from '../pool/tasks.ts';

/** Bytes of a segment: large enough that a task is worth its round trip, small enough to share evenly. */
export const SEGMENT_BYTES: number = 16 * MiB;

/**
 * The chunks of an image, in order and without gaps, in batches.
 *
 * @param segmentBytes does not change the result
 * @throws SiltError IMAGE_CHANGED, IO_FAILED
 */
export async function* scanImage(
  file: SourceFile,
  spec: ChunkerSpec,
  pool: WorkerPool,
  segmentBytes: number = Math.max(SEGMENT_BYTES, spec.max),
): AsyncGenerator<ScannedChunks> {
  const ahead: Promise<ScannedChunks>[] = [];
  let chunker: Chunker | undefined;
  let next = 0;
  let position = 0;
  while (next < file.size || ahead.length > 0) {
    while (next < file.size && ahead.length < pool.workers * 2) {
      const until = Math.min(next + segmentBytes, file.size);
      const scan = pool.scan({ path: file.path, size: file.size, from: next, until, chunker: spec });
      // Failures are met where the segment is awaited, in order; until then they must not go unhandled.
      scan.catch(() => {});
      ahead.push(scan);
      next = until;
    }
    const segment = await (ahead.shift() as Promise<ScannedChunks>);
    const ends = endsOf(segment);
    const last = ends[ends.length - 1] as number;
    if (position >= last) continue;
    let agreed = segment.from === position ? 0 : ends.indexOf(position) + 1;
    if (segment.from !== position && agreed === 0) {
      chunker ??= createChunker(spec);
      const known = new Set(ends);
      const range = { from: position, until: last, size: file.size };
      const recut = scanFile(file, chunker, range, (end) => known.has(end));
      yield recut;
      position = endsOf(recut).at(-1) as number;
      agreed = ends.indexOf(position) + 1;
      if (agreed === 0) continue;
    }
    if (agreed < segment.lengths.length) {
      yield {
        from: position,
        lengths: segment.lengths.subarray(agreed),
        ids: segment.ids.subarray(agreed * DIGEST_BYTES),
        zeros: segment.zeros.subarray(agreed),
      };
      position = last;
    }
  }
}

function endsOf(chunks: ScannedChunks): Float64Array {
  const ends = new Float64Array(chunks.lengths.length);
  let end = chunks.from;
  chunks.lengths.forEach((length, i) => {
    end += length;
    ends[i] = end;
  });
  return ends;
}
