/**
 * A bit predicted by one context alone: cheap, for where one look is enough.
 *
 * A slot of 32 bits has the probability of a 1 in the upper 22, and in the lower 10 how often it was updated. An
 * update moves it by 1 / (n + 1.6) of the way to the bit, so that it is an average first, and goes with the times
 * once n stays where the caller says.
 */
import { codeBit } from './range-coder';

/** Bytes of a slot. */
export const LONE_SLOT: usize = 4;

/** A slot that knows nothing. */
const HALF: u32 = 0x80000000;

const COUNT_BITS: u32 = 10;
const COUNT_MASK: u32 = (1 << COUNT_BITS) - 1;
/** The highest probability, of 2^22. */
const CERTAIN: u32 = (1 << 22) - 1;
/** Counts that have a rate of their own. */
const COUNTS: u32 = 256;
/** Nothing is coded with less than so many of 65,536. */
const FLOOR: u32 = 16;

/** i32 × COUNTS: by how much a slot moves, in 2^13ths, by its count. */
let rates: usize = 0;

/** Lays the table of rates. @returns where it ends */
export function layLoneBits(at: usize): usize {
  rates = at;
  for (let n: u32 = 0; n < COUNTS; n++) store<i32>(rates + (n << 2), 81920 / (10 * n + 16));
  return rates + COUNTS * 4;
}

export function resetLoneSlots(from: usize, to: usize): void {
  const half = i32x4.splat(HALF);
  for (let at = from; at < to; at += 16) v128.store(at, half);
}

/** The probability of a 1, in 2^22, by a slot. */
@inline export function loneEstimate(slot: u32): u32 {
  return slot >> COUNT_BITS;
}

/** Moves the slot at `at`, which is `slot`, towards `bit`; its count stays once it is `limit`, below 256. */
@inline export function learnLone(at: usize, slot: u32, bit: u32, limit: u32): void {
  const count = slot & COUNT_MASK;
  const distance = <i32>(select<u32>(CERTAIN, 0, bit) - (slot >> COUNT_BITS));
  const step = <u32>((distance >> 3) * load<i32>(rates + (<usize>count << 2)));
  store<u32>(at, slot + (step & ~COUNT_MASK) + (count < limit ? 1 : 0));
}

/** Codes a bit with the slot at `at`, which is `slot`. */
@inline export function codeAlone(bit: u32, at: usize, slot: u32, limit: u32): u32 {
  let p = slot >> 16;
  if (p < FLOOR) p = FLOOR; else if (p > 65536 - FLOOR) p = 65536 - FLOOR;
  bit = codeBit(bit, p);
  learnLone(at, slot, bit, limit);
  return bit;
}
