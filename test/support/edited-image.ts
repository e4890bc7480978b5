/**
 * An image and its next version, as a rebuilt program is: bytes change everywhere, little is new.
 *
 * @module
 */
import { seededBytes } from './seeded-bytes.ts';

/** `image` with a byte changed every `every` bytes in [from, until). */
export function withFlips(image: Uint8Array, from: number, until: number, every: number): Uint8Array {
  const next = Uint8Array.from(image);
  for (let at = from; at < until; at += every) next[at] = (next[at] as number) ^ 0x55;
  return next;
}

/** `image` with `length` seeded bytes put in at `at`. */
export function withInsertion(image: Uint8Array, at: number, length: number, seed: string): Uint8Array {
  return Buffer.concat([image.subarray(0, at), seededBytes(seed, length), image.subarray(at)]);
}
