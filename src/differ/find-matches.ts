/**
 * Match finding in tiers: chunks that both files have; then, in the gaps between them, what resembles the
 * Base near its neighbours' diagonals; then, for what is left, the remainder of the Base by its sorted
 * suffixes, segment by segment.
 *
 * The result depends on the two files and, when it is small, on the memory bound; never on the number of
 * workers.
 *
 * @module
 */
import { type ChunkerSpec, chunkerSpec } from '../chunker/chunker.ts';
import { inOrder } from '../core/in-order.ts';
import { KiB, MiB } from '../core/sizes.ts';
import type { Matches } from '../delta/matches.ts';
import type { SourceFile } from '../io/source-file.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { findChunkRuns } from './chunk-runs.ts';
import { baseHoles, type Holes, joined, targetHoles, total } from './coverage.ts';

/** How the work is split. Other sizes give other matches, about as good. */
export interface MatchSizes {
  readonly chunker: ChunkerSpec;
  /** Bytes that are cut in one task. */
  readonly stretch: number;
  /** Bytes of gaps that are searched near their neighbours in one task. */
  readonly batch: number;
  /** Bytes of the Base whose suffixes are sorted together. */
  readonly segment: number;
}

export const DEFAULT_SIZES: MatchSizes = Object.freeze({
  chunker: chunkerSpec('fastcdc-1', 1 * KiB),
  stretch: 16 * MiB,
  batch: 2 * MiB,
  segment: 16 * MiB,
});

export interface FindMatchesOptions {
  /** Bound for the memory of sorting; 512 MiB if not given. */
  readonly memoryBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: MatchProgress) => void) | undefined;
  readonly sizes?: MatchSizes | undefined;
}

export interface MatchProgress {
  readonly phase: 'chunks' | 'near' | 'suffixes';
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** Memory that a segment takes while it is searched, for each of its bytes. */
const COST = 7;
const DEFAULT_MEMORY: number = 512 * MiB;

/** Gaps and holes are searched a little beyond their ends. */
const GAP_MARGIN = 32;
const HOLE_MARGIN = 40;
/** What is left of the Base comes with so much of its surroundings. */
const BASE_MARGIN = 64;
/** Holes that are not worth a search. */
const SMALL_HOLE = 8;
/** Matches on one diagonal that are so near to each other are one. */
const APART = 48;

/**
 * Stretches of the target that resemble stretches of the Base, ascending: candidates for covers.
 *
 * @throws SiltError IO_FAILED, IMAGE_CHANGED; the reason of the signal
 */
export async function findMatches(
  base: SourceFile,
  target: SourceFile,
  pool: WorkerPool,
  options: FindMatchesOptions = {},
): Promise<Matches> {
  const sizes = options.sizes ?? DEFAULT_SIZES;
  const { signal } = options;
  const progress = (phase: MatchProgress['phase'], bytesTotal: number): ((bytes: number) => void) => {
    let bytesDone = 0;
    options.onProgress?.({ phase, bytesDone, bytesTotal });
    return (bytes) => {
      signal?.throwIfAborted();
      bytesDone += bytes;
      options.onProgress?.({ phase, bytesDone, bytesTotal });
    };
  };
  const runs = await findChunkRuns(base, target, pool, sizes, progress('chunks', base.size + target.size));
  const gaps = targetHoles(runs, target.size, 1, GAP_MARGIN);
  const near = await searchNear(base, target, pool, gaps, sizes.batch, progress('near', gaps.bytes));
  const found = joined([runs, ...near], APART);
  const holes = targetHoles(found, target.size, SMALL_HOLE, HOLE_MARGIN);
  const pieces =
    holes.bytes === 0 ? new Float64Array() : baseHoles(found, base.size, SMALL_HOLE, BASE_MARGIN);
  const memory = options.memoryBytes ?? DEFAULT_MEMORY;
  const segment = Math.max(1 * MiB, Math.min(sizes.segment, Math.floor(memory / COST)));
  const far = await searchSegments(
    base,
    target,
    pool,
    { holes, pieces, segment, memory },
    progress('suffixes', total(pieces)),
  );
  return joined([found, ...far], APART);
}

async function searchNear(
  base: SourceFile,
  target: SourceFile,
  pool: WorkerPool,
  gaps: Holes,
  batch: number,
  onProgress: (bytes: number) => void,
): Promise<Matches[]> {
  const found: Matches[] = [];
  const tasks = inOrder(batches(gaps, batch), pool.workers * 2, async (part) => {
    const task = { basePath: base.path, targetPath: target.path, pieces: new Float64Array(), ...part };
    return { matches: await pool.match(task), bytes: total(part.gaps) };
  });
  for await (const { matches, bytes } of tasks) {
    found.push(matches);
    onProgress(bytes);
  }
  return found;
}

/** Gaps one after another, about `size` bytes of them at a time. */
function* batches(gaps: Holes, size: number): Generator<{ gaps: Float64Array; diagonals: Float64Array }> {
  let first = 0;
  let bytes = 0;
  for (let i = 0; i < gaps.ends.length; i += 2) {
    bytes += (gaps.ends[i + 1] as number) - (gaps.ends[i] as number);
    if (bytes < size && i + 2 < gaps.ends.length) continue;
    yield { gaps: gaps.ends.slice(first, i + 2), diagonals: gaps.diagonals.slice(first, i + 2) };
    first = i + 2;
    bytes = 0;
  }
}

async function searchSegments(
  base: SourceFile,
  target: SourceFile,
  pool: WorkerPool,
  work: {
    readonly holes: Holes;
    readonly pieces: Float64Array;
    readonly segment: number;
    readonly memory: number;
  },
  onProgress: (bytes: number) => void,
): Promise<Matches[]> {
  const { holes, pieces, segment, memory } = work;
  const atOnce = Math.max(1, Math.floor(memory / (COST * segment)));
  const found: Matches[] = [];
  const tasks = inOrder(segments(pieces, segment), Math.min(atOnce, pool.workers), async (part) => {
    const task = {
      basePath: base.path,
      targetPath: target.path,
      pieces: part,
      gaps: holes.ends,
      diagonals: holes.diagonals,
    };
    return { matches: await pool.match(task), bytes: total(part) };
  });
  for await (const { matches, bytes } of tasks) {
    found.push(matches);
    onProgress(bytes);
  }
  return found;
}

/** Pieces one after another, `size` bytes of them at a time. */
export function* segments(pieces: Float64Array, size: number): Generator<Float64Array> {
  let part: number[] = [];
  let bytes = 0;
  for (let i = 0; i < pieces.length; i += 2) {
    let start = pieces[i] as number;
    const end = pieces[i + 1] as number;
    while (start < end) {
      const length = Math.min(end - start, size - bytes);
      part.push(start, start + length);
      start += length;
      bytes += length;
      if (bytes < size) continue;
      yield Float64Array.from(part);
      part = [];
      bytes = 0;
    }
  }
  if (bytes > 0) yield Float64Array.from(part);
}
