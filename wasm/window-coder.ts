/**
 * The entropy stage of a delta window: context mixing with the Base's bytes as context, docs/format/delta.md §4.
 *
 * A window is a list of segments: literals, covers of the Base, copies from earlier in the window. What is
 * coded: the list itself; for covers which bytes differ and by how much; and the bytes of literals. Covers and
 * literals go to two streams. The same walk encodes and decodes.
 */
import { codeNibble, flatten, flattenLine, layNibbles, levelWeights, WEIGHT_SET } from './model/nibble';
import { codeAlone, codeMixed, HALF, layTables, learn } from './model/mixer';
import { close, codeBit, encoding, open, selectStream, setEncoding } from './model/range-coder';

const LITERAL: u32 = 0;
const COVER: u32 = 1;

/** Bytes of a cover that share one "all equal" flag. */
const BLOCK: u32 = 64;

/** log2 of the slots a context has, of the lines of 16 slots a context has, and of the guesses a table has. */
const SLOT_BITS: u32 = 16;
const LINE_BITS: u32 = 13;
const GUESS_BITS: u32 = 14;

/** How fast weights learn. */
const FLAG_RATE: i32 = 65;
const BYTE_RATE: i32 = 100;

/** Where things are; all set by {@link lay}. */
let weights: usize = 0;
let blockWeights: usize = 0;
let flagWeights: usize = 0;
let guessWeights: usize = 0;
let differenceWeights: usize = 0;
let literalGuessWeights: usize = 0;
let literalWeights: usize = 0;
let weightsEnd: usize = 0;
let nibbleWeights: usize = 0;
let nibbleWeightsEnd: usize = 0;
let quick: usize = 0;
let flagSlots: usize = 0;
let guessSlots: usize = 0;
let shiftSlots: usize = 0;
let shiftWeights: usize = 0;
let fields: usize = 0;
const FIELD_BITS: u32 = 13;
let literalGuessSlots: usize = 0;
let differenceLines: usize = 0;
let literalLines: usize = 0;
let numbers: usize = 0;
let slotsEnd: usize = 0;
let guesses: usize = 0;
let literalGuesses: usize = 0;
let places: usize = 0;
/** log2 of the places that are remembered by the bytes ahead of them. */
const PLACE_BITS: u32 = 15;
let modelEnd: usize = 0;

@inline function hash(a: u32, b: u32): u32 {
  let h = (a * 0x9e3779b1) ^ ((b + 0x7f4a7c15) * 0x85ebca6b);
  h ^= h >> 15;
  h *= 0x2c1b3c6d;
  return h ^ (h >> 13);
}

/** Lays the model from `base` on. @returns where it ends */
export function lay(base: usize): usize {
  let at = (layNibbles(layTables(base)) + 63) & ~63;
  weights = at;
  blockWeights = at; at += 16 * 4;
  flagWeights = at; at += 16 * 512;
  shiftWeights = at; at += 16 * 256;
  guessWeights = at; at += 16 * 1024;
  differenceWeights = at; at += 16 * 1024;
  literalGuessWeights = at; at += 16 * 256;
  literalWeights = at; at += 16 * 256;
  weightsEnd = at;
  nibbleWeights = at; at += WEIGHT_SET * 17 * 5; nibbleWeightsEnd = at; at = (at + 63) & ~63;
  quick = at; at += 4 << 16;
  flagSlots = at; at += (8 * 2) << SLOT_BITS;
  shiftSlots = at; at += (8 * 2) << SLOT_BITS;
  guessSlots = at; at += (8 * 2) << SLOT_BITS;
  literalGuessSlots = at; at += (8 * 2) << SLOT_BITS;
  differenceLines = at; at += (8 * 32) << LINE_BITS;
  literalLines = at; at += (8 * 32) << LINE_BITS;
  numbers = at; at += 4 * 8192;
  slotsEnd = at;
  guesses = at; at += (2 * 2) << GUESS_BITS;
  literalGuesses = at; at += (3 * 2) << GUESS_BITS;
  fields = at; at += 32 << FIELD_BITS;
  places = at; at += 8 << PLACE_BITS;
  modelEnd = at;
  return at;
}

