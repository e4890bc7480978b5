/**
 * Symbols of four bits from eight contexts at once. Each context has a line of 16 u16: how many of 32,768 lie
 * below each symbol, and in the first, where that would be zero, how often the line was updated, and a check byte.
 * The lines are averaged by weights that learn which contexts to believe: each is multiplied by how much more
 * than all together its context gave to the symbol (exponentiated gradient: Kivinen and Warmuth, "Exponentiated
 * gradient versus gradient descent for linear predictors", 1997).
 *
 * Weights are single precision (IEEE 754); each operation is rounded once, so every machine decodes the same.
 */
import { codeSpan, encoding, spot } from './range-coder';

/** Bytes of a line. */
export const LINE: usize = 32;

/** A line that knows nothing: all symbols alike. */
const FLAT_LOW: v128 = i16x8(0, 2048, 4096, 6144, 8192, 10240, 12288, 14336);
const FLAT_HIGH: v128 = i16x8(16384, 18432, 20480, 22528, 24576, 26624, 28672, 30720);
/** What keeps each symbol possible: 32 of 32,768 each. */
const FLOOR_LOW: v128 = i16x8(0, 32, 64, 96, 128, 160, 192, 224);
const FLOOR_HIGH: v128 = i16x8(256, 288, 320, 352, 384, 416, 448, 480);
const NUMBER_LOW: v128 = i16x8(0, 1, 2, 3, 4, 5, 6, 7);
const NUMBER_HIGH: v128 = i16x8(8, 9, 10, 11, 12, 13, 14, 15);
const NOT_FIRST: v128 = i16x8(0, -1, -1, -1, -1, -1, -1, -1);

/** A line's count stays here. */
const COUNT_LIMIT: u32 = 60;
/** What rates do not fall below, in 32,768ths, and the first of all. */
const RATE_FLOOR: u32 = 900;
const FIRST_RATE: u32 = 20000;

/** Kinds of count that weights tell apart: a line that was seen often deserves another weight. */
const KINDS: u32 = 8;
/** Bytes of a set of weights: f32 × 8 contexts × KINDS. */
export const NIBBLE_WEIGHTS: usize = 8 * 8 * 4;
/** What all weights together come to, in 32,768ths: less than one, so that rounding never overflows. */
const WHOLE: f32 = 32704;
/** How fast weights learn, and their bounds. */
const LEARN: f32 = 0.04;
const KEEP: f32 = 1.0 - LEARN;
const MOST_WEIGHT: f32 = 16;
const LEAST_WEIGHT: f32 = 0.015625;

/** u16 × 64: by how much a line moves, in 32,768ths, by its count. */
let rates: usize = 0;
/** i16 × 17: the mixed line, for looking its symbols up. */
let mixed: usize = 0;

/** Lays the tables. @returns where they end */
export function layNibbles(at: usize): usize {
  rates = at;
  for (let n: u32 = 0; n < 64; n++) {
    store<u16>(rates + (n << 1), <u16>(n == 0 ? FIRST_RATE : 65536 / (2 * n + 3) + RATE_FLOOR));
  }
  mixed = rates + 128;
  return mixed + 64;
}

@inline export function resetLine(at: usize): void {
  v128.store(at, FLAT_LOW);
  v128.store(at, FLAT_HIGH, 16);
}

export function resetNibbleWeights(from: usize, to: usize): void {
  for (let at = from; at < to; at += KINDS * 4) {
    for (let kind: u32 = 0; kind < KINDS; kind++) {
      store<f32>(at + (kind << 2), kind == 0 ? <f32>0.05 : <f32>0.4 + <f32>kind * <f32>0.3);
    }
  }
}

@inline function kindOf(count: u32): u32 {
  return count < 4 ? count : count < 6 ? 4 : count < 10 ? 5 : count < 20 ? 6 : 7;
}

/** Address of the weight that context `i` has with its line. */
@inline function weightAt(weights: usize, i: u32, line: usize): usize {
  return weights + ((i * KINDS + kindOf(<u32>load<u8>(line))) << 2);
}

/** What eight lines have, by their weights of 32,768, in the half of the symbols that begins at `half`. */
@inline function average(
  half: usize, w: v128,
  l0: usize, l1: usize, l2: usize, l3: usize, l4: usize, l5: usize, l6: usize, l7: usize,
): v128 {
  let sum = part(l0 + half, i16x8.extract_lane_s(w, 0));
  sum = i16x8.add(sum, part(l1 + half, i16x8.extract_lane_s(w, 1)));
  sum = i16x8.add(sum, part(l2 + half, i16x8.extract_lane_s(w, 2)));
  sum = i16x8.add(sum, part(l3 + half, i16x8.extract_lane_s(w, 3)));
  sum = i16x8.add(sum, part(l4 + half, i16x8.extract_lane_s(w, 4)));
  sum = i16x8.add(sum, part(l5 + half, i16x8.extract_lane_s(w, 5)));
  sum = i16x8.add(sum, part(l6 + half, i16x8.extract_lane_s(w, 6)));
  sum = i16x8.add(sum, part(l7 + half, i16x8.extract_lane_s(w, 7)));
  // Room for the floor.
  return i16x8.sub(sum, i16x8.shr_s(sum, 6));
}

@inline function part(line: usize, weight: i16): v128 {
  return i16x8.q15mulr_sat_s(v128.load(line), i16x8.splat(weight));
}

/** How many of 32,768 a line gives to the symbol. */
@inline function given(line: usize, symbol: u32): f32 {
  const entry = line + (<usize>symbol << 1);
  const from = symbol == 0 ? 0 : <i32>load<u16>(entry);
  const to = symbol == 15 ? 32767 : <i32>load<u16>(entry, 2);
  return <f32>(to - from);
}

