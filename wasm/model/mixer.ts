/**
 * Logistic mixing: eight adaptive predictions of a bit, each from a context of its own, become one, by weights that
 * learn which of them to believe (Mahoney, "Adaptive weighing of context models for lossless data compression",
 * 2005, the algorithm of PAQ). All in integers, so every machine decodes the same bits; eight lanes at once by SIMD.
 *
 * A prediction is a slot of 16 bits: the probability of a 1 in the upper 12, in the lower 4 how often it was
 * updated, up to 15. The more often, the less the next bit moves it.
 */
import { hash4 } from './hash';
import { codeBit } from './range-coder';

/** log2 of the slots that one of the eight contexts has. */
const SLOT_BITS: u32 = 16;
/** Bytes of the slots of one context; of half of them; of all eight. */
const CONTEXT: i32 = 2 << SLOT_BITS;
const HALF_SLOTS: usize = 4 * CONTEXT;
export const MIXER_SLOTS: usize = 8 * CONTEXT;

/** Bytes of a set of weights: i16 × 8. */
export const MIXER_WEIGHTS: usize = 16;

/** A slot that knows nothing. */
const UNKNOWN: i16 = <i16>0x8000;
/** What a weight is at first; 8192 is one. */
const FIRST_WEIGHT: i16 = 1600;
/** How fast weights learn. */
const WEIGHT_RATE: i32 = 65;

/** 65,536 / (1 + e^-x) at x = -8, -7.75 … 8; between them the table is linear. */
const LOGISTIC: StaticArray<u16> = [
  24, 28, 36, 47, 60, 77, 98, 126, 162, 208, 267, 342, 439,
  562, 720, 922, 1179, 1506, 1921, 2446, 3108, 3938, 4971, 6249, 7812, 9702,
  11955, 14595, 17625, 21025, 24743, 28693, 32768, 36843, 40793, 44511, 47911, 50941, 53581,
  55834, 57724, 59287, 60565, 61598, 62428, 63090, 63615, 64030, 64357, 64614, 64816, 64974,
  65097, 65194, 65269, 65328, 65374, 65410, 65438, 65459, 65476, 65489, 65500, 65508, 65512,
];

/** Twice the rate of a slot by its count, in 256ths. */
const RATES: v128 = i8x16(<i8>255, <i8>197, <i8>142, <i8>111, 91, 78, 67, 60, 53, 48, 44, 40, 36, 32, 27, 22);

/** Stretched probabilities lie between these, 256 to one unit of ln(p / (1 - p)). */
const MOST: i32 = 2047;

/** i16 × 4096: the stretched probability of one of 12 bits. */
let stretchTable: usize = 0;
/** u16 × 4096: the inverse, with a probability of 16 bits, from -2048 on. */
let squashTable: usize = 0;

/** Lays the tables. @returns where they end */
export function layMixer(at: usize): usize {
  stretchTable = at;
  squashTable = stretchTable + 4096 * 2;
  for (let x = -2048; x < 2048; x++) {
    const i = (x + 2048) >> 6, rest = (x + 2048) & 63;
    const from = <i32>LOGISTIC[i];
    store<u16>(squashTable + ((x + 2048) << 1), <u16>(from + (((<i32>LOGISTIC[i + 1] - from) * rest) >> 6)));
  }
  // The inverse: the least x whose probability is that of the middle of the interval or more.
  let x: i32 = -MOST;
  for (let i = 0; i < 4096; i++) {
    while (x < MOST && <i32>squash(x) < (i << 4) + 8) x += 1;
    store<i16>(stretchTable + (i << 1), <i16>x);
  }
  return squashTable + 4096 * 2;
}

export function resetMixerSlots(from: usize, to: usize): void {
  const unknown = i16x8.splat(UNKNOWN);
  for (let at = from; at < to; at += 16) v128.store(at, unknown);
}

export function resetMixerWeights(from: usize, to: usize): void {
  const weights = i16x8.splat(FIRST_WEIGHT);
  for (let at = from; at < to; at += MIXER_WEIGHTS) v128.store(at, weights);
}

/** The probability, in 65,536, of a stretched one. */
@inline function squash(x: i32): u32 {
  return <u32>load<u16>(squashTable + (<usize>(x + 2048) << 1));
}

/** Addresses of four slots, each in its context's part of the slots from `first` on. */
@inline function slots4(first: usize, contexts: v128): v128 {
  const parts = i32x4.add(i32x4.splat(<i32>first), i32x4(0, CONTEXT, 2 * CONTEXT, 3 * CONTEXT));
  return i32x4.add(parts, i32x4.shl(i32x4.shr_u(hash4(contexts), 32 - SLOT_BITS), 1));
}

/** The first four lanes of both. */
@inline function joined(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}