/** Forgets everything: each window begins with the same model. */
function reset(): void {
  const weight = i16x8.splat(1600);
  for (let at = weights; at < weightsEnd; at += 16) v128.store(at, weight);
  const half = i32x4.splat(HALF);
  for (let at = quick; at < flagSlots; at += 16) v128.store(at, half);
  const half16 = i16x8.splat(<i16>0x8000);
  for (let at = flagSlots; at < differenceLines; at += 16) v128.store(at, half16);
  flatten(differenceLines, numbers);
  levelWeights(nibbleWeights, nibbleWeightsEnd);
  for (let at = numbers; at < slotsEnd; at += 16) v128.store(at, half);
  memory.fill(guesses, 0, modelEnd - guesses);
  blocks = 0;
  lastShift = 0;
}

/** Four hashes at once. */
@inline function hash4(x: v128): v128 {
  let h = i32x4.mul(x, i32x4.splat(0x9e3779b1));
  h = v128.xor(h, i32x4.shr_u(h, 15));
  h = i32x4.mul(h, i32x4.splat(0x2c1b3c6d));
  return h;
}

/** Addresses of four slots, one in each of four tables of which `table` is the first. */
@inline function slots4(table: usize, x: v128): v128 {
  const first = i32x4.add(i32x4.splat(<i32>table), i32x4(0, 2 << SLOT_BITS, 4 << SLOT_BITS, 6 << SLOT_BITS));
  return i32x4.add(first, i32x4.shl(i32x4.shr_u(hash4(x), 32 - SLOT_BITS), 1));
}

@inline function lines4(table: usize, x: v128): v128 {
  const first = i32x4.add(i32x4.splat(<i32>table), i32x4(0, 32 << LINE_BITS, 64 << LINE_BITS, 96 << LINE_BITS));
  const h = hash4(x);
  const lines = i32x4.add(first, i32x4.shl(i32x4.shr_u(h, 32 - LINE_BITS), 5));
  claim(<usize>i32x4.extract_lane(lines, 0), <u32>i32x4.extract_lane(h, 0));
  claim(<usize>i32x4.extract_lane(lines, 1), <u32>i32x4.extract_lane(h, 1));
  claim(<usize>i32x4.extract_lane(lines, 2), <u32>i32x4.extract_lane(h, 2));
  claim(<usize>i32x4.extract_lane(lines, 3), <u32>i32x4.extract_lane(h, 3));
  return lines;
}

/** A line of another context, as far as eight bits tell, is forgotten. */
@inline function claim(at: usize, h: u32): void {
  const check = (h >> 8) & 255;
  if (<u32>load<u8>(at, 1) == check) return;
  flattenLine(at);
  store<u8>(at, <u8>check, 1);
}
const HIGH_SLOTS: usize = 8 << SLOT_BITS;
const HIGH_LINES: usize = 128 << LINE_BITS;
/** A context and what else it depends on. */
@inline function cx(a: u32, b: u32): u32 { return a ^ b * 0x85ebca6b; }

// --- a byte in a tree of eight bits, by eight contexts ---

let c0: u32 = 0;
let c1: u32 = 0;
let c2: u32 = 0;
let c3: u32 = 0;
let c4: u32 = 0;
let c5: u32 = 0;
let c6: u32 = 0;
let c7: u32 = 0;
let cA: v128 = i32x4.splat(0);
let cB: v128 = i32x4.splat(0);

function codeByte(value: u32, table: usize, weightSet: usize): u32 {
  const upper = codeNibble(value >> 4, lines4(table, cA), lines4(table + HIGH_LINES, cB), weightSet);
  const salt = i32x4.splat((upper + 1) * 0x3d4d51cb);
  const set = weightSet + WEIGHT_SET * (1 + upper);
  return upper << 4 | codeNibble(value & 15, lines4(table, v128.xor(cA, salt)), lines4(table + HIGH_LINES, v128.xor(cB, salt)), set);
}

