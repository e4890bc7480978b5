/**
 * Cost-based parse of a window: from candidates to segments, docs/decisions/0010-delta-codec.md.
 *
 * Every byte is either literal or belongs to one of the candidates there; the cheapest sequence, by estimates of
 * what the entropy stage makes of it, is found by dynamic programming over positions with the candidates as states
 * (Viterbi, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm", 1967). Where
 * covers begin and end follows from the costs, so there are no rules for extending, joining or splitting them.
 *
 * Layout: a few words of state in static data; all else where the caller says.
 */
import {
  candidateAt, diagonalOf, endOf, isKnown, mustBeEqual, setKnown, setSlot, slotOf, sourceAt, startOf,
} from './parse/candidate';
import { forgetDiagonals, isRecent, noteRecent } from './parse/diagonals';

export { addRepeats, extend, markCovered } from './parse/grow';

/**
 * Costs in 1/64 bit, chosen by measurement: of a byte that is equal; of one that is not, behind one that is and
 * behind another that is not; of a literal; of a change to a candidate on a new or on a known diagonal, and to
 * literals.
 */
const EQUAL: u32 = 2;
const FIRST_DIFFERENCE: u32 = 170;
const NEXT_DIFFERENCE: u32 = 150;
const LITERAL: u32 = 300;
const ENTER_NEW: u32 = 2400;
const ENTER_KNOWN: u32 = 1200;
const ENTER_LITERAL: u32 = 320;
/** More than any way around a difference where there must not be one. */
const FORBIDDEN: u32 = 100000;
/** Of a state that was not entered yet. */
const DEAD: u32 = 0x3fffffff;
/** Costs are counted anew from the least from here on. */
const HIGH: u32 = 0x10000000;

/** States: slot 0 is the literal, each other one holds a candidate or none. */
const SLOTS: u32 = 16;
const LITERALS: u32 = 0;
/** No candidate. */
const NONE: u32 = 0xffffffff;
/** Bytes of a segment in the list. */
const SEGMENT: usize = 12;

/** Of each slot: cost of the cheapest way to be in it, candidate, and 1 if its last byte differed. */
const costs = memory.data(16 * 4, 16);
const holders = memory.data(16 * 4, 16);
const differed = memory.data(16 * 4, 16);

/** The cheapest way so far: its cost, the slot that it is in, and the candidate of that. */
let best: u32 = 0;
let bestSlot: u32 = 0;
let bestHolder: u32 = NONE;

/** Slots that hold a candidate, and where the first of these ends. */
let active: u32 = 0;
let nextEnd: u32 = NONE;
/** The first candidate that has not begun. */
let next: u32 = 0;

@inline function cost(slot: u32): u32 { return load<u32>(costs + (slot << 2)); }
@inline function setCost(slot: u32, value: u32): void { store<u32>(costs + (slot << 2), value); }
@inline function holder(slot: u32): u32 { return load<u32>(holders + (slot << 2)); }
@inline function setHolder(slot: u32, k: u32): void { store<u32>(holders + (slot << 2), k); }
@inline function setDiffered(slot: u32, value: u32): void { store<u32>(differed + (slot << 2), value); }

/**
 * Chooses the segments.
 *
 * @param candidates in ascending order of their starts
 * @param bests u32 × length: the candidate of the cheapest way ahead of each byte
 * @param switches u16 × length: a bit for each slot that is best entered there
 * @param segmentsEnd 12 bytes each: candidate or NONE for a literal, start, end; filled from here down
 * @returns the address of the first segment
 */
export function parse(
  candidates: usize, count: u32, window: usize, length: u32, bests: usize, switches: usize, segmentsEnd: usize,
): usize {
  begin();
  let at: u32 = 0;
  while (at < length) {
    if (at >= nextEnd) retire(candidates, at);
    while (next < count && startOf(candidateAt(candidates, next)) <= at) admit(candidates, at);
    if (active == 1 && bestSlot != LITERALS && holder(bestSlot) == bestHolder) {
      const until = next < count ? min(startOf(candidateAt(candidates, next)), length) : length;
      const glided = glide(candidates, window, at, until, bests, switches);
      if (glided != at) { at = glided; continue; }
    }
    store<u32>(bests + (<usize>at << 2), bestHolder);
    store<u16>(switches + (<usize>at << 1), <u16>step(candidates, window, at));
    if (best > HIGH) lower();
    at += 1;
  }
  return walkBack(candidates, length, bests, switches, segmentsEnd);
}

function begin(): void {
  for (let s: u32 = 0; s < SLOTS; s++) { setHolder(s, NONE); setCost(s, DEAD); }
  setCost(LITERALS, 0);
  forgetDiagonals();
  best = 0; bestSlot = LITERALS; bestHolder = NONE;
  active = 0; nextEnd = NONE; next = 0;
}

/** Frees the slots of candidates that are over. */
function retire(candidates: usize, at: u32): void {
  nextEnd = NONE;
  for (let s: u32 = 1; s < SLOTS; s++) {
    const k = holder(s);
    if (k == NONE) continue;
    const end = endOf(candidateAt(candidates, k));
    if (end <= at) { setHolder(s, NONE); setCost(s, DEAD); active -= 1; }
    else nextEnd = min(nextEnd, end);
  }
}

