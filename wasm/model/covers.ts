/**
 * Covers: stretches of the window that resemble stretches of the Base, byte by byte.
 *
 * Coded is where they differ, then by how much. A flag says whether any byte of a block differs; in a block that
 * does, a flag says it of each byte. The first byte of a run that differs may begin a field (`fields.ts`), whose
 * four bytes then are known at once; else the byte is coded by its difference (`differences.ts`). Contexts are the
 * Base's bytes around, which the decoder has, and what differed so far.
 */
import { codeDifference, differenceAt } from './differences';
import { codeField, learnField, shift } from './fields';
import { fold, hash } from './hash';
import { codeAlone, learnLone, LONE_SLOT, loneEstimate, resetLoneSlots } from './lone-bit';
import { codeMixed, MIXER_SLOTS, MIXER_WEIGHTS, resetMixerSlots, resetMixerWeights } from './mixer';
import { encoding } from './range-coder';

/** Bytes of a cover that share one "all equal" flag. */
const BLOCK: u32 = 64;
/** Distance since the last difference when there is none near. */
const FAR: u32 = 255;
/** Bytes of a field. */
const FIELD: u32 = 4;
/** A run of differing bytes counts up to here. */
const MOST_RUN: u32 = 7;

/** log2 of the slots of the quick flag. */
const QUICK_BITS: u32 = 16;
const QUICK_LIMIT: u32 = 255;
/** Below this probability (in 2^22) that a byte differs, one cheap prediction is enough. */
const SURE: u32 = 131072;

/** Sets of weights: of a block's flag by two flags ahead; of a byte's by history, position and distance. */
const BLOCK_SETS: usize = 4;
const BYTE_SETS: usize = 512;

let blockWeights: usize = 0;
let byteWeights: usize = 0;
let quick: usize = 0;
/** Flags of blocks and of bytes share them. */
let flagSlots: usize = 0;

/** Flags of the last blocks. */
let blocks: u32 = 0;

/** @returns where the tables end */
export function layCovers(at: usize): usize {
  blockWeights = at;
  byteWeights = blockWeights + BLOCK_SETS * MIXER_WEIGHTS;
  quick = byteWeights + BYTE_SETS * MIXER_WEIGHTS;
  flagSlots = quick + (LONE_SLOT << QUICK_BITS);
  return flagSlots + MIXER_SLOTS;
}

export function resetCovers(): void {
  resetMixerWeights(blockWeights, quick);
  resetLoneSlots(quick, flagSlots);
  resetMixerSlots(flagSlots, flagSlots + MIXER_SLOTS);
  blocks = 0;
}

@inline function differs(at: usize, base: usize, end: usize): u32 {
  for (; at < end; at++, base++) if (load<u8>(at) != load<u8>(base)) return 1;
  return 0;
}

/** Codes whether any byte of a block differs; `distance` is that since the last difference. */
function codeBlock(bit: u32, distance: u32): u32 {
  const a = i32x4(
    fold(blocks & 0xff, 0x100), fold(blocks & 0xffff, 0x200),
    fold((blocks & 15) | distance << 4, 0x300), fold(blocks & 3, 0x400),
  );
  const b = i32x4(
    fold(blocks & 0xfffff, 0x500), fold(blocks & 0xfff, 0x600), fold(0, 0x700), fold(blocks & 1, 0x800),
  );
  bit = codeMixed(bit, flagSlots, a, b, blockWeights + <usize>(blocks & 3) * MIXER_WEIGHTS);
  blocks = (blocks << 1) | bit;
  return bit;
}

/**
 * Codes whether the byte at `at` differs from that at `base`.
 *
 * @param align position in the window, modulo 8
 * @param history flags of the bytes ahead, the last one lowest
 * @param distance bytes since the last difference
 * @param last the last difference
 * @param run differing bytes right ahead
 */