// --- guesses: the byte last seen in a context, and how often in a row ---

@inline function guessAt(table: usize, i: u32, h: u32): usize {
  return table + (<usize>((i << GUESS_BITS) + (h >> (32 - GUESS_BITS))) << 1);
}

@inline function learnGuess(at: usize, guess: u32, trust: u32, value: u32): void {
  if (guess == value && trust > 0) {
    if (trust < 15) store<u8>(at, <u8>(trust + 1), 1);
  } else if (trust > 1) {
    store<u8>(at, <u8>(trust >> 1), 1);
  } else {
    store<u8>(at, <u8>value);
    store<u8>(at, 1, 1);
  }
}

// --- covers ---

/** Flags of the last blocks. */
let blocks: u32 = 0;

/** Codes whether any byte of a block differs; `distance` is that since the last difference. */
function codeBlock(differs: u32, distance: u32): u32 {
  const sA = slots4(flagSlots, i32x4(cx(blocks & 0xff, 0x100), cx(blocks & 0xffff, 0x200), cx((blocks & 15) | (distance << 4), 0x300), cx(blocks & 3, 0x400)));
  const sB = slots4(flagSlots + HIGH_SLOTS, i32x4(cx(blocks & 0xfffff, 0x500), cx(blocks & 0xfff, 0x600), cx(0, 0x700), cx(blocks & 1, 0x800)));
  const bit = codeMixed(differs, sA, sB, blockWeights + (<usize>(blocks & 3) << 4), FLAG_RATE);
  blocks = (blocks << 1) | bit;
  return bit;
}

/** Below this probability (in 2^22) that a byte differs, one cheap prediction is enough. */
const SURE: u32 = 131072;

