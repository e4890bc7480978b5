/**
 * The Plan: for every window the cheapest way to have it. Pure but for the seeds' indexes it looks into.
 *
 * @module
 */

import type { FrameRef } from '../format/frame.ts';
import { frameKey } from '../format/frame.ts';
import type { IndexHead, WindowEntry } from '../format/index-head.ts';
import { type WindowMap, ZERO_FRAME } from '../format/level2.ts';
import type { FrameSpan } from './frame-source.ts';
import type { KeptWindows } from './kept-windows.ts';
import { BATCH_CHUNKS, FROM_TARGET, NeedTable, NOWHERE } from './need-table.ts';
import type { Seed } from './seeds.ts';

/** How a window comes about. */
export type WindowWay =
  /** It is right in the target. */
  | { readonly way: 'keep' }
  | { readonly way: 'zero' }
  /** It lies whole in a seed, as the seed's index shows or, `byDelta`, as a delta says. */
  | { readonly way: 'copy'; readonly seed: number; readonly offset: number; readonly byDelta?: true }
  /** From a payload of the delta and the seed that is its Base. */
  | { readonly way: 'delta'; readonly payload: FrameRef }
  /** From chunks, of seeds and of frames. */
  | { readonly way: 'rebuild' };

/** What there is to make the image of. */
export interface Sources {
  readonly seeds: readonly Seed[];
  /** Windows that are right in the target already. */
  readonly kept: KeptWindows;
}

/** Chooses the way of each window. */
export function chooseWays(head: IndexHead, sources: Sources): WindowWay[] {
  return head.windows.map((window): WindowWay => {
    if (sources.kept.has(window.offset)) return { way: 'keep' };
    if (window.digest === undefined) return { way: 'zero' };
    for (const [number, seed] of sources.seeds.entries()) {
      const place = seed.index.window(window.digest);
      if (place?.length !== window.length) continue;
      const lasts = !seed.isTarget || sources.kept.holds(place.offset, place.length);
      // The target's old bytes are gone ahead of the window that is being written.
      if (lasts || place.offset >= window.offset) {
        return { way: 'copy', seed: number, offset: place.offset };
      }
    }
    return { way: 'rebuild' };
  });
}

/** Where the bytes of one chunk come from. */
export type ChunkSource =
  | { readonly from: 'zero' }
  | { readonly from: 'seed'; readonly seed: number; readonly offset: number }
  | { readonly from: 'target'; readonly offset: number }
  | { readonly from: 'frame' };

/**
 * Windows to be rebuilt that are planned together, so that the table of their chunks stays small.
 */
export interface Batch {
  readonly windows: readonly number[];
  readonly table: NeedTable;
}

/**
 * Gathers windows into batches and says, batch by batch, where their chunks are.
 *
 * @param windows numbers of windows with way `rebuild`, ascending
 * @param mapOf level 2 of a window
 * @param batchChunks chunks after which a batch is closed
 */
export function* planBatches(
  head: IndexHead,
  windows: readonly number[],
  mapOf: (window: number) => WindowMap,
  { seeds, kept }: Sources,
  batchChunks: number = BATCH_CHUNKS,
): Generator<Batch> {
  for (let at = 0; at < windows.length; ) {
    const batch: number[] = [];
    let chunks = 0;
    while (at < windows.length && (batch.length === 0 || chunks < batchChunks)) {
      chunks += mapOf(windows[at] as number).lengths.length;
      batch.push(windows[at] as number);
      at += 1;
    }
    const table = new NeedTable(chunks);
    for (const window of batch) {
      forEachChunk(head, window, mapOf(window), ({ hint, length }) => table.need(hint, length));
    }
    for (const [number, seed] of seeds.entries()) {
      seed.index.forEachChunk((offset, { length, zero, hint }) => {
        if (zero) return;
        if (!seed.isTarget) table.offer(hint, length, number, offset);
        else if (kept.holds(offset, length)) table.offer(hint, length, FROM_TARGET, offset);
        else table.offerAhead(hint, length, offset);
      });
    }
    for (const window of batch) {
      forEachChunk(head, window, mapOf(window), ({ hint, length, offset }) => {
        table.offer(hint, length, FROM_TARGET, offset);
      });
    }
    yield { windows: batch, table };
  }
}

/** A chunk of a window that is not zeros. */
export interface PlannedChunk {
  readonly hint: number;
  readonly length: number;
  /** In the image. */
  readonly offset: number;
  /** Position in the window's map. */
  readonly at: number;
}

/** Visits the chunks of a window that are not zeros. */
export function forEachChunk(
  head: IndexHead,
  window: number,
  map: WindowMap,
  visit: (chunk: PlannedChunk) => void,
): void {
  let { offset } = head.windows[window] as WindowEntry;
  for (let at = 0; at < map.lengths.length; at++) {
    const length = map.lengths[at] as number;
    if (map.frameOf[at] !== ZERO_FRAME) visit({ hint: map.hints[at] as number, length, offset, at });
    offset += length;
  }
}

/** Where to take a chunk of `window` from. */
export function sourceOf(
  chunk: Pick<PlannedChunk, 'hint' | 'length'>,
  window: WindowEntry,
  table: NeedTable,
  { seeds, kept }: Sources,
): ChunkSource {
  const { hint, length } = chunk;
  const found = table.find(hint, length);
  if (found === undefined) return { from: 'frame' };
  const { source, offset, ahead } = found;
  if (source === FROM_TARGET) {
    // What this window and later ones hold has not been written yet.
    if (offset + length <= window.offset || kept.holds(offset, length)) return { from: 'target', offset };
  } else if (source !== NOWHERE) {
    return { from: 'seed', seed: source, offset };
  }
  if (ahead < window.offset) return { from: 'frame' };
  return { from: 'seed', seed: seeds.findIndex(({ isTarget }) => isTarget), offset: ahead };
}

/**
 * The frames that a window needs, added to `spans` in order of first use.
 */
export function addFrames(
  head: IndexHead,
  window: number,
  map: WindowMap,
  needed: (chunk: PlannedChunk) => boolean,
  spans: Map<number, FrameSpan>,
): void {
  forEachChunk(head, window, map, (chunk) => {
    if (!needed(chunk)) return;
    const frame = map.frames[map.frameOf[chunk.at] as number] as WindowMap['frames'][number];
    const key = frameKey(frame);
    const known = spans.get(key);
    if (known !== undefined) known.lastWindow = window;
    else
      spans.set(key, {
        object: frame.pack,
        offset: frame.offset,
        length: frame.stored,
        frame,
        lastWindow: window,
      });
  });
}