@inline function codeFlag(
  bit: u32, at: usize, base: usize, align: u32, history: u32, distance: u32, last: u32, run: u32,
): u32 {
  const before = load<u32>(base - 4), was = load<u32>(base), old = was & 255;
  const near = min(distance, 7);
  const h = hash(old | before >> 24 << 8, (history & 3) | near << 2);
  const cheap = quick + (<usize>(h >> (32 - QUICK_BITS)) << 2);
  const slot = load<u32>(cheap);
  if (loneEstimate(slot) < SURE) return codeAlone(bit, cheap, slot, QUICK_LIMIT);

  const back4 = differenceAt(at - 4, base - 4), back8 = differenceAt(at - 8, base - 8);
  const back16 = differenceAt(at - 16, base - 16);
  const a = i32x4(
    fold(history & 0xffff, 1), fold(old | before >> 24 << 8 | (history & 15) << 16, 2),
    fold(before >> 8, 3 + (min(distance, 8) << 4)), fold(was, 4 + ((history & 7) << 4)),
  );
  const b = i32x4(
    fold(min(distance, 31) << 11 | align << 8 | history & 255, 5),
    fold(last | run << 8 | old << 16, 6 + ((history & 7) << 4)),
    fold(before, 7 + ((history & 15) << 4)), fold(back8 | back16 << 8 | back4 << 16, 8 + (align << 4)),
  );
  const set = (history & 7) | align << 3 | near << 6;
  bit = codeMixed(bit, flagSlots, a, b, byteWeights + <usize>set * MIXER_WEIGHTS);
  learnLone(cheap, slot, bit, QUICK_LIMIT);
  return bit;
}

/** Flags of the four bytes of a field; the first always differs. */
@inline function flagsOf(changed: u32): u32 {
  return 8 | <u32>((changed & 0xff00) != 0) << 2 | <u32>((changed & 0xff0000) != 0) << 1 | <u32>(changed > 0xffffff);
}

/**
 * Codes the bytes [start, end) of the window, which lie on those of the Base at `source`.
 *
 * @param place of the source in the Base
 * @param position of `start` in the window
 */
export function codeCover(start: usize, end: usize, source: usize, place: u32, position: u32): void {
  const toBase = source - start;
  const window = start - position;
  const drift = position - place;
  let at = start;
  let history: u32 = 0;
  let distance: u32 = FAR;
  let run: u32 = 0;
  let last1: u32 = 0;
  let last2: u32 = 0;
  let fieldEnd: usize = 0;
  while (at < end) {
    const stop = min(at + BLOCK, end);
    if (!codeBlock(encoding ? differs(at, at + toBase, stop) : 0, distance)) {
      if (!encoding) memory.copy(at, at + toBase, stop - at);
      at = stop;
      distance = FAR;
      history = 0;
      run = 0;
      continue;
    }
    // A field may go over the block's end.
    while (at < stop) {
      const base = at + toBase;
      const here = <u32>(at - window), align = here & 7;
      const old = <u32>load<u8>(base);
      const value = encoding ? <u32>load<u8>(at) : 0;
      const bit = codeFlag(<u32>(value != old), at, base, align, history, distance, last1, run);
      if (bit && run == 0 && at >= fieldEnd && at + FIELD <= end) {
        if (fieldEnd != 0) {
          const field = fieldEnd - FIELD;
          learnField(load<u32>(field + toBase), load<u32>(field), <u32>(field - window) - drift, drift);
        }
        fieldEnd = at + FIELD;
        if (codeField(at, base, here - drift, drift, here, last1, history)) {
          const was = load<u32>(base), made = was + shift, changed = made ^ was;
          if (!encoding) store<u32>(at, made);
          history = (history << 4) | flagsOf(changed);
          distance = 1 + (clz(changed) >> 3);
          last2 = 0;
          last1 = shift & 255;
          at += FIELD;
          continue;
        }
      }
      history = (history << 1) | bit;
      if (bit) {
        const difference = codeDifference((value - old) & 255, at, base, align, run, last1, last2);
        if (!encoding) store<u8>(at, <u8>(old + difference));
        last2 = last1;
        last1 = difference;
        if (run < MOST_RUN) run += 1;
        distance = 1;
      } else {
        if (!encoding) store<u8>(at, <u8>old);
        distance += 1;
        run = 0;
      }
      at += 1;
    }
  }
}
