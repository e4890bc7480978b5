/**
 * A byte in eight contexts: its upper four bits, then its lower four in the same contexts and the upper ones.
 *
 * Each context has a table of lines. A line tells by eight more bits of the hash whose it is, and is forgotten
 * when another context comes: a context that is new is better known to be new.
 */
import { hash4 } from './hash';
import { codeNibble, LINE, NIBBLE_WEIGHTS, resetLine } from './nibble';

/** log2 of the lines that one of the eight contexts has. */
const LINE_BITS: u32 = 13;
/** Bytes of the lines of one context; of half of them; of all eight. */
const CONTEXT: i32 = <i32>LINE << LINE_BITS;
const HALF_LINES: usize = 4 * CONTEXT;
export const BYTE_LINES: usize = 8 * CONTEXT;

/** Bytes of the weights: one set for the upper four bits, and one for the lower by each of the upper. */
export const BYTE_WEIGHTS: usize = 17 * NIBBLE_WEIGHTS;

/** What the lower bits' contexts are changed by, times the upper ones and one. */
const SALT: u32 = 0x3d4d51cb;

export function resetLines(from: usize, to: usize): void {
  for (let at = from; at < to; at += LINE) resetLine(at);
}

/** Addresses of four lines, each in its context's part of the lines from `first` on. */
@inline function lines4(first: usize, contexts: v128): v128 {
  const parts = i32x4.add(i32x4.splat(<i32>first), i32x4(0, CONTEXT, 2 * CONTEXT, 3 * CONTEXT));
  const h = hash4(contexts);
  const lines = i32x4.add(parts, i32x4.shl(i32x4.shr_u(h, 32 - LINE_BITS), 5));
  claim(<usize>i32x4.extract_lane(lines, 0), <u32>i32x4.extract_lane(h, 0));
  claim(<usize>i32x4.extract_lane(lines, 1), <u32>i32x4.extract_lane(h, 1));
  claim(<usize>i32x4.extract_lane(lines, 2), <u32>i32x4.extract_lane(h, 2));
  claim(<usize>i32x4.extract_lane(lines, 3), <u32>i32x4.extract_lane(h, 3));
  return lines;
}

/** Forgets a line of another context. */
@inline function claim(line: usize, h: u32): void {
  const check = (h >> 8) & 255;
  if (<u32>load<u8>(line, 1) == check) return;
  resetLine(line);
  store<u8>(line, <u8>check, 1);
}

/** Codes a byte in the contexts that are the lanes of `a` and `b`. */
export function codeByte(value: u32, lines: usize, weights: usize, a: v128, b: v128): u32 {
  const upper = codeNibble(value >> 4, lines4(lines, a), lines4(lines + HALF_LINES, b), weights);
  const salt = i32x4.splat((upper + 1) * SALT);
  const lowerA = lines4(lines, v128.xor(a, salt)), lowerB = lines4(lines + HALF_LINES, v128.xor(b, salt));
  return upper << 4 | codeNibble(value & 15, lowerA, lowerB, weights + NIBBLE_WEIGHTS * (1 + upper));
}