/** Gives the next candidate a slot, if it has not ended and there is one. */
function admit(candidates: usize, at: u32): void {
  const k = next;
  next += 1;
  const c = candidateAt(candidates, k);
  if (endOf(c) <= at) return;
  const s = freeSlot();
  if (s == LITERALS) return;
  if (holder(s) == NONE) active += 1;
  setHolder(s, k);
  setCost(s, DEAD);
  setDiffered(s, 0);
  setKnown(c, isRecent(diagonalOf(c)) ? 1 : 0);
  setSlot(c, s);
  nextEnd = min(nextEnd, endOf(c));
}

/** A slot for one more candidate: a free one, or that of the dearest, if it is dear; else that of literals. */
function freeSlot(): u32 {
  let worst: u32 = LITERALS, worstCost: u32 = best + ENTER_KNOWN;
  for (let s: u32 = 1; s < SLOTS; s++) {
    if (holder(s) == NONE) return s;
    if (cost(s) > worstCost) { worst = s; worstCost = cost(s); }
  }
  return worst;
}

/**
 * Goes along the best candidate, the only one there is, as long as 16 bytes at a time are equal.
 *
 * @returns the position behind them
 */
function glide(candidates: usize, window: usize, at: u32, until: u32, bests: usize, switches: usize): u32 {
  const c = candidateAt(candidates, bestHolder);
  const end = min(until, endOf(c));
  const held = i32x4.splat(bestHolder);
  // The literal is entered anew at any of them.
  const entered = i16x8.splat(<i16>(<u32>1 << LITERALS));
  let to = at;
  let source = sourceAt(c, at);
  while (to + 16 <= end && !v128.any_true(v128.xor(v128.load(window + to), v128.load(source)))) {
    const b = bests + (<usize>to << 2), s = switches + (<usize>to << 1);
    v128.store(b, held); v128.store(b, held, 16); v128.store(b, held, 32); v128.store(b, held, 48);
    v128.store(s, entered); v128.store(s, entered, 16);
    to += 16; source += 16;
  }
  if (to == at) return at;
  best += (to - at) * EQUAL;
  setCost(bestSlot, best);
  setCost(LITERALS, best - EQUAL + ENTER_LITERAL + LITERAL);
  setDiffered(bestSlot, 0);
  return to;
}

/** Goes over one byte. @returns a bit for each slot that is best entered ahead of it */
@inline function step(candidates: usize, window: usize, at: u32): u32 {
  const byte = load<u8>(window + at);
  let mask: u32 = 0;
  let literal = cost(LITERALS);
  if (best + ENTER_LITERAL < literal) { literal = best + ENTER_LITERAL; mask = <u32>1 << LITERALS; }
  literal += LITERAL;
  setCost(LITERALS, literal);
  let least = literal, leastSlot: u32 = LITERALS;
  if (active) for (let s: u32 = 1; s < SLOTS; s++) {
    const k = holder(s);
    if (k == NONE) continue;
    const c = candidateAt(candidates, k);
    const fresh = best + (isKnown(c) ? ENTER_KNOWN : ENTER_NEW);
    let total = cost(s);
    let different = load<u32>(differed + (s << 2));
    if (fresh < total) { total = fresh; mask |= 1 << s; different = 0; }
    if (load<u8>(sourceAt(c, at)) == byte) {
      total += EQUAL;
      different = 0;
    } else {
      total += different ? NEXT_DIFFERENCE : FIRST_DIFFERENCE;
      if (mustBeEqual(c)) total += FORBIDDEN;
      different = 1;
    }
    setCost(s, total);
    setDiffered(s, different);
    if (total < least) { least = total; leastSlot = s; }
  }
  best = least;
  if (leastSlot != bestSlot || (leastSlot != LITERALS && holder(leastSlot) != bestHolder)) turn(candidates, leastSlot);
  return mask;
}

/** Notes that the cheapest way is in another slot now. */
function turn(candidates: usize, slot: u32): void {
  bestSlot = slot;
  bestHolder = holder(slot);
  if (slot == LITERALS) return;
  const c = candidateAt(candidates, bestHolder);
  setKnown(c, 1);
  noteRecent(diagonalOf(c));
}

/** Counts costs from the least. */
function lower(): void {
  for (let s: u32 = 0; s < SLOTS; s++) if (cost(s) < DEAD) setCost(s, cost(s) - best);
  best = 0;
}

/** Follows the cheapest way from its end to its beginning, and lists its segments. */
function walkBack(candidates: usize, length: u32, bests: usize, switches: usize, segmentsEnd: usize): usize {
  let k = bestHolder, slot = bestSlot;
  let out = segmentsEnd;
  let end = length;
  for (let at = length; at > 0; ) {
    // The byte at - 1 is in state `slot`.
    at -= 1;
    const mask = <u32>load<u16>(switches + (<usize>at << 1));
    if (!(mask >> slot & 1) && at > 0) continue;
    out -= SEGMENT;
    store<u32>(out, k);
    store<u32>(out, at, 4);
    store<u32>(out, end, 8);
    end = at;
    if (at == 0) break;
    k = load<u32>(bests + (<usize>at << 2));
    slot = k == NONE ? LITERALS : slotOf(candidateAt(candidates, k));
  }
  return out;
}
