/**
 * The places, in frames of earlier releases, that images of certain releases take their chunks from: what a device
 * with one of those releases has already.
 *
 * Memory: 8 bytes a chunk, 16 while it grows, of at most {@link MAX_CHUNKS} chunks, and only until known chunks are
 * loaded. Past that every chunk counts as one that a device has.
 *
 * @module
 */
import { toHex } from '../core/digest.ts';
import type { PackEntry } from '../format/index-head.ts';
import { type WindowMap, ZERO_FRAME } from '../format/level2.ts';
import { MAX_FRAME_PLAIN } from '../format/limits.ts';
import { MAX_CHUNKS } from './chunk-table.ts';

export class BasePlaces {
  readonly #capacity: number;
  /** A number for each frame, by the name of its pack and where it begins there. */
  readonly #frames = new Map<string, Map<number, number>>();
  #frameCount = 0;
  /** Frame number × {@link MAX_FRAME_PLAIN} + offset in the frame, and once more for each use. */
  #places = new Float64Array(1024);
  #count = 0;
  #isSorted = true;
  #isFull = false;

  /** @param capacity places at most; a test makes it small */
  constructor(capacity: number = MAX_CHUNKS) {
    this.#capacity = capacity;
  }

  /**
   * Adds what an image takes.
   *
   * @param packs the pack table of its index
   * @param windows level 2 of its index
   * @throws what `windows` throws
   */
  async add(packs: readonly PackEntry[], windows: AsyncIterable<{ readonly map: WindowMap }>): Promise<void> {
    const names = packs.map(({ digest }) => toHex(digest));
    for await (const { map } of windows) {
      const numbers = map.frames.map(({ pack, offset }) => this.#numberOf(names[pack] as string, offset));
      map.frameOf.forEach((frame, i) => {
        if (frame !== ZERO_FRAME) this.#push(numbers[frame] as number, map.offsetIn[i] as number);
      });
      if (this.#isFull) return;
    }
  }

  /** True when the chunk at `offset` of the frame that begins at `frameOffset` of the pack is taken. */
  has(pack: PackEntry, frameOffset: number, offset: number): boolean {
    if (this.#isFull) return true;
    const frame = this.#frames.get(toHex(pack.digest))?.get(frameOffset);
    return frame !== undefined && isIn(this.#sorted(), frame * MAX_FRAME_PLAIN + offset);
  }

  #numberOf(pack: string, frameOffset: number): number {
    let frames = this.#frames.get(pack);
    if (frames === undefined) {
      frames = new Map();
      this.#frames.set(pack, frames);
    }
    let number = frames.get(frameOffset);
    if (number === undefined) {
      number = this.#frameCount++;
      frames.set(frameOffset, number);
    }
    return number;
  }

  #push(frame: number, offset: number): void {
    if (this.#count === this.#capacity) {
      this.#isFull = true;
      return;
    }
    if (this.#count === this.#places.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#places);
      this.#places = larger;
    }
    this.#places[this.#count++] = frame * MAX_FRAME_PLAIN + offset;
    this.#isSorted = false;
  }

  #sorted(): Float64Array {
    const places = this.#places.subarray(0, this.#count);
    if (!this.#isSorted) places.sort();
    this.#isSorted = true;
    return places;
  }
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