/** Codes the bytes of a cover: [to, end), of the Base at `base`. `phase` is the position of `to` modulo 8. */
function codeCover(to: usize, end: usize, base: usize, place: u32, inWindow: u32): void {
  const phase = inWindow & 7;
  /** How far this stretch lies from its counterpart. */
  const drift = inWindow - place;
  let at = to;
  let o = base;
  let history: u32 = 0;
  let distance: u32 = 255;
  let run: u32 = 0;
  let last1: u32 = 0;
  let last2: u32 = 0;
  let fieldEnd: usize = 0;
  while (at < end) {
    const stop = at + BLOCK < end ? at + BLOCK : end;
    let differs: u32 = 0;
    if (encoding) {
      for (let a = at, b = o; a < stop; a++, b++) {
        if (load<u8>(a) != load<u8>(b)) { differs = 1; break; }
      }
    }
    if (!codeBlock(differs, distance)) {
      const length = stop - at;
      if (!encoding) memory.copy(at, o, length);
      at = stop;
      o += length;
      distance = 255;
      history = 0;
      run = 0;
      continue;
    }
    while (at < stop) {
      const before = load<u32>(o - 4);
      const here = load<u32>(o);
      const old = here & 255;
      const align = (phase + <u32>(at - to)) & 7;
      const near = distance > 31 ? 31 : distance;
      const value = encoding ? <u32>load<u8>(at) : 0;
      let bit = <u32>(value != old);
      const cheap = quick + (<usize>((hash(old | (before >> 24) << 8, (history & 3) | (near > 7 ? 7 : near) << 2)) >> 16) << 2);
      const estimate = load<u32>(cheap);
      if (estimate >> 10 < SURE) {
        bit = codeAlone(bit, cheap, 255);
      } else {
        const d4 = (<u32>load<u8>(at - 4) - <u32>load<u8>(o - 4)) & 255;
        const d8 = (<u32>load<u8>(at - 8) - <u32>load<u8>(o - 8)) & 255;
        const d16 = (<u32>load<u8>(at - 16) - <u32>load<u8>(o - 16)) & 255;
        const sA = slots4(flagSlots, i32x4(cx(history & 0xffff, 1), cx(old | before >> 24 << 8 | (history & 15) << 16, 2), cx(before >> 8, 3 + ((near > 8 ? 8 : near) << 4)), cx(here, 4 + ((history & 7) << 4))));
        const sB = slots4(flagSlots + HIGH_SLOTS, i32x4(cx(near << 11 | align << 8 | history & 255, 5), cx(last1 | run << 8 | old << 16, 6 + ((history & 7) << 4)), cx(before, 7 + ((history & 15) << 4)), cx(d8 | d16 << 8 | d4 << 16, 8 + (align << 4))));
        const set = (history & 7) | align << 3 | (near > 7 ? 7 : near) << 6;
        bit = codeMixed(bit, sA, sB, flagWeights + (<usize>set << 4), FLAG_RATE);
        learn(cheap, estimate, bit, 255);
      }
      if (bit && run == 0 && at >= fieldEnd && at + 4 <= end) {
        if (fieldEnd != 0) learnField(fieldEnd - 4, o - (at - (fieldEnd - 4)), place + <u32>(fieldEnd - 4 - to), drift);
        fieldEnd = at + 4;
        const field = codeField(at, o, place + <u32>(at - to), drift, align, last1, history);
        if (field) {
          const made = here + shift;
          if (!encoding) store<u32>(at, made);
          const changed = made ^ here;
          history = (history << 4) | 8 | <u32>((changed & 0xff00) != 0) << 2 | <u32>((changed & 0xff0000) != 0) << 1 | <u32>(changed > 0xffffff);
          last2 = 0; last1 = (made - here) & 255;
          // Where the last differing byte was.
          distance = 1 + (clz(changed) >> 3);
          run = 0;
          at += 4; o += 4;
          continue;
        }
      }
      history = (history << 1) | bit;
      if (bit) {
        const difference = codeDifference((value - old) & 255, at, o, align, run, last1, last2);
        if (!encoding) store<u8>(at, <u8>(old + difference));
        last2 = last1;
        last1 = difference;
        if (run < 7) run += 1;
        distance = 1;
      } else {
        if (!encoding) store<u8>(at, <u8>old);
        distance += 1;
        run = 0;
      }
      at += 1;
      o += 1;
    }
  }
}

/** By how much the field of the last right guess moved. */
let shift: u32 = 0;
let lastShift: u32 = 0;

/** Ways to guess a field's shift: what moved like it before. */
@inline function fieldAt(way: u32, h: u32): usize { return fields + (<usize>((way << FIELD_BITS) + (h >> (32 - FIELD_BITS))) << 3); }

let e0: usize = 0;
let e1: usize = 0;
let e2: usize = 0;
let e3: usize = 0;

/** Looks up what is known of a field with the number `here` at `place` of the Base. */
@inline function findField(here: u32, place: u32): void {
  const target = here + place;
  e0 = fieldAt(0, hash(target, 1));
  e1 = fieldAt(1, hash(target >> 10, 2));
  e2 = fieldAt(2, hash(here >> 12, 3));
  e3 = fieldAt(3, hash(here, 4));
}

/** Notes by how much the four bytes at `at` differ, as a number, from those of the Base at `o`. */
function learnField(at: usize, o: usize, place: u32, drift: u32): void {
  const here = load<u32>(o);
  const moved = load<u32>(at) - here;
  findField(here, place);
  learnShift(e0, moved + drift);
  learnShift(e1, moved + drift);
  learnShift(e2, moved);
  learnShift(e3, moved);
  lastShift = moved;
}

function learnShift(at: usize, moved: u32): void {
  const trust = load<u32>(at, 4);
  if (trust > 0 && load<u32>(at) == moved) { if (trust < 7) store<u32>(at, trust + 1, 4); }
  else if (trust > 1) store<u32>(at, trust >> 1, 4);
  else { store<u32>(at, moved); store<u32>(at, 1, 4); }
}

