/**
 * Buffers that are used again. A device moves gigabytes through a few of them; left to the garbage
 * collector, dead ones pile up to several times of what is alive, since V8 counts such memory late.
 *
 * @module
 */
import { KiB } from '../core/sizes.ts';

const SMALLEST: number = 4 * KiB;

/** Holds no more bytes than were in use at once. */
export class BufferPool {
  readonly #free: ArrayBuffer[] = [];
  #freeBytes = 0;
  #usedBytes = 0;
  #peakBytes = 0;

  /** Bytes of all buffers, those in use and those that wait. */
  get bytes(): number {
    return this.#usedBytes + this.#freeBytes;
  }

  /** A buffer of `length` bytes, whatever they are. */
  take(length: number): Uint8Array<ArrayBuffer> {
    let best = -1;
    for (const [at, { byteLength }] of this.#free.entries()) {
      // Twice of what is needed at most, or the memory bound would be one of what is not needed.
      if (byteLength >= length && byteLength < (this.#free[best]?.byteLength ?? length * 2)) best = at;
    }
    let buffer: ArrayBuffer;
    if (best >= 0) {
      buffer = this.#free.splice(best, 1)[0] as ArrayBuffer;
      this.#freeBytes -= buffer.byteLength;
    } else {
      buffer = new ArrayBuffer(roundUp(length));
    }
    this.#usedBytes += buffer.byteLength;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    this.#trim();
    return new Uint8Array(buffer, 0, length);
  }

  /** Takes back a buffer from {@link BufferPool.take}, which nobody looks at any more. */
  give(bytes: Uint8Array<ArrayBuffer>): void {
    this.#free.push(bytes.buffer);
    this.#freeBytes += bytes.buffer.byteLength;
    this.#usedBytes -= bytes.buffer.byteLength;
  }

  /** Lets the oldest go, so that sizes change to what is needed and the sum does not grow. */
  #trim(): void {
    while (this.bytes > this.#peakBytes) {
      this.#freeBytes -= (this.#free.shift() as ArrayBuffer).byteLength;
    }
  }
}

/** To a quarter of the power of two below it, so that buffers of like sizes fit one another. */
function roundUp(length: number): number {
  const step = Math.max(SMALLEST, 2 ** (Math.floor(Math.log2(Math.max(1, length))) - 2));
  return Math.ceil(length / step) * step;
}
