/**
 * What an update costs without a delta: the frames, and the parts of level 2, that a device with the Base has
 * to fetch for the windows of the new image.
 *
 * A frame is fetched whole for a single chunk of it, and once for all windows that need it. So the cost of a
 * window by itself is that of all its frames, and several windows together cost less than the sum.
 *
 * @module
 */
import { frameKey } from '../format/frame.ts';
import { type IndexHead, indexSize } from '../format/index-head.ts';
import { type WindowMap, ZERO_FRAME } from '../format/level2.ts';
import type { ObjectSeal } from '../trust/seal/content-key.ts';
import type { HeldChunks } from './held-chunks.ts';
import { readLevel2 } from './read-level2.ts';

export class ChunkCost {
  /** Bytes of a first install: the whole index and every frame of the image. */
  readonly full: number;
  /** Level 2 of each window; 0 where the device needs none, since the Base has the window whole. */
  readonly #level2: Uint32Array;
  /** Frames that a window needs: numbers in `#stored`, from `#first[window]` on. */
  readonly #first: Uint32Array;
  readonly #frames: readonly number[];
  readonly #stored: readonly number[];

  private constructor(columns: Columns, full: number) {
    this.full = full;
    this.#level2 = columns.level2;
    this.#first = columns.first;
    this.#frames = columns.frames;
    this.#stored = columns.stored;
  }

  /**
   * @param headBytes length of level 1
   * @param read gives these bytes of the index object
   * @param seal of a sealed index
   * @throws SiltError what {@link readLevel2} throws
   */
  static async of(
    head: IndexHead,
    headBytes: number,
    read: (offset: number, length: number) => Promise<Uint8Array> | Uint8Array,
    held: HeldChunks,
    seal?: ObjectSeal,
  ): Promise<ChunkCost> {
    const numbers = new Map<number, number>();
    const columns: Columns = {
      level2: new Uint32Array(head.windows.length),
      first: new Uint32Array(head.windows.length + 1),
      frames: [],
      stored: [],
    };
    const maps = readLevel2(head, read, seal);
    for (const [at, { digest, level2 }] of head.windows.entries()) {
      columns.first[at] = columns.frames.length;
      if (digest === undefined || level2 === undefined) continue;
      // Level 2 has an entry for just these windows, in this order.
      const { map } = (await maps.next()).value as { map: WindowMap };
      const local = map.frames.map((frame) => {
        const key = frameKey(frame);
        const number = numbers.get(key) ?? columns.stored.push(frame.stored) - 1;
        numbers.set(key, number);
        return number;
      });
      if (held.hasWindow(digest)) continue;
      columns.level2[at] = level2.length;
      for (const frame of neededFrames(map, held)) columns.frames.push(local[frame] as number);
    }
    columns.first[head.windows.length] = columns.frames.length;
    const all = columns.stored.reduce((sum, stored) => sum + stored, 0);
    return new ChunkCost(columns, all + indexSize(head, headBytes));
  }

  /** Bytes to fetch for this window when no other one needs its frames. */
  alone(window: number): number {
    return this.together([window]);
  }

  /** Bytes to fetch for these windows, each frame once. */
  together(windows: Iterable<number>): number {
    const taken = new Set<number>();
    let bytes = 0;
    for (const window of windows) {
      bytes += this.level2Of(window);
      for (const frame of this.framesOf(window)) taken.add(frame);
    }
    for (const frame of taken) bytes += this.storedBytes(frame);
    return bytes;
  }

  /** Bytes of level 2 to fetch for a window. */
  level2Of(window: number): number {
    return this.#level2[window] as number;
  }

  /** Stored bytes of a frame, by its number. */
  storedBytes(frame: number): number {
    return this.#stored[frame] as number;
  }

  /** Bytes to fetch for the whole image. */
  get total(): number {
    return this.together(this.#level2.keys());
  }

  /** Numbers of the frames that a window needs. */
  framesOf(window: number): readonly number[] {
    return this.#frames.slice(this.#first[window], this.#first[window + 1]);
  }
}

interface Columns {
  readonly level2: Uint32Array;
  readonly first: Uint32Array;
  readonly frames: number[];
  readonly stored: number[];
}

/** Frames of the window, by its own numbers, that have a chunk which the Base has not. */
function neededFrames(map: WindowMap, held: HeldChunks): Set<number> {
  const needed = new Set<number>();
  map.frameOf.forEach((frame, i) => {
    if (frame !== ZERO_FRAME && !needed.has(frame) && !held.has(map.hints[i] as number)) needed.add(frame);
  });
  return needed;
}