/** Codes whether the four bytes from here on are those of the Base plus a shift seen before; sets `shift`. */
function codeField(at: usize, o: usize, place: u32, drift: u32, align: u32, last1: u32, history: u32): bool {
  const here = load<u32>(o);
  const before = load<u32>(o - 4);
  findField(here, place);
  const t0 = load<u32>(e0, 4), t1 = load<u32>(e1, 4), t2 = load<u32>(e2, 4), t3 = load<u32>(e3, 4);
  const s0 = load<u32>(e0) - drift, s1 = load<u32>(e1) - drift, s2 = load<u32>(e2), s3 = load<u32>(e3);
  const actual = encoding ? load<u32>(at) - here : 0;
  // A field of which nothing differs in its first byte would not be here.
  const u0 = (s0 & 255) == 0 ? 0 : t0, u1 = (s1 & 255) == 0 ? 0 : t1, u2 = (s2 & 255) == 0 ? 0 : t2, u3 = (s3 & 255) == 0 ? 0 : t3;
  let first: u32 = 0, best: u32 = 0;
  if (u0) { best = (<u32>2) * u0 + <u32>3; first = s0; }
  if (u3 && ((<u32>2) * u3 + <u32>1) > best) { best = (<u32>2) * u3 + <u32>1; first = s3; }
  if (u2 && ((<u32>2) * u2) > best) { best = (<u32>2) * u2; first = s2; }
  if (u1 && ((<u32>2) * u1) > best) { best = (<u32>2) * u1; first = s1; }
  if (best) {
    const agree = known(u0, <u32>(s0 == first)) + <u32>3 * known(u1, <u32>(s1 == first)) + <u32>9 * known(u2, <u32>(s2 == first)) + <u32>27 * <u32>(u3 != 0 && s3 == first) + <u32>54 * <u32>(first == lastShift);
    if (codeShift(<u32>(actual == first), first, agree, here, before, align, last1, history)) { shift = first; return true; }
    let second: u32 = 0;
    best = 0;
    if (u0 && s0 != first) { best = (<u32>2) * u0 + <u32>3; second = s0; }
    if (u3 && s3 != first && ((<u32>2) * u3 + <u32>1) > best) { best = (<u32>2) * u3 + <u32>1; second = s3; }
    if (u2 && s2 != first && ((<u32>2) * u2) > best) { best = (<u32>2) * u2; second = s2; }
    if (u1 && s1 != first && ((<u32>2) * u1) > best) { best = (<u32>2) * u1; second = s1; }
    if (best) {
      const agree2 = known(u0, <u32>(s0 == second)) + <u32>3 * known(u1, <u32>(s1 == second)) + <u32>9 * known(u2, <u32>(s2 == second)) + <u32>27 * <u32>(u3 != 0 && s3 == second) + <u32>54 * <u32>(second == lastShift);
      if (codeShift(<u32>(actual == second), second, 108 + agree2, here, before, align, last1, history)) { shift = second; return true; }
    }
  }
  return false;
}

@inline function known(trust: u32, same: u32): u32 { return same ? (trust > 2 ? 2 : trust > 0 ? 1 : 0) : 0; }

function codeShift(right: u32, moved: u32, trust: u32, here: u32, before: u32, align: u32, last1: u32, history: u32): u32 {
  const sA = slots4(shiftSlots, i32x4(cx(trust, 41), cx(moved, trust), cx(moved, here >> 16), cx(before >> 8, trust)));
  const sB = slots4(shiftSlots + HIGH_SLOTS, i32x4(cx(moved, before >> 24 | align << 8), cx(here >> 10, moved), cx(history & 0xfff, trust), cx(here >> 24 | last1 << 8, trust)));
  return codeMixed(right, sA, sB, shiftWeights + (<usize>trust << 4), FLAG_RATE);
}

