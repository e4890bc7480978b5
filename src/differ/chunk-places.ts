/**
 * Where the chunks of a Base lie, by their ids: columns of numbers and no object a chunk, since an image of
 * 1 GiB has a million of them.
 *
 * An id is represented by its first 8 bytes. That two chunks are taken for equal though they are not would
 * cost bytes in a delta and nothing else.
 *
 * @module
 */
import { DIGEST_BYTES } from '../core/digest.ts';
import type { ScannedChunks } from '../pool/tasks.ts';

/** Places of one id that are looked at. */
const CHAIN = 64;

export class ChunkPlaces {
  #count = 0;
  #offsets = new Float64Array(1 << 12);
  #lengths = new Uint32Array(1 << 12);
  /** Two words of the id a chunk; both zero for a chunk of zeros. */
  #ids = new Uint32Array(1 << 13);
  #next = new Int32Array();
  #heads = new Int32Array();
  #last = -1;

  addAll(chunks: ScannedChunks): void {
    const count = chunks.lengths.length;
    while (this.#count + count > this.#offsets.length) this.#grow();
    const words = wordsOf(chunks);
    let offset = chunks.from;
    for (let i = 0; i < count; i++) {
      const at = this.#count + i;
      this.#offsets[at] = offset;
      this.#lengths[at] = chunks.lengths[i] as number;
      this.#ids[2 * at] = words[i * 8] as number;
      this.#ids[2 * at + 1] = words[i * 8 + 1] as number;
      offset += chunks.lengths[i] as number;
    }
    this.#count += count;
  }

  #grow(): void {
    const size = this.#offsets.length * 2;
    const [offsets, lengths, ids] = [this.#offsets, this.#lengths, this.#ids];
    this.#offsets = new Float64Array(size);
    this.#offsets.set(offsets);
    this.#lengths = new Uint32Array(size);
    this.#lengths.set(lengths);
    this.#ids = new Uint32Array(2 * size);
    this.#ids.set(ids);
  }

  /** Call it when all chunks are in and before any is looked for. */
  freeze(): void {
    this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(this.#count + 2))).fill(-1);
    this.#next = new Int32Array(this.#count);
    // From the last to the first, so that a chain ascends.
    for (let i = this.#count - 1; i >= 0; i--) {
      if (this.#ids[2 * i] === 0 && this.#ids[2 * i + 1] === 0) continue;
      const slot = (this.#ids[2 * i] as number) & (this.#heads.length - 1);
      this.#next[i] = this.#heads[slot] as number;
      this.#heads[slot] = i;
    }
  }

  /**
   * Where the Base has chunk `index` of `chunks`: behind the one found last if possible, or else as near to
   * `expected` as possible. Chunks of zeros are found only behind the last.
   */
  find(chunks: ScannedChunks, index: number, expected: number): number | undefined {
    const words = wordsOf(chunks);
    const low = words[index * 8] as number;
    const high = words[index * 8 + 1] as number;
    const length = chunks.lengths[index] as number;
    const follower = this.#last + 1;
    if (this.#last >= 0 && follower < this.#count && this.#offsets[follower] === expected) {
      if (this.#is(follower, low, high, length)) {
        this.#last = follower;
        return expected;
      }
    }
    if ((low === 0 && high === 0) || this.#count === 0) return undefined;
    let best = -1;
    let distance = Number.POSITIVE_INFINITY;
    let i = this.#heads[low & (this.#heads.length - 1)] as number;
    for (let seen = 0; i >= 0 && seen < CHAIN; i = this.#next[i] as number) {
      if (!this.#is(i, low, high, length)) continue;
      seen += 1;
      const apart = Math.abs((this.#offsets[i] as number) - expected);
      if (best < 0 || apart < distance) {
        best = i;
        distance = apart;
      }
    }
    if (best < 0) return undefined;
    this.#last = best;
    return this.#offsets[best];
  }

  #is(i: number, low: number, high: number, length: number): boolean {
    return this.#ids[2 * i] === low && this.#ids[2 * i + 1] === high && this.#lengths[i] === length;
  }
}

const views = new WeakMap<ScannedChunks, Uint32Array>();

/** The ids as words, eight a chunk. */
function wordsOf(chunks: ScannedChunks): Uint32Array {
  let words = views.get(chunks);
  if (words === undefined) {
    words = new Uint32Array(
      chunks.ids.buffer,
      chunks.ids.byteOffset,
      (chunks.lengths.length * DIGEST_BYTES) / 4,
    );
    views.set(chunks, words);
  }
  return words;
}