/** Weights once their contexts gave `shares` to the symbol; `ratio` is LEARN over what all together gave. */
@inline function reweighed(weights: v128, shares: v128, ratio: v128): v128 {
  const w = f32x4.mul(weights, f32x4.add(f32x4.splat(KEEP), f32x4.mul(shares, ratio)));
  return f32x4.max(f32x4.min(w, f32x4.splat(MOST_WEIGHT)), f32x4.splat(LEAST_WEIGHT));
}

/** Moves a line towards one that has 32,767 above the symbol and 0 up to it. */
@inline function learn(line: usize, targetLow: v128, targetHigh: v128): void {
  const low = v128.load(line), high = v128.load(line, 16);
  const first = <u32>i16x8.extract_lane_u(low, 0);
  const count = first & 255;
  const rate = i16x8.splat(<i16>load<u16>(rates + (<usize>count << 1)));
  const nextLow = i16x8.add(low, i16x8.q15mulr_sat_s(i16x8.sub(targetLow, low), rate));
  const nextHigh = i16x8.add(high, i16x8.q15mulr_sat_s(i16x8.sub(targetHigh, high), rate));
  v128.store(line, i16x8.replace_lane(nextLow, 0, <i16>(count < COUNT_LIMIT ? first + 1 : first)));
  v128.store(line, nextHigh, 16);
}

/** Codes a symbol with the lines whose addresses are the lanes of `a` and `b`, and a set of weights. */
export function codeNibble(symbol: u32, a: v128, b: v128, weights: usize): u32 {
  const l0 = <usize>i32x4.extract_lane(a, 0), l1 = <usize>i32x4.extract_lane(a, 1);
  const l2 = <usize>i32x4.extract_lane(a, 2), l3 = <usize>i32x4.extract_lane(a, 3);
  const l4 = <usize>i32x4.extract_lane(b, 0), l5 = <usize>i32x4.extract_lane(b, 1);
  const l6 = <usize>i32x4.extract_lane(b, 2), l7 = <usize>i32x4.extract_lane(b, 3);
  const w0 = weightAt(weights, 0, l0), w1 = weightAt(weights, 1, l1);
  const w2 = weightAt(weights, 2, l2), w3 = weightAt(weights, 3, l3);
  const w4 = weightAt(weights, 4, l4), w5 = weightAt(weights, 5, l5);
  const w6 = weightAt(weights, 6, l6), w7 = weightAt(weights, 7, l7);
  let wa = f32x4(load<f32>(w0), load<f32>(w1), load<f32>(w2), load<f32>(w3));
  let wb = f32x4(load<f32>(w4), load<f32>(w5), load<f32>(w6), load<f32>(w7));

  const s = f32x4.add(wa, wb);
  const sum = f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3);
  const scale = f32x4.splat(WHOLE / sum);
  const w = i16x8.narrow_i32x4_s(
    i32x4.trunc_sat_f32x4_s(f32x4.mul(wa, scale)), i32x4.trunc_sat_f32x4_s(f32x4.mul(wb, scale)),
  );
  // Rounding keeps the order of the sums within 4 of their neighbours; the floor is wider.
  const low = v128.and(i16x8.add(average(0, w, l0, l1, l2, l3, l4, l5, l6, l7), FLOOR_LOW), NOT_FIRST);
  const high = i16x8.add(average(16, w, l0, l1, l2, l3, l4, l5, l6, l7), FLOOR_HIGH);
  v128.store(mixed, low);
  v128.store(mixed, high, 16);
  store<u16>(mixed, 32768, 32);

  if (!encoding) {
    const units = i16x8.splat(<i16>spot());
    const below = <u32>i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.le_s(low, units), i16x8.le_s(high, units)));
    symbol = popcnt(below) - 1;
  }
  const from = <u32>load<u16>(mixed + (<usize>symbol << 1)), to = <u32>load<u16>(mixed + (<usize>symbol << 1), 2);
  codeSpan(from, to);

  const ratio = f32x4.splat(LEARN / <f32>(to - from));
  wa = reweighed(wa, f32x4(given(l0, symbol), given(l1, symbol), given(l2, symbol), given(l3, symbol)), ratio);
  wb = reweighed(wb, f32x4(given(l4, symbol), given(l5, symbol), given(l6, symbol), given(l7, symbol)), ratio);
  store<f32>(w0, f32x4.extract_lane(wa, 0)); store<f32>(w1, f32x4.extract_lane(wa, 1));
  store<f32>(w2, f32x4.extract_lane(wa, 2)); store<f32>(w3, f32x4.extract_lane(wa, 3));
  store<f32>(w4, f32x4.extract_lane(wb, 0)); store<f32>(w5, f32x4.extract_lane(wb, 1));
  store<f32>(w6, f32x4.extract_lane(wb, 2)); store<f32>(w7, f32x4.extract_lane(wb, 3));

  const number = i16x8.splat(<i16>symbol), top = i16x8.splat(32767);
  const targetLow = v128.and(i16x8.gt_s(NUMBER_LOW, number), top);
  const targetHigh = v128.and(i16x8.gt_s(NUMBER_HIGH, number), top);
  learn(l0, targetLow, targetHigh); learn(l1, targetLow, targetHigh);
  learn(l2, targetLow, targetHigh); learn(l3, targetLow, targetHigh);
  learn(l4, targetLow, targetHigh); learn(l5, targetLow, targetHigh);
  learn(l6, targetLow, targetHigh); learn(l7, targetLow, targetHigh);
  return symbol;
}