/** Codes by how much a byte differs from its counterpart in the Base. */
@inline function codeDifference(value: u32, at: usize, o: usize, align: u32, run: u32, last1: u32, last2: u32): u32 {
  const before = load<u32>(o - 4);
  const here = load<u32>(o);
  const old = here & 255;
  const d8 = (<u32>load<u8>(at - 8) - <u32>load<u8>(o - 8)) & 255;
  const d16 = (<u32>load<u8>(at - 16) - <u32>load<u8>(o - 16)) & 255;
  const r = run > 3 ? 3 : run;
  const runs = run ? last1 | last2 << 8 : 0;
  c0 = cx(last1 | run << 8, 11);
  c1 = cx(old | last1 << 8, 12 + run);
  c2 = cx(here, 13);
  c3 = cx(before >> 8, old);
  c4 = cx(d8 | d16 << 8, 14 + align);
  c5 = cx(here >> 16, (15 + run) << 8 | (run ? last1 : 0));
  c6 = cx(here >> 12, 16 + (run << 16) + runs);
  c7 = cx((here >> 10) & 0x3fff, 17 + (run << 16) + runs);
  cA = i32x4(c0, c1, c2, c3);
  cB = i32x4(c4, c5, c6, c7);
  // The upper bytes of an address tell which part of the program it points to, and that how far it moved.
  const g1 = guessAt(guesses, 0, hash(c6, 0)), g2 = guessAt(guesses, 1, hash(c7, 0));
  const guess1 = <u32>load<u8>(g1), trust1 = <u32>load<u8>(g1, 1);
  const guess2 = <u32>load<u8>(g2), trust2 = <u32>load<u8>(g2, 1);
  let known = false;
  if (trust1) { 
    known = codeGuess(<u32>(value == guess1), guess1, trust1 << 1 | <u32>(guess1 == guess2), r) != 0;
    if (known) value = guess1;
  }
  if (!known && trust2 && (!trust1 || guess2 != guess1)) { 
    known = codeGuess(<u32>(value == guess2), guess2, 32 + (trust2 << 1) + <u32>(trust1 > 0), r) != 0;
    if (known) value = guess2;
  }
  if (!known) value = codeByte(value, differenceLines, nibbleWeights + WEIGHT_SET * 17 * r);
  learnGuess(g1, guess1, trust1, value);
  learnGuess(g2, guess2, trust2, value);
  return value;
}

/** Codes whether a guess is right, in the contexts of its byte. */
function codeGuess(right: u32, guess: u32, trust: u32, run: u32): u32 {
  const sA = slots4(guessSlots, i32x4(cx(trust | run << 8, 21), cx(c1, guess), cx(c2, guess), cx(c3, guess)));
  const sB = slots4(guessSlots + HIGH_SLOTS, i32x4(cx(c4, guess), cx(c5, guess), cx(c0, guess), cx(c7, guess + (trust << 8))));
  return codeMixed(right, sA, sB, guessWeights + (<usize>(trust << 2 | run) << 4), FLAG_RATE);
}

// --- literals ---

/** Where the bytes behind an equal stretch go on, or 0; how long that stretch is; which of the last guesses were wrong. */
let follow: usize = 0;
let followed: u32 = 0;
let misses: u32 = 0;

/** Equal bytes ahead of `a` and `b`, up to 32. */
@inline function equalAhead(a: usize, b: usize, begin: usize): u32 {
  let n: u32 = 0;
  while (n < 32 && b - n > begin && load<u8>(a - 1 - n) == load<u8>(b - 1 - n)) n += 1;
  return n;
}

