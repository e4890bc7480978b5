/**
 * Where each chunk of a batch of windows can be had: open addressing over hints, filled first with what is
 * needed, then with where seeds have it. Of a fixed size, however large the image.
 *
 * @module
 */

/** Chunks of a batch: 30 bytes a slot, at most two thirds of them taken: 8 MiB of table. */
export const BATCH_CHUNKS: number = 2 ** 17;

/** Bytes of the new image itself, in the target. */
export const FROM_TARGET = -2;
/** No place that lasts. */
export const NOWHERE = -1;

export interface Location {
  /** Number of the seed, {@link FROM_TARGET} or {@link NOWHERE}. */
  readonly source: number;
  readonly offset: number;
  /** Also among the target's old bytes here, which are lost once the writing gets there; −1: not. */
  readonly ahead: number;
}

export class NeedTable {
  readonly #slots: number;
  readonly #hints: Float64Array;
  readonly #lengths: Uint32Array;
  readonly #sources: Int16Array;
  readonly #offsets: Float64Array;
  readonly #ahead: Float64Array;

  /** @param chunks to be added at most */
  constructor(chunks: number) {
    this.#slots = 2 ** Math.ceil(Math.log2(Math.max(16, chunks * 1.5)));
    this.#hints = new Float64Array(this.#slots).fill(-1);
    this.#lengths = new Uint32Array(this.#slots);
    this.#sources = new Int16Array(this.#slots).fill(NOWHERE);
    this.#offsets = new Float64Array(this.#slots);
    this.#ahead = new Float64Array(this.#slots).fill(-1);
  }

  /** Makes a chunk wanted. */
  need(hint: number, length: number): void {
    const slot = this.#slot(hint, length);
    this.#hints[slot] = hint;
    this.#lengths[slot] = length;
  }

  /** Says where a wanted chunk lies for good; the first to say so wins. Nothing for other chunks. */
  offer(hint: number, length: number, source: number, offset: number): void {
    const slot = this.#slot(hint, length);
    if (this.#hints[slot] !== hint || this.#sources[slot] !== NOWHERE) return;
    this.#sources[slot] = source;
    this.#offsets[slot] = offset;
  }

  /** Says where a wanted chunk lies among the old bytes of the target; the furthest is good for longest. */
  offerAhead(hint: number, length: number, offset: number): void {
    const slot = this.#slot(hint, length);
    if (this.#hints[slot] === hint) this.#ahead[slot] = Math.max(this.#ahead[slot] as number, offset);
  }

  find(hint: number, length: number): Location | undefined {
    const slot = this.#slot(hint, length);
    const source = this.#sources[slot] as number;
    const ahead = this.#ahead[slot] as number;
    if (source === NOWHERE && ahead < 0) return undefined;
    return { source, offset: this.#offsets[slot] as number, ahead };
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
