/**
 * Logistic mixing: eight adaptive predictions of a bit become one, by weights that learn which of them to
 * believe (Mahoney, "Adaptive weighing of context models for lossless data compression", 2005). All in integers,
 * so every machine decodes the same bits; eight lanes at once by SIMD.
 *
 * A prediction is a slot of 32 bits: the probability of a 1 in the upper 22, in the lower 10 how often it was
 * updated. The more often, the less the next bit moves it.
 */
import { codeBit } from './range-coder';

/** i16 × 4096: ln(p / (1 - p)) × 256 of a probability of 12 bits. */
let stretchTable: usize = 0;
/** u16 × 4096: the inverse, with a probability of 16 bits. */
let squashTable: usize = 0;
/** i32 × 256: by how much a slot moves, by the number of its updates. */
let rateTable: usize = 0;
/** u32 × 8: where the slots of this bit are. */
export let slots: usize = 0;

/** 65,536 / (1 + e^-x) at x = -8, -7.75 … 8; between them the table is linear. */
const LOGISTIC: StaticArray<u16> = [
  24, 28, 36, 47, 60, 77, 98, 126, 162, 208, 267, 342, 439,
  562, 720, 922, 1179, 1506, 1921, 2446, 3108, 3938, 4971, 6249, 7812, 9702,
  11955, 14595, 17625, 21025, 24743, 28693, 32768, 36843, 40793, 44511, 47911, 50941, 53581,
  55834, 57724, 59287, 60565, 61598, 62428, 63090, 63615, 64030, 64357, 64614, 64816, 64974,
  65097, 65194, 65269, 65328, 65374, 65410, 65438, 65459, 65476, 65489, 65500, 65508, 65512,
];

/** Updates after which a slot's rate stays. */
const SLOWEST: u32 = 255;
export const HALF: u32 = 0x80000000;
/** Twice the rate of a slot by its count, in 256. */
const RATES: v128 = i8x16(<i8>255, <i8>197, <i8>142, <i8>111, 91, 78, 67, 60, 53, 48, 44, 40, 36, 32, 27, 22);

/** Lays the tables at `base`. @returns where they end */
export function layTables(base: usize): usize {
  stretchTable = base;
  squashTable = stretchTable + 4096 * 2;
  rateTable = squashTable + 4096 * 2;
  slots = rateTable + 256 * 4;
  for (let x = -2048; x < 2048; x++) {
    const i = (x + 2048) >> 6, rest = (x + 2048) & 63;
    const from = <i32>LOGISTIC[i];
    store<u16>(squashTable + ((x + 2048) << 1), <u16>(from + (((<i32>LOGISTIC[i + 1] - from) * rest) >> 6)));
  }
  // The inverse: the least x whose probability is that of the middle of the interval or more.
  let x: i32 = -2047;
  for (let i = 0; i < 4096; i++) {
    while (x < 2047 && <i32>squash(x) < (i << 4) + 8) x += 1;
    store<i16>(stretchTable + (i << 1), <i16>x);
  }
  for (let i = 0; i < 256; i++) store<i32>(rateTable + (i << 2), 81920 / (10 * i + 16));
  return slots + 64;
}

@inline function stretch(slot: u32): i16 {
  return load<i16>(stretchTable + (<usize>(slot >> 20) << 1));
}

/** The probability, in 65,536, of a stretched one in -2047 … 2047. */
@inline function squash(x: i32): u32 {
  return <u32>load<u16>(squashTable + (<usize>(x + 2048) << 1));
}

@inline export function slotAt(i: usize): usize {
  return <usize>load<u32>(slots + (i << 2));
}

@inline export function setSlot(i: usize, at: usize): void {
  store<u32>(slots + (i << 2), <u32>at);
}

/** Moves the slot at `at`, which is `value`, towards `bit`. */
@inline export function learn(at: usize, value: u32, bit: u32, slowest: u32): void {
  const count = value & 1023;
  const target = select<u32>(4194303, 0, bit);
  const step = (<i32>(target - (value >> 10)) >> 3) * load<i32>(rateTable + (<usize>count << 2));
  store<u32>(at, value + (<u32>step & 0xfffffc00) + (count < slowest ? 1 : 0));
}

/** Codes a bit with the one slot at `at`. */
@inline export function codeAlone(bit: u32, at: usize, slowest: u32): u32 {
  const value = load<u32>(at);
  let p = value >> 16;
  if (p < 16) p = 16; else if (p > 65520) p = 65520;
  bit = codeBit(bit, p);
  learn(at, value, bit, slowest);
  return bit;
}

