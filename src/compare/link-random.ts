/**
 * Chance that is the same in every run.
 *
 * @module
 */
import { sha256 } from '../core/digest.ts';

/** Numbers from 0 up to, not including, 1; another row of them for each seed. */
export function seededChance(seed: string): () => number {
  // The hash gives neighbouring seeds states that have nothing in common; xorshift must not start at 0.
  let state = Buffer.from(sha256(Buffer.from(seed))).readUInt32LE() || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A whole number of at least 1, exponentially distributed about `mean`. */
export function exponential(mean: number, random: () => number): number {
  return Math.max(1, Math.round(-Math.log(1 - random()) * mean));
}
