/**
 * Fields: four bytes of a cover that are one number, and differ from the Base's by as much as others did before.
 *
 * When a program is linked anew, its parts move, and an address in it changes by as much as what it points to. So
 * fields that point to one thing differ by the same number, wherever they stand (the idea behind bsdiff's
 * differences: Percival, "Naive differences of executable code", 2003; and of the projection of references in
 * Courgette and Zucchini). A distance, such as the operand of a call, changes by as much as its target moved less
 * what its own place did. No code is disassembled here: whether four bytes are a field, and of which kind, shows
 * by which of four guesses come true.
 *
 * Of a guess eight bytes are kept: the shift (of a distance, plus the drift of its place), and a trust of 0
 * (nothing seen) to 7.
 */
import { fold, hash } from './hash';
import { codeMixed, MIXER_SLOTS, MIXER_WEIGHTS, resetMixerSlots, resetMixerWeights } from './mixer';
import { encoding } from './range-coder';

/** log2 of the guesses that each of the four ways has. */
const TABLE_BITS: u32 = 13;
const TABLE: usize = 8 << TABLE_BITS;
const MOST_TRUST: u32 = 7;
/** Up to here a guess is little trusted. */
const LITTLE_TRUST: u32 = 2;

/** Ways in which guesses agree; a second guess has the same once more. */
const AGREEMENTS: u32 = 108;
/** Sets of weights. */
const SETS: usize = 256;

let weights: usize = 0;
let slots: usize = 0;
let tables: usize = 0;

/** By how much the field of the last right guess moved, and the last one of all. */
export let shift: u32 = 0;
let lastShift: u32 = 0;

/** The guesses at hand, one of each way: where it is kept, how far it is trusted, and the shift. */
let at0: usize = 0;
let at1: usize = 0;
let at2: usize = 0;
let at3: usize = 0;
let trust0: u32 = 0;
let trust1: u32 = 0;
let trust2: u32 = 0;
let trust3: u32 = 0;
let shift0: u32 = 0;
let shift1: u32 = 0;
let shift2: u32 = 0;
let shift3: u32 = 0;

/** @returns where the tables end */
export function layFields(at: usize): usize {
  weights = at;
  slots = weights + SETS * MIXER_WEIGHTS;
  tables = slots + MIXER_SLOTS;
  return tables + 4 * TABLE;
}

export function resetFields(): void {
  resetMixerWeights(weights, slots);
  resetMixerSlots(slots, tables);
  memory.fill(tables, 0, 4 * TABLE);
  lastShift = 0;
}

@inline function entryAt(way: usize, h: u32): usize {
  return tables + way * TABLE + (<usize>(h >> (32 - TABLE_BITS)) << 3);
}

/** Finds the guesses for a field with the number `was` at `place` of the Base. */
@inline function find(was: u32, place: u32): void {
  // As a distance: what it points to, and the part of the program around that.
  const target = was + place;
  at0 = entryAt(0, hash(target, 1));
  at1 = entryAt(1, hash(target >> 10, 2));
  // As an address: the part of the program that it points to, and the very thing.
  at2 = entryAt(2, hash(was >> 12, 3));
  at3 = entryAt(3, hash(was, 4));
}

/**
 * Notes by how much a field moved.
 *
 * @param was the number in the Base, and `is` that in the window
 * @param place of the field in the Base
 * @param drift how far the window's bytes lie from the Base's
 */
export function learnField(was: u32, is: u32, place: u32, drift: u32): void {
  const moved = is - was;
  find(was, place);
  learnShift(at0, moved + drift);
  learnShift(at1, moved + drift);
  learnShift(at2, moved);
  learnShift(at3, moved);
  lastShift = moved;
}

function learnShift(at: usize, moved: u32): void {
  const trust = load<u32>(at, 4);
  if (trust > 0 && load<u32>(at) == moved) {
    if (trust < MOST_TRUST) store<u32>(at, trust + 1, 4);
  } else if (trust > 1) {
    store<u32>(at, trust >> 1, 4);
  } else {
    store<u32>(at, moved);
    store<u32>(at, 1, 4);
  }
}

/** How far a guess is trusted; not at all if it keeps the first byte, since that differs. */
@inline function trustIn(at: usize, moved: u32): u32 {
  return (moved & 255) == 0 ? 0 : load<u32>(at, 4);
}

/** Sets {@link shift} to the one that is trusted the most. @returns whether there is any */
@inline function choose(): bool {
  let best: u32 = 0;
  if (trust0) { best = (trust0 << 1) + 3; shift = shift0; }
  if (trust3 && (trust3 << 1) + 1 > best) { best = (trust3 << 1) + 1; shift = shift3; }
  if (trust2 && trust2 << 1 > best) { best = trust2 << 1; shift = shift2; }
  if (trust1 && trust1 << 1 > best) { best = trust1 << 1; shift = shift1; }
  return best != 0;
}

/** 0 for a guess that says something else, 1 or 2 by how far it is trusted. */
@inline function support(trust: u32, moved: u32): u32 {
  return moved != shift || trust == 0 ? 0 : trust <= LITTLE_TRUST ? 1 : 2;
}

/** Which guesses say the same as {@link shift}, as one number below {@link AGREEMENTS}. */
@inline function agreement(): u32 {
  return support(trust0, shift0) + support(trust1, shift1) * 3 + support(trust2, shift2) * 9
    + <u32>(trust3 != 0 && shift3 == shift) * 27 + <u32>(shift == lastShift) * 54;
}

/** Leaves out the guesses that say {@link shift}. */
@inline function drop(): void {
  if (shift0 == shift) trust0 = 0;
  if (shift1 == shift) trust1 = 0;
  if (shift2 == shift) trust2 = 0;
  if (shift3 == shift) trust3 = 0;
}

/**
 * Codes whether a field is the Base's plus a shift seen before, for up to two shifts; sets {@link shift}.
 *
 * @param at of the field in the window, whose bytes only an encoder looks at; `base` in the Base
 * @param place and drift as for {@link learnField}
 * @param position of the field in the window
 * @param last how much the last differing byte differed
 * @param history flags of the bytes ahead
 */
export function codeField(
  at: usize, base: usize, place: u32, drift: u32, position: u32, last: u32, history: u32,
): bool {
  const was = load<u32>(base);
  find(was, place);
  shift0 = load<u32>(at0) - drift; trust0 = trustIn(at0, shift0);
  shift1 = load<u32>(at1) - drift; trust1 = trustIn(at1, shift1);
  shift2 = load<u32>(at2); trust2 = trustIn(at2, shift2);
  shift3 = load<u32>(at3); trust3 = trustIn(at3, shift3);
  const actual = encoding ? load<u32>(at) - was : 0;
  for (let more: u32 = 0; more <= AGREEMENTS; more += AGREEMENTS) {
    if (!choose()) return false;
    if (codeShift(<u32>(actual == shift), more + agreement(), base, position & 7, last, history)) return true;
    drop();
  }
  return false;
}

/** Codes whether {@link shift} is right. */
function codeShift(right: u32, agreed: u32, base: usize, align: u32, last: u32, history: u32): u32 {
  const was = load<u32>(base), before = load<u32>(base - 4);
  const a = i32x4(fold(agreed, 41), fold(shift, agreed), fold(shift, was >> 16), fold(before >> 8, agreed));
  const b = i32x4(
    fold(shift, before >> 24 | align << 8), fold(was >> 10, shift),
    fold(history & 0xfff, agreed), fold(was >> 24 | last << 8, agreed),
  );
  return codeMixed(right, slots, a, b, weights + <usize>agreed * MIXER_WEIGHTS);
}
