/**
 * Symbols of four bits from eight contexts at once. Each context has a line of 16 u16: how many of 32,768 lie
 * below each symbol, and in the first, where that would be zero, how often the line was updated. The lines are
 * averaged by weights that learn which contexts to believe, by exponentiated gradient (Kivinen and Warmuth, 1997).
 */
import { codeSpan, encoding, place } from './range-coder';

/** Of a line that nothing is known of: all symbols alike. */
const FLAT_LOW: v128 = i16x8(0, 2048, 4096, 6144, 8192, 10240, 12288, 14336);
const FLAT_HIGH: v128 = i16x8(16384, 18432, 20480, 22528, 24576, 26624, 28672, 30720);
/** What keeps each symbol possible: 32 of 32,768 each. */
const FLOOR_LOW: v128 = i16x8(0, 32, 64, 96, 128, 160, 192, 224);
const FLOOR_HIGH: v128 = i16x8(256, 288, 320, 352, 384, 416, 448, 480);
const NUMBER_LOW: v128 = i16x8(0, 1, 2, 3, 4, 5, 6, 7);
const NUMBER_HIGH: v128 = i16x8(8, 9, 10, 11, 12, 13, 14, 15);
const NOT_FIRST: v128 = i16x8(0, -1, -1, -1, -1, -1, -1, -1);

export const LINE: usize = 32;
/** Kinds of count that weights tell apart. */
const KINDS: u32 = 8;
/** Bytes of a set of weights: f32 × KINDS × 8. */
export const WEIGHT_SET: usize = 8 * 8 * 4;

/** u16 × 32: by how much a line moves, in 32,768, by its count. */
let rates: usize = 0;
/** i16 × 17: the mixed line, for looking its symbols up. */
let mixed: usize = 0;

export function layNibbles(base: usize): usize {
  rates = base;
  for (let i: u32 = 0; i < 64; i++) store<u16>(rates + (i << 1), <u16>(i < 1 ? 20000 : 65536 / (2 * i + 3) + RATE_FLOOR));
  mixed = rates + 128;
  return mixed + 64;
}
const RATE_FLOOR: u32 = 900;
const COUNT_LIMIT: u32 = 60;

@inline export function flattenLine(at: usize): void { v128.store(at, FLAT_LOW); v128.store(at, FLAT_HIGH, 16); }

export function flatten(from: usize, to: usize): void {
  for (let at = from; at < to; at += LINE) { v128.store(at, FLAT_LOW); v128.store(at, FLAT_HIGH, 16); }
}

export function levelWeights(from: usize, to: usize): void {
  for (let at = from; at < to; at += WEIGHT_SET) {
    for (let i: u32 = 0; i < 8; i++) for (let k: u32 = 0; k < KINDS; k++) store<f32>(at + ((i * KINDS + k) << 2), <f32>(k == 0 ? 0.05 : 0.4 + <f32>k * 0.3));
  }
}

@inline function kindOf(count: u32): u32 { return count < 4 ? count : count < 6 ? 4 : count < 10 ? 5 : count < 20 ? 6 : 7; }

@inline function step(line: usize, symbolLow: v128, symbolHigh: v128): void {
  const low = v128.load(line), high = v128.load(line, 16);
  const first = <u32>i16x8.extract_lane_u(low, 0);
  const count = first & 255;
  const rate = i16x8.splat(<i16>load<u16>(rates + (<usize>count << 1)));
  const l = v128.and(low, NOT_FIRST);
  const nextLow = i16x8.add(l, i16x8.q15mulr_sat_s(i16x8.sub(v128.and(symbolLow, NOT_FIRST), l), rate));
  const nextHigh = i16x8.add(high, i16x8.q15mulr_sat_s(i16x8.sub(symbolHigh, high), rate));
  v128.store(line, i16x8.replace_lane(nextLow, 0, <i16>(count < COUNT_LIMIT ? first + 1 : first)));
  v128.store(line, nextHigh, 16);
}

