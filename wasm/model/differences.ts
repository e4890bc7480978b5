/**
 * By how much a byte of a cover differs from the Base's, modulo 256, once it is known that it does.
 *
 * Two guesses come first: the upper bytes of an address tell which part of a program it points to, and so how far
 * that moved. If neither is right, the difference is coded as a byte in eight contexts.
 */
import { BYTE_LINES, BYTE_WEIGHTS, codeByte, resetLines } from './byte';
import { GUESS_TABLE, guessAt, guessed, learnGuess, trusted } from './guesses';
import { fold, folded, hash } from './hash';
import { codeMixed, MIXER_SLOTS, MIXER_WEIGHTS, resetMixerSlots, resetMixerWeights } from './mixer';
import { resetNibbleWeights } from './nibble';

/** Lengths of a run of differing bytes that are told apart by weights: 0, 1, 2, and more. */
const RUNS: u32 = 4;
/** Sets of weights of a guess: trusts of up to 31 for each of the two, and RUNS. */
const SETS: usize = 64 * RUNS;

let guessWeights: usize = 0;
let weights: usize = 0;
let guessSlots: usize = 0;
let lines: usize = 0;
let guesses: usize = 0;

/** @returns where the tables end */
export function layDifferences(at: usize): usize {
  guessWeights = at;
  weights = guessWeights + SETS * MIXER_WEIGHTS;
  guessSlots = weights + <usize>RUNS * BYTE_WEIGHTS;
  lines = guessSlots + MIXER_SLOTS;
  guesses = lines + BYTE_LINES;
  return guesses + 2 * GUESS_TABLE;
}

export function resetDifferences(): void {
  resetMixerWeights(guessWeights, weights);
  resetNibbleWeights(weights, guessSlots);
  resetMixerSlots(guessSlots, lines);
  resetLines(lines, guesses);
  memory.fill(guesses, 0, 2 * GUESS_TABLE);
}

/** Difference of the bytes of window and Base, modulo 256. */
@inline export function differenceAt(at: usize, base: usize): u32 {
  return (<u32>load<u8>(at) - <u32>load<u8>(base)) & 255;
}

/**
 * Codes the difference of the byte at `at` of the window from that at `base`.
 *
 * @param align position in the window, modulo 8
 * @param run differing bytes right ahead, at most 7
 * @param last1 the last difference, and `last2` the one before
 */
export function codeDifference(
  value: u32, at: usize, base: usize, align: u32, run: u32, last1: u32, last2: u32,
): u32 {
  const before = load<u32>(base - 4), was = load<u32>(base), old = was & 255;
  const lasts = run ? last1 | last2 << 8 : 0;
  const upper20 = fold(was >> 12, 16 + (run << 16) + lasts);
  const middle14 = fold((was >> 10) & 0x3fff, 17 + (run << 16) + lasts);
  const a = i32x4(
    fold(last1 | run << 8, 11), fold(old | last1 << 8, 12 + run), fold(was, 13), fold(before >> 8, old),
  );
  const b = i32x4(
    fold(differenceAt(at - 8, base - 8) | differenceAt(at - 16, base - 16) << 8, 14 + align),
    fold(was >> 16, (15 + run) << 8 | (run ? last1 : 0)), upper20, middle14,
  );
  const runs = run < RUNS ? run : RUNS - 1;
  const first = guessAt(guesses, hash(upper20, 0)), second = guessAt(guesses + GUESS_TABLE, hash(middle14, 0));
  const value1 = guessed(first), trust1 = trusted(first);
  const value2 = guessed(second), trust2 = trusted(second);
  let known = false;
  if (trust1) {
    known = codeGuess(<u32>(value == value1), value1, trust1 << 1 | <u32>(value1 == value2), runs, a, b);
    if (known) value = value1;
  }
  if (!known && trust2 && (!trust1 || value2 != value1)) {
    known = codeGuess(<u32>(value == value2), value2, 32 + (trust2 << 1) + <u32>(trust1 > 0), runs, a, b);
    if (known) value = value2;
  }
  if (!known) value = codeByte(value, lines, weights + <usize>runs * BYTE_WEIGHTS, a, b);
  learnGuess(first, value);
  learnGuess(second, value);
  return value;
}

/** Codes whether a guess is right, in the contexts of its byte and the guess. */
function codeGuess(right: u32, guess: u32, trust: u32, runs: u32, a: v128, b: v128): bool {
  const salt = folded(guess);
  const contextsA = i32x4.replace_lane(v128.xor(a, salt), 0, fold(trust | runs << 8, 21));
  // Not the upper 20 bits once more, where the guess may come from, but the last difference.
  const recent = fold(i32x4.extract_lane(a, 0), guess);
  const trusting = fold(i32x4.extract_lane(b, 3), guess + (trust << 8));
  const contextsB = i32x4.replace_lane(i32x4.replace_lane(v128.xor(b, salt), 2, recent), 3, trusting);
  const set = guessWeights + <usize>(trust * RUNS + runs) * MIXER_WEIGHTS;
  return codeMixed(right, guessSlots, contextsA, contextsB, set) != 0;
}
