/**
 * Literals: bytes of the window that resemble nothing, in the contexts of the window's bytes ahead, whatever they
 * were made of.
 *
 * Up to two guesses come first: the byte behind a place with the same bytes ahead (`follow.ts`), and the byte last
 * seen behind the same three bytes or six. If none is right, the byte is coded in eight contexts.
 */
import { BYTE_LINES, BYTE_WEIGHTS, codeByte, resetLines } from './byte';
import {
  expectedByte, following, layFollow, lookAhead, noteGuess, recentMisses, resetFollow, stopFollowing, strengthOf,
} from './follow';
import { GUESS_TABLE, guessAt, guessed, learnGuess, trusted } from './guesses';
import { fold, hash } from './hash';
import { codeMixed, MIXER_SLOTS, MIXER_WEIGHTS, resetMixerSlots, resetMixerWeights } from './mixer';
import { resetNibbleWeights } from './nibble';
import { encoding } from './range-coder';

/** Sets of weights of a guess, by how far it is trusted. */
const SETS: usize = 64;

let guessWeights: usize = 0;
let weights: usize = 0;
let guessSlots: usize = 0;
let lines: usize = 0;
let guesses: usize = 0;

/** @returns where the tables end */
export function layLiterals(at: usize): usize {
  guessWeights = at;
  weights = guessWeights + SETS * MIXER_WEIGHTS;
  guessSlots = weights + BYTE_WEIGHTS;
  lines = guessSlots + MIXER_SLOTS;
  guesses = lines + BYTE_LINES;
  return layFollow(guesses + 2 * GUESS_TABLE);
}

export function resetLiterals(): void {
  resetMixerWeights(guessWeights, weights);
  resetNibbleWeights(weights, guessSlots);
  resetMixerSlots(guessSlots, lines);
  resetLines(lines, guesses);
  memory.fill(guesses, 0, 2 * GUESS_TABLE);
  resetFollow();
}

/** Codes the bytes [start, end) of the window that begins at `window`, and has 16 zeros ahead. */
export function codeLiterals(start: usize, end: usize, window: usize): void {
  stopFollowing();
  for (let at = start; at < end; at++) {
    const position = <u32>(at - window);
    if (position >= 8) lookAhead(at, window);
    const value = codeLiteral(encoding ? <u32>load<u8>(at) : 0, at, position);
    if (!encoding) store<u8>(at, <u8>value);
  }
}

@inline function codeLiteral(value: u32, at: usize, position: u32): u32 {
  const last4 = load<u32>(at - 4), before4 = load<u32>(at - 8);
  const follows = following(), expected = expectedByte(), strength = strengthOf();
  const order3 = fold(last4 >> 8, 3), order6 = fold(last4, before4 >> 16);
  const a = i32x4(fold(last4 >> 24, 1), fold(last4 >> 16, 2), order3, fold(last4, 4));
  const b = i32x4(
    order6, fold((last4 & 255) | (before4 & 255) << 8, 6 + (position & 3)),
    fold(last4 >> 8 & 0xffff, 77), fold(expected | strength << 9, 8),
  );
  const long = guessAt(guesses, hash(order6, 0)), short = guessAt(guesses + GUESS_TABLE, hash(order3, 0));
  const longTrust = trusted(long), shortTrust = trusted(short), shortValue = guessed(short);
  let known = false;
  if (follows) {
    const trust = 32 | strength | <u32>(shortTrust != 0 && shortValue == expected) << 4;
    known = codeGuess(<u32>(value == expected), expected, trust, recentMisses(), position, a, b);
    noteGuess(known);
    if (known) value = expected;
  }
  if (!known) {
    const guess = longTrust ? guessed(long) : shortValue;
    const trust = longTrust ? 16 + longTrust : shortTrust;
    if (trust && guess != expected) {
      known = codeGuess(<u32>(value == guess), guess, trust, <u32>follows, position, a, b);
      if (known) value = guess;
    }
  }
  if (!known) value = codeByte(value, lines, weights, a, b);
  learnGuess(long, value);
  learnGuess(short, value);
  return value;
}

/** Codes whether a guess is right; `past` is what is known of the guesses ahead. */
function codeGuess(right: u32, guess: u32, trust: u32, past: u32, position: u32, a: v128, b: v128): bool {
  const contextsA = i32x4(
    fold(trust | past << 8, 31), fold(i32x4.extract_lane(a, 0), guess),
    fold(i32x4.extract_lane(a, 1), guess), fold(i32x4.extract_lane(a, 2), guess),
  );
  const contextsB = i32x4(
    fold(trust, past & 3 | (position & 7) << 4), fold(guess, trust),
    fold(i32x4.extract_lane(b, 1), guess), fold(i32x4.extract_lane(a, 3), guess),
  );
  return codeMixed(right, guessSlots, contextsA, contextsB, guessWeights + <usize>trust * MIXER_WEIGHTS) != 0;
}