@inline function weightAt(set: usize, i: u32, line: usize): usize {
  return set + ((i * KINDS + kindOf(<u32>load<u8>(line))) << 2);
}

/** Codes a symbol with the lines whose addresses are the lanes of `a` and `b`, and the weights at `set`. */
export function codeNibble(symbol: u32, a: v128, b: v128, set: usize): u32 {
  const l0 = <usize>i32x4.extract_lane(a, 0), l1 = <usize>i32x4.extract_lane(a, 1), l2 = <usize>i32x4.extract_lane(a, 2), l3 = <usize>i32x4.extract_lane(a, 3);
  const l4 = <usize>i32x4.extract_lane(b, 0), l5 = <usize>i32x4.extract_lane(b, 1), l6 = <usize>i32x4.extract_lane(b, 2), l7 = <usize>i32x4.extract_lane(b, 3);
  const w0 = weightAt(set, 0, l0), w1 = weightAt(set, 1, l1), w2 = weightAt(set, 2, l2), w3 = weightAt(set, 3, l3);
  const w4 = weightAt(set, 4, l4), w5 = weightAt(set, 5, l5), w6 = weightAt(set, 6, l6), w7 = weightAt(set, 7, l7);
  let wa = f32x4(load<f32>(w0), load<f32>(w1), load<f32>(w2), load<f32>(w3));
  let wb = f32x4(load<f32>(w4), load<f32>(w5), load<f32>(w6), load<f32>(w7));
  const s4 = f32x4.add(wa, wb);
  const sum = f32x4.extract_lane(s4, 0) + f32x4.extract_lane(s4, 1) + f32x4.extract_lane(s4, 2) + f32x4.extract_lane(s4, 3);
  const scale = f32x4.splat(<f32>32704.0 / sum);
  const ia = i32x4.trunc_sat_f32x4_s(f32x4.mul(wa, scale)), ib = i32x4.trunc_sat_f32x4_s(f32x4.mul(wb, scale));
  const q = i16x8.narrow_i32x4_s(ia, ib);
  let low = i16x8.q15mulr_sat_s(v128.load(l0), i16x8.splat(i16x8.extract_lane_s(q, 0)));
  let high = i16x8.q15mulr_sat_s(v128.load(l0, 16), i16x8.splat(i16x8.extract_lane_s(q, 0)));
  low = i16x8.add(low, i16x8.q15mulr_sat_s(v128.load(l1), i16x8.splat(i16x8.extract_lane_s(q, 1))));
  high = i16x8.add(high, i16x8.q15mulr_sat_s(v128.load(l1, 16), i16x8.splat(i16x8.extract_lane_s(q, 1))));
  low = i16x8.add(low, i16x8.q15mulr_sat_s(v128.load(l2), i16x8.splat(i16x8.extract_lane_s(q, 2))));
  high = i16x8.add(high, i16x8.q15mulr_sat_s(v128.load(l2, 16), i16x8.splat(i16x8.extract_lane_s(q, 2))));
  low = i16x8.add(low, i16x8.q15mulr_sat_s(v128.load(l3), i16x8.splat(i16x8.extract_lane_s(q, 3))));
  high = i16x8.add(high, i16x8.q15mulr_sat_s(v128.load(l3, 16), i16x8.splat(i16x8.extract_lane_s(q, 3))));
  low = i16x8.add(low, i16x8.q15mulr_sat_s(v128.load(l4), i16x8.splat(i16x8.extract_lane_s(q, 4))));
  high = i16x8.add(high, i16x8.q15mulr_sat_s(v128.load(l4, 16), i16x8.splat(i16x8.extract_lane_s(q, 4))));
  low = i16x8.add(low, i16x8.q15mulr_sat_s(v128.load(l5), i16x8.splat(i16x8.extract_lane_s(q, 5))));
  high = i16x8.add(high, i16x8.q15mulr_sat_s(v128.load(l5, 16), i16x8.splat(i16x8.extract_lane_s(q, 5))));
  low = i16x8.add(low, i16x8.q15mulr_sat_s(v128.load(l6), i16x8.splat(i16x8.extract_lane_s(q, 6))));
  high = i16x8.add(high, i16x8.q15mulr_sat_s(v128.load(l6, 16), i16x8.splat(i16x8.extract_lane_s(q, 6))));
  low = i16x8.add(low, i16x8.q15mulr_sat_s(v128.load(l7), i16x8.splat(i16x8.extract_lane_s(q, 7))));
  high = i16x8.add(high, i16x8.q15mulr_sat_s(v128.load(l7, 16), i16x8.splat(i16x8.extract_lane_s(q, 7))));
  // Rounding keeps the order of the sums within 4 of their neighbours; the floor is wider.
  low = i16x8.add(i16x8.sub(low, i16x8.shr_s(low, 6)), FLOOR_LOW);
  high = i16x8.add(i16x8.sub(high, i16x8.shr_s(high, 6)), FLOOR_HIGH);
  low = v128.and(low, NOT_FIRST);
  v128.store(mixed, low);
  v128.store(mixed, high, 16);
  store<u16>(mixed, 32768, 32);
  if (!encoding) {
    const units = i16x8.splat(<i16>place());
    const below = <u32>i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.le_s(low, units), i16x8.le_s(high, units)));
    symbol = popcnt(below) - 1;
  }
  const from = <u32>load<u16>(mixed + (<usize>symbol << 1)), to = <u32>load<u16>(mixed + (<usize>symbol << 1), 2);
  codeSpan(from, to);
  // Weights: by how much more a context gave to the symbol than all together.
  const o = <usize>symbol << 1;
  const pa = f32x4(given(l0, o, symbol), given(l1, o, symbol), given(l2, o, symbol), given(l3, o, symbol));
  const pb = f32x4(given(l4, o, symbol), given(l5, o, symbol), given(l6, o, symbol), given(l7, o, symbol));
  const ratio = f32x4.splat(<f32>LEARN / <f32>(to - from));
  const keep = f32x4.splat(<f32>(1.0 - LEARN));
  wa = f32x4.mul(wa, f32x4.add(keep, f32x4.mul(pa, ratio)));
  wb = f32x4.mul(wb, f32x4.add(keep, f32x4.mul(pb, ratio)));
  const top = f32x4.splat(16.0), bottom = f32x4.splat(0.015625);
  wa = f32x4.max(f32x4.min(wa, top), bottom);
  wb = f32x4.max(f32x4.min(wb, top), bottom);
  store<f32>(w0, f32x4.extract_lane(wa, 0)); store<f32>(w1, f32x4.extract_lane(wa, 1)); store<f32>(w2, f32x4.extract_lane(wa, 2)); store<f32>(w3, f32x4.extract_lane(wa, 3));
  store<f32>(w4, f32x4.extract_lane(wb, 0)); store<f32>(w5, f32x4.extract_lane(wb, 1)); store<f32>(w6, f32x4.extract_lane(wb, 2)); store<f32>(w7, f32x4.extract_lane(wb, 3));
  const number = i16x8.splat(<i16>symbol);
  const full = i16x8.splat(32767);
  const symbolLow = v128.and(i16x8.gt_s(NUMBER_LOW, number), full), symbolHigh = v128.and(i16x8.gt_s(NUMBER_HIGH, number), full);
  step(l0, symbolLow, symbolHigh); step(l1, symbolLow, symbolHigh); step(l2, symbolLow, symbolHigh); step(l3, symbolLow, symbolHigh);
  step(l4, symbolLow, symbolHigh); step(l5, symbolLow, symbolHigh); step(l6, symbolLow, symbolHigh); step(l7, symbolLow, symbolHigh);
  return symbol;
}
const LEARN: f32 = 0.04;

@inline function given(line: usize, o: usize, symbol: u32): f32 {
  const from = symbol == 0 ? 0 : <i32>load<u16>(line + o);
  const to = symbol == 15 ? 32767 : <i32>load<u16>(line + o, 2);
  return <f32>(to - from);
}
