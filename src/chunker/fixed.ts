/**
 * Chunks of one size, for data that changes in place and never moves (databases, disk images of fixed
 * layout); the last one may be shorter.
 *
 * @module
 */
import type { Chunker, ChunkerSpec } from './chunker.ts';

/** Lengths that one call returns at most. */
const CAPACITY = 65_536;

/** A fixed-size chunker; `spec.max` is the size. */
export function createFixed(spec: ChunkerSpec, bufferBytes: number): Chunker {
  const size = spec.max;
  return {
    spec,
    buffer: new Uint8Array(bufferBytes),
    cut: (start, end, final) => {
      const whole = Math.min(Math.floor((end - start) / size), CAPACITY);
      const rest = end - start - whole * size;
      const tail = final && rest > 0 && whole < CAPACITY;
      const lengths = new Uint32Array(whole + (tail ? 1 : 0)).fill(size, 0, whole);
      if (tail) lengths[whole] = rest;
      return lengths;
    },
  };
}
