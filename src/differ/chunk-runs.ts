/**
 * The first tier of match finding: chunks of the target that the Base has too, joined to runs on one
 * diagonal.
 *
 * Both files are cut and hashed in stretches that depend on their sizes alone, so the result is the same for
 * any number of workers. Chunks at the edge of a stretch may be missed; a later tier finds them.
 *
 * @module
 */
import type { ChunkerSpec } from '../chunker/chunker.ts';
import { inOrder } from '../core/in-order.ts';
import { MatchList } from '../delta/match-list.ts';
import type { Matches } from '../delta/matches.ts';
import type { SourceFile } from '../io/source-file.ts';
import type { WorkerPool } from '../pool/pool.ts';
import type { ScannedChunks } from '../pool/tasks.ts';
import { ChunkPlaces } from './chunk-places.ts';

/** The cut of the chunks that are compared; nothing of it is stored. */
export interface ChunkRunSizes {
  readonly chunker: ChunkerSpec;
  /** Bytes that one task cuts. */
  readonly stretch: number;
}

/** Runs of equal chunks, ascending; what a run covers no other one does, but for a chunk at its end. */
export async function findChunkRuns(
  base: SourceFile,
  target: SourceFile,
  pool: WorkerPool,
  sizes: ChunkRunSizes,
  onProgress: (bytes: number) => void,
): Promise<Matches> {
  const places = new ChunkPlaces();
  for await (const { chunks, bytes } of scanned(base, pool, sizes)) {
    places.addAll(chunks);
    onProgress(bytes);
  }
  places.freeze();
  const runs = new MatchList();
  // The run at hand.
  let start = 0;
  let end = 0;
  let diagonal = Number.NaN;
  const close = (): void => {
    if (end > start) runs.add(start, start + diagonal, end - start);
  };
  for await (const { chunks, bytes } of scanned(target, pool, sizes)) {
    let at = chunks.from;
    for (let i = 0; i < chunks.lengths.length; i++) {
      const from = places.find(chunks, i, at + diagonal);
      const length = chunks.lengths[i] as number;
      if (from !== undefined) {
        if (from - at !== diagonal || at > end) {
          close();
          start = at;
          diagonal = from - at;
        }
        end = at + length;
      }
      at += length;
    }
    onProgress(bytes);
  }
  close();
  return runs.columns();
}

function scanned(
  file: SourceFile,
  pool: WorkerPool,
  sizes: ChunkRunSizes,
): AsyncGenerator<{ chunks: ScannedChunks; bytes: number }> {
  const { chunker, stretch } = sizes;
  const starts = Array.from({ length: Math.ceil(file.size / stretch) }, (_, i) => i * stretch);
  return inOrder(starts, pool.workers * 2, async (from) => {
    const until = Math.min(from + stretch, file.size);
    return {
      chunks: await pool.scan({ path: file.path, size: file.size, from, until, chunker }),
      bytes: until - from,
    };
  });
}
