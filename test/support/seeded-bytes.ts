/**
 * Bytes that look random and are the same in every run.
 *
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { sha256 } from '../../src/core/digest.ts';

/** `length` bytes of the stream that `seed` names: AES-128-CTR over zeros, incompressible. */
export function seededBytes(seed: string, length: number): Uint8Array {
  const key = sha256(Buffer.from(seed));
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
  return new Uint8Array(cipher.update(Buffer.alloc(length)));
}

/** Numbers from 0 up to, not including, 1: `Math.random` with a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
