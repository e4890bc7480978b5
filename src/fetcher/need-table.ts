/**
 * Where each chunk of a batch of windows can be had: open addressing over hints, filled first with what is
 * needed, then with where seeds have it. Of a fixed size, however large the image.
 *
 * @module
 */

/** Chunks of a batch: 22 bytes a slot, at most two thirds of them taken: 6 MiB of table. */
export const BATCH_CHUNKS: number = 2 ** 17;

/** Earlier bytes of the new image itself, already verified and written. */
export const FROM_TARGET = -2;
const NOWHERE = -1;

export interface Location {
  /** Number of the seed, or {@link FROM_TARGET}. */
  readonly source: number;
  readonly offset: number;
}

export class NeedTable {
  readonly #slots: number;
  readonly #hints: Float64Array;
  readonly #lengths: Uint32Array;
  readonly #sources: Int16Array;
  readonly #offsets: Float64Array;

  /** @param chunks to be added at most */
  constructor(chunks: number) {
    this.#slots = 2 ** Math.ceil(Math.log2(Math.max(16, chunks * 1.5)));
    this.#hints = new Float64Array(this.#slots).fill(-1);
    this.#lengths = new Uint32Array(this.#slots);
    this.#sources = new Int16Array(this.#slots).fill(NOWHERE);
    this.#offsets = new Float64Array(this.#slots);
  }

  /** Makes a chunk wanted. */
  need(hint: number, length: number): void {
    const slot = this.#slot(hint, length);
    this.#hints[slot] = hint;
    this.#lengths[slot] = length;
  }

  /**
   * Says where a wanted chunk lies; the first to say so wins, unless `replace`. Nothing for other chunks.
   */
  offer(hint: number, length: number, source: number, offset: number, replace = false): void {
    const slot = this.#slot(hint, length);
    if (this.#hints[slot] !== hint) return;
    if (this.#sources[slot] !== NOWHERE && !(replace && this.#sources[slot] === source)) return;
    this.#sources[slot] = source;
    this.#offsets[slot] = offset;
  }

  find(hint: number, length: number): Location | undefined {
    const slot = this.#slot(hint, length);
    const source = this.#sources[slot] as number;
    return source === NOWHERE ? undefined : { source, offset: this.#offsets[slot] as number };
  }

  #slot(hint: number, length: number): number {
    const mask = this.#slots - 1;
    // The hint is part of a SHA-256, so its low bits are as good as any hash.
    for (let slot = (hint % 2 ** 32) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#hints[slot] as number;
      if (found === -1 || (found === hint && this.#lengths[slot] === length)) return slot;
    }
  }
}
