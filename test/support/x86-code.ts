/**
 * Bytes with branches close together, which the x86 filter must undo without a trace.
 *
 * @module
 */
import { seededRandom } from './seeded-bytes.ts';

/** Mostly opcodes of branches and displacements near zero, with whatever else between them. */
export function x86Code(length: number, seed = 1): Uint8Array {
  const random = seededRandom(seed);
  const pick = [0xe8, 0xe9, 0x0f, 0x80, 0x8f, 0x00, 0x00, 0xff, 0xff, 0x01, 0x7f];
  return Uint8Array.from({ length }, () =>
    random() < 0.8 ? (pick[Math.floor(random() * pick.length)] as number) : Math.floor(random() * 256),
  );
}
