/**
 * Bytes that look like a program: a few instructions, of which some carry a number of four bytes.
 *
 * @module
 */
import { seededBytes, seededRandom } from './seeded-bytes.ts';

/** `length` bytes; `seed` tells programs apart. */
export function programBytes(length: number, seed = 1): Uint8Array {
  const random = seededRandom(seed);
  const out = Buffer.alloc(length + 16);
  const instructions = Array.from({ length: 60 }, (_, i) => seededBytes(`instruction ${i}`, 1 + (i % 7)));
  for (let at = 0; at < length; ) {
    const instruction = instructions[Math.floor(random() ** 2 * 60)] as Uint8Array;
    out.set(instruction, at);
    at += instruction.length;
    if (random() < 0.6) continue;
    out.writeUInt32LE(0x401000 + 16 * Math.floor(random() ** 2 * 5000), at);
    at += 4;
  }
  return new Uint8Array(out.subarray(0, length));
}
