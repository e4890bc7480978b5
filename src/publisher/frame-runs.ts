/**
 * Where the chunks of each frame belong in an image: level 2 of its index, turned round and sorted by frame.
 *
 * @module
 */
import { type FrameRef, frameKey } from '../format/frame.ts';
import type { WindowEntry } from '../format/index-head.ts';
import { type WindowMap, ZERO_FRAME } from '../format/level2.ts';

/** Runs of chunks held at a time: some 12 MiB. A window has a few. */
export const STRETCH_RUNS: number = 1 << 18;

/** A frame and what is taken out of it. */
export interface FrameRuns {
  readonly frame: FrameRef;
  /** Three numbers a run: where it goes in the image, where it begins in the frame's plain bytes, its length. */
  readonly runs: number[];
}

/**
 * The frames that the windows name, sorted by pack and offset; all at once while their runs are less than
 * `stretchRuns`, else in several stretches, each of them sorted and with frames of its own.
 *
 * @throws what `windows` throws
 */
export async function* frameStretches(
  windows: AsyncIterable<{ readonly window: WindowEntry; readonly map: WindowMap }>,
  stretchRuns: number,
): AsyncGenerator<FrameRuns[]> {
  let stretch = new Map<number, FrameRuns>();
  let count = 0;
  for await (const { window, map } of windows) {
    count += addWindow(stretch, window, map);
    if (count < stretchRuns) continue;
    yield sorted(stretch);
    stretch = new Map();
    count = 0;
  }
  if (stretch.size > 0) yield sorted(stretch);
}

function addWindow(stretch: Map<number, FrameRuns>, window: WindowEntry, map: WindowMap): number {
  let at = window.offset;
  let next: { readonly frame: number; readonly from: number } | undefined;
  let count = 0;
  map.frameOf.forEach((number, i) => {
    const length = map.lengths[i] as number;
    const from = map.offsetIn[i] as number;
    if (number !== ZERO_FRAME) {
      const { runs } = entryOf(stretch, map.frames[number] as FrameRef);
      if (next?.frame === number && next.from === from) {
        runs[runs.length - 1] = (runs.at(-1) as number) + length;
      } else {
        runs.push(at, from, length);
        count += 1;
      }
    }
    next = { frame: number, from: from + length };
    at += length;
  });
  return count;
}

function entryOf(stretch: Map<number, FrameRuns>, frame: FrameRef): FrameRuns {
  const key = frameKey(frame);
  let entry = stretch.get(key);
  if (entry === undefined) {
    entry = { frame, runs: [] };
    stretch.set(key, entry);
  }
  return entry;
}

function sorted(stretch: ReadonlyMap<number, FrameRuns>): FrameRuns[] {
  return [...stretch].sort(([a], [b]) => a - b).map(([, entry]) => entry);
}
