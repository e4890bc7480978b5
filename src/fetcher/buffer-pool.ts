/**
 * Buffers that are used again. A device moves gigabytes through a few of them; left to the garbage
 * collector, dead ones pile up to several times of what is alive, since V8 counts such memory late.
 *
 * @module
 */
import { KiB } from '../core/sizes.ts';

/** Sizes are rounded up to this, so that buffers of like frames fit one another. */
const STEP: number = 64 * KiB;

/** Holds no more than were in use at once. */
export class BufferPool {
  readonly #free: ArrayBuffer[] = [];

  /** A buffer of `length` bytes, whatever they are. */
  take(length: number): Uint8Array<ArrayBuffer> {
    let best = -1;
    for (const [at, { byteLength }] of this.#free.entries()) {
      if (byteLength >= length && byteLength < (this.#free[best]?.byteLength ?? length * 2)) best = at;
    }
    if (best >= 0) return new Uint8Array(this.#free.splice(best, 1)[0] as ArrayBuffer, 0, length);
    // None fits: let one go, so that sizes grow to what is needed and numbers do not.
    this.#free.shift();
    return new Uint8Array(new ArrayBuffer(Math.ceil(length / STEP) * STEP), 0, length);
  }

  /** Takes back a buffer from {@link BufferPool.take}, which nobody looks at any more. */
  give(bytes: Uint8Array<ArrayBuffer>): void {
    this.#free.push(bytes.buffer);
  }
}