/** Finds earlier bytes of the window that are followed by what may come at `at`, and notes this place. */
function lookAhead(at: usize, window: usize): void {
  const h = (load<u64>(at - 8) >> 16) * 0x9e3779b97f4a7c15;
  const entry = places + (<usize>(h >> (64 - PLACE_BITS)) << 2);
  const seen = <usize>load<u32>(entry);
  store<u32>(entry, <u32>at);
  if (followed < 16 && seen != 0) {
    const length = equalAhead(at, seen, window);
    if (length >= 6 && length > followed) { follow = seen; followed = length; misses = 0; }
  }
  if (follow == 0) {
    const h4 = load<u32>(at - 4) * 0x9e3779b1;
    const entry4 = places + (<usize>(4 << PLACE_BITS)) + (<usize>(h4 >> (32 - PLACE_BITS)) << 2);
    const near = <usize>load<u32>(entry4);
    store<u32>(entry4, <u32>at);
    if (near != 0) { const length = equalAhead(at, near, window); if (length >= 4) { follow = near; followed = length; misses = 0; } }
  } else {
    const h4 = load<u32>(at - 4) * 0x9e3779b1;
    store<u32>(places + (<usize>(4 << PLACE_BITS)) + (<usize>(h4 >> (32 - PLACE_BITS)) << 2), <u32>at);
  }
}

/** Codes the bytes [to, end) of the window that begins at `window`. */
function codeLiterals(to: usize, end: usize, window: usize): void {
  follow = 0; followed = 0;
  for (let at = to; at < end; at++) {
    const w4 = load<u32>(at - 4);
    const w8 = load<u32>(at - 8);
    const w2 = w4 >> 16;
    const place = <u32>(at - window);
    if (place >= 8) lookAhead(at, window);
    const expected: u32 = follow ? <u32>load<u8>(follow) : 256;
    const strength: u32 = follow ? (followed > 15 ? followed > 31 ? 9 : 8 : followed >> 1) : 0;
    c0 = cx(w4 >> 24, 1);
    c1 = cx(w2, 2);
    c2 = cx(w4 >> 8, 3);
    c3 = cx(w4, 4);
    c4 = cx(w4, w8 >> 16);
    c5 = cx((w4 & 255) | (w8 & 255) << 8, 6 + (place & 3));
    c6 = cx(w4 >> 8 & 0xffff, 77);
    c7 = cx(expected | strength << 9, 8);
    cA = i32x4(c0, c1, c2, c3);
    cB = i32x4(c4, c5, c6, c7);
    let value = encoding ? <u32>load<u8>(at) : 0;
    const g1 = guessAt(literalGuesses, 0, hash(c4, 0)), g2 = guessAt(literalGuesses, 1, hash(c2, 0));
    const guess1 = <u32>load<u8>(g1), trust1 = <u32>load<u8>(g1, 1);
    const guess2 = <u32>load<u8>(g2), trust2 = <u32>load<u8>(g2, 1);
    let known = false;
    if (follow) {
      const hit = codeLiteralGuess(<u32>(value == expected), expected, 32 | strength | <u32>(trust2 != 0 && guess2 == expected) << 4, misses & 0xff, place);
      if (hit) {
        known = true;
        value = expected;
        if (followed < 63) followed += 1;
        misses = misses << 1;
      } else {
        misses = misses << 1 | 1;
        followed = 0;
      }
    }
    if (!known) {
      const guess = trust1 ? guess1 : guess2;
      const trust = trust1 ? 16 + trust1 : trust2;
      if (trust && guess != expected) {
        known = codeLiteralGuess(<u32>(value == guess), guess, trust, <u32>(follow != 0), place) != 0;
        if (known) value = guess;
      }
    }
    if (!known) value = codeByte(value, literalLines, nibbleWeights + WEIGHT_SET * 17 * 4);
    if (!encoding) store<u8>(at, <u8>value);
    learnGuess(g1, guess1, trust1, value);
    learnGuess(g2, guess2, trust2, value);
    if (follow) {
      follow += 1;
      if (popcnt(misses & 0xff) > 5) { follow = 0; followed = 0; }
    }
  }
}