/** The u16 at each of eight addresses. In two chains of four, since each lane waits for the one before. */
@inline function gather(
  a0: usize, a1: usize, a2: usize, a3: usize, b0: usize, b1: usize, b2: usize, b3: usize,
): v128 {
  let a = i32x4.splat(<i32>load<u16>(a0)), b = i32x4.splat(<i32>load<u16>(b0));
  a = v128.load16_lane(a1, a, 1); b = v128.load16_lane(b1, b, 1);
  a = v128.load16_lane(a2, a, 2); b = v128.load16_lane(b2, b, 2);
  a = v128.load16_lane(a3, a, 3); b = v128.load16_lane(b3, b, 3);
  return joined(a, b);
}

/** Stretches the probabilities of eight slots. */
@inline function stretch(slots: v128): v128 {
  const offsets = v128.and(i16x8.shr_u(slots, 3), i16x8.splat(0x1ffe));
  return gather(
    stretchTable + <usize>i16x8.extract_lane_u(offsets, 0), stretchTable + <usize>i16x8.extract_lane_u(offsets, 1),
    stretchTable + <usize>i16x8.extract_lane_u(offsets, 2), stretchTable + <usize>i16x8.extract_lane_u(offsets, 3),
    stretchTable + <usize>i16x8.extract_lane_u(offsets, 4), stretchTable + <usize>i16x8.extract_lane_u(offsets, 5),
    stretchTable + <usize>i16x8.extract_lane_u(offsets, 6), stretchTable + <usize>i16x8.extract_lane_u(offsets, 7),
  );
}

/** Σ x × w over eight lanes, 8192 being one, within the bounds of stretched probabilities. */
@inline function mix(x: v128, weights: v128): i32 {
  const products = i32x4.dot_i16x8_s(x, weights);
  const swapped = i8x16.shuffle(products, products, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  const pairs = i32x4.add(products, swapped);
  const sum = (i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1)) >> 13;
  return sum > MOST ? MOST : sum < -MOST ? -MOST : sum;
}

/** Moves eight slots towards `bit`: half the distance, times twice the rate of the count; then they are rounded. */
@inline function moved(slots: v128, bit: u32): v128 {
  const count = v128.and(slots, i16x8.splat(15));
  const signed = v128.xor(v128.and(slots, i16x8.splat(<i16>0xfff0)), i16x8.splat(<i16>0x8000));
  const target = i16x8.splat(select<i16>(16376, -16384, bit));
  const distance = i16x8.sub(target, i16x8.shr_s(signed, 1));
  // The upper byte of each lane asks for entry 255, and gets zero.
  const rates = i16x8.shl(i8x16.swizzle(RATES, v128.or(count, i16x8.splat(<i16>0xff00))), 7);
  const next = i16x8.add_sat_s(i16x8.add_sat_s(signed, i16x8.q15mulr_sat_s(distance, rates)), i16x8.splat(8));
  const counted = i16x8.min_s(i16x8.add(count, i16x8.splat(1)), i16x8.splat(15));
  return v128.or(v128.xor(v128.and(next, i16x8.splat(<i16>0xfff0)), i16x8.splat(<i16>0x8000)), counted);
}

/**
 * Codes a bit in eight contexts, the lanes of `a` and `b`, with the slots from `first` on ({@link MIXER_SLOTS}
 * bytes) and the weights at `weights`.
 */
@inline export function codeMixed(bit: u32, first: usize, a: v128, b: v128, weights: usize): u32 {
  return codeSlots(bit, slots4(first, a), slots4(first + HALF_SLOTS, b), weights);
}

/** Codes a bit with the slots whose addresses are the lanes of `a` and `b`. */
function codeSlots(bit: u32, a: v128, b: v128, weights: usize): u32 {
  const a0 = <usize>i32x4.extract_lane(a, 0), a1 = <usize>i32x4.extract_lane(a, 1);
  const a2 = <usize>i32x4.extract_lane(a, 2), a3 = <usize>i32x4.extract_lane(a, 3);
  const b0 = <usize>i32x4.extract_lane(b, 0), b1 = <usize>i32x4.extract_lane(b, 1);
  const b2 = <usize>i32x4.extract_lane(b, 2), b3 = <usize>i32x4.extract_lane(b, 3);
  const slots = gather(a0, a1, a2, a3, b0, b1, b2, b3);
  const x = stretch(slots), w = v128.load(weights);
  const p = squash(mix(x, w));
  bit = codeBit(bit, p);
  const error = (((<i32>bit << 16) - <i32>p) * WEIGHT_RATE) >> 10;
  v128.store(weights, i16x8.add_sat_s(w, i16x8.q15mulr_sat_s(x, i16x8.splat(<i16>error))));
  const next = moved(slots, bit);
  v128.store16_lane(a0, next, 0); v128.store16_lane(a1, next, 1);
  v128.store16_lane(a2, next, 2); v128.store16_lane(a3, next, 3);
  v128.store16_lane(b0, next, 4); v128.store16_lane(b1, next, 5);
  v128.store16_lane(b2, next, 6); v128.store16_lane(b3, next, 7);
  return bit;
}