/**
 * Codes a bit with the eight slots (u16: 12 bits of probability, 4 of count) whose addresses are the lanes of `a`
 * and `b`, mixed by the weights (i16 × 8) at `weights`.
 */
export function codeMixed(bit: u32, a: v128, b: v128, weights: usize, rate: i32): u32 {
  const a0 = <usize>i32x4.extract_lane(a, 0), a1 = <usize>i32x4.extract_lane(a, 1), a2 = <usize>i32x4.extract_lane(a, 2), a3 = <usize>i32x4.extract_lane(a, 3);
  const b0 = <usize>i32x4.extract_lane(b, 0), b1 = <usize>i32x4.extract_lane(b, 1), b2 = <usize>i32x4.extract_lane(b, 2), b3 = <usize>i32x4.extract_lane(b, 3);
  // Two chains of four, since each lane waits for the one before.
  let v = i32x4.splat(<i32>load<u16>(a0)), u = i32x4.splat(<i32>load<u16>(b0));
  v = v128.load16_lane(a1, v, 1); u = v128.load16_lane(b1, u, 1);
  v = v128.load16_lane(a2, v, 2); u = v128.load16_lane(b2, u, 2);
  v = v128.load16_lane(a3, v, 3); u = v128.load16_lane(b3, u, 3);
  v = i8x16.shuffle(v, u, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  const index = v128.and(i16x8.shr_u(v, 3), i16x8.splat(0x1ffe));
  let x = i32x4.splat(<i32>load<u16>(stretchTable + <usize>i16x8.extract_lane_u(index, 0)));
  let y = i32x4.splat(<i32>load<u16>(stretchTable + <usize>i16x8.extract_lane_u(index, 4)));
  x = v128.load16_lane(stretchTable + <usize>i16x8.extract_lane_u(index, 1), x, 1);
  y = v128.load16_lane(stretchTable + <usize>i16x8.extract_lane_u(index, 5), y, 1);
  x = v128.load16_lane(stretchTable + <usize>i16x8.extract_lane_u(index, 2), x, 2);
  y = v128.load16_lane(stretchTable + <usize>i16x8.extract_lane_u(index, 6), y, 2);
  x = v128.load16_lane(stretchTable + <usize>i16x8.extract_lane_u(index, 3), x, 3);
  y = v128.load16_lane(stretchTable + <usize>i16x8.extract_lane_u(index, 7), y, 3);
  x = i8x16.shuffle(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  const w = v128.load(weights);
  const products = i32x4.dot_i16x8_s(x, w);
  const halves = i32x4.add(products, i8x16.shuffle(products, products, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  let dot = (i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1)) >> 13;
  if (dot > 2047) dot = 2047; else if (dot < -2047) dot = -2047;
  const p = squash(dot);
  bit = codeBit(bit, p);
  let error = (((<i32>bit << 16) - <i32>p) * rate) >> 10;
  if (error > 32767) error = 32767; else if (error < -32767) error = -32767;
  v128.store(weights, i16x8.add_sat_s(w, i16x8.q15mulr_sat_s(x, i16x8.splat(<i16>error))));
  // Move the slots: half the distance to the bit, times twice the rate of the count.
  const count = v128.and(v, i16x8.splat(15));
  const signed = v128.xor(v128.and(v, i16x8.splat(<i16>0xfff0)), i16x8.splat(<i16>0x8000));
  const target = i16x8.splat(select<i16>(16376, -16384, bit));
  const distance = i16x8.sub(target, i16x8.shr_s(signed, 1));
  const rates = v128.or(i16x8.shl(i8x16.swizzle(RATES, v128.or(count, i16x8.splat(<i16>0xff00))), 7), i16x8.splat(0));
  const moved = i16x8.add_sat_s(i16x8.add_sat_s(signed, i16x8.q15mulr_sat_s(distance, rates)), i16x8.splat(8));
  const next = i16x8.min_s(i16x8.add(count, i16x8.splat(1)), i16x8.splat(15));
  v = v128.or(v128.xor(v128.and(moved, i16x8.splat(<i16>0xfff0)), i16x8.splat(<i16>0x8000)), next);
  v128.store16_lane(a0, v, 0); v128.store16_lane(a1, v, 1); v128.store16_lane(a2, v, 2); v128.store16_lane(a3, v, 3);
  v128.store16_lane(b0, v, 4); v128.store16_lane(b1, v, 5); v128.store16_lane(b2, v, 6); v128.store16_lane(b3, v, 7);
  return bit;
}