/** Codes whether a guess of a literal is right. */
function codeLiteralGuess(right: u32, guess: u32, trust: u32, past: u32, place: u32): u32 {
  const sA = slots4(literalGuessSlots, i32x4(cx(trust | past << 8, 31), cx(c0, guess), cx(c1, guess), cx(c2, guess)));
  const sB = slots4(literalGuessSlots + HIGH_SLOTS, i32x4(cx(trust, past & 3 | (place & 7) << 4), cx(guess, trust), cx(c5, guess), cx(c3, guess)));
  return codeMixed(right, sA, sB, literalGuessWeights + (<usize>trust << 4), FLAG_RATE);
}

// --- the list of segments ---

/** Codes a number below 2^53 in the contexts of `field`, below 16: its length in bits, then the bits. */
function codeNumber(value: u64, field: u32): u64 {
  const table = numbers + (<usize>field << 11);
  const plus = value + 1;
  const bits: u32 = 63 - <u32>clz(plus);
  let node: u32 = 1;
  for (let i = 5; i >= 0; i--) node = (node << 1) | codeAlone((bits >> i) & 1, table + (<usize>node << 2), 30);
  const length = node & 63;
  let number: u64 = 1;
  for (let i = <i32>length - 1, depth = 0; i >= 0; i--, depth++) {
    const bit = <u32>(plus >> i) & 1;
    if (depth < 2) {
      const place = 64 + (length << 2) + (depth == 0 ? 0 : 1 + <u32>(number & 1));
      number = (number << 1) | codeAlone(bit, table + (<usize>place << 2), 60);
    } else {
      number = (number << 1) | codeBit(bit, 32768);
    }
  }
  return number - 1;
}

/** Opens the list: in `to`, `length` bytes of it or of room for it. */
export function openNumbers(to: usize, length: u32, encode: bool): void {
  setEncoding(encode);
  reset();
  selectStream(0);
  open(to, length);
}

/** The next number of the list, given or read. */
export function number(value: f64, field: u32): f64 {
  return <f64>codeNumber(<u64>value, field);
}

export function closeNumbers(from: usize): u32 {
  return close(from);
}

// --- a window ---

/** Lengths of the two streams after {@link codeWindow} as an encoder. */
export let differenceLength: u32 = 0;
export let literalLength: u32 = 0;

/**
 * Codes a window at `window`, whose 16 bytes ahead are zero.
 *
 * @param segments 16 bytes each: kind (0 literal, 1 cover, 2 copy), length, address of the cover's Base bytes or
 *   of the copied bytes, place of a cover in the Base; 16 bytes ahead of a cover's and behind them are there
 * @param differences stream of covers, or room for it
 * @param literals stream of literals, or room for it
 * @param skip bit 0: leave the covers, which hold their bytes already; bit 1: the same for literals
 */
export function codeWindow(
  segments: usize,
  count: u32,
  window: usize,
  differences: usize,
  differenceBytes: u32,
  literals: usize,
  literalBytes: u32,
  encode: bool,
  skip: u32,
): void {
  setEncoding(encode);
  reset();
  selectStream(1);
  open(literals, literalBytes);
  selectStream(0);
  open(differences, differenceBytes);
  let at = window;
  for (let i: u32 = 0; i < count; i++) {
    const segment = segments + <usize>i * 16;
    const kind = load<u32>(segment), length = <usize>load<u32>(segment, 4), from = <usize>load<u32>(segment, 8);
    if (kind == COVER) {
      if (!(skip & 1)) codeCover(at, at + length, from, load<u32>(segment, 12), <u32>(at - window));
    } else if (kind == LITERAL) {
      selectStream(1);
      if (!(skip & 2)) codeLiterals(at, at + length, window);
      selectStream(0);
    } else if (!encode) {
      // Byte by byte: a copy may overlap what it makes.
      for (let b: usize = 0; b < length; b++) store<u8>(at + b, load<u8>(from + b));
    }
    at += length;
  }
  if (!encode) return;
  differenceLength = close(differences);
  selectStream(1);
  literalLength = close(literals);
}

