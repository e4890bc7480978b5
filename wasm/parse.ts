/**
 * Cost-based parse of a window: from candidate covers to segments, docs/decisions/0010-delta-entropy-and-windows.md.
 *
 * A candidate is a stretch of the window that resembles some source bytes on one diagonal: of the Base, or of
 * the window itself further ahead. Every byte is either literal or belongs to one of the candidates there; the
 * cheapest sequence, by estimates of what the entropy stage makes of it, is found by dynamic programming over
 * positions with the candidates as states (Viterbi). Where covers begin and end follows from the costs, so
 * there are no rules for extending, joining or splitting them.
 *
 * Layout: all places are given by the caller.
 */

/** Costs in 1/64 bit. */
const EQUAL: u32 = 2;
const FIRST_DIFFERENCE: u32 = 170;
const NEXT_DIFFERENCE: u32 = 150;
let literalCost: u32 = 300;
let enterNew: u32 = 2400;
let enterKnown: u32 = 1200;
let enterLiteral: u32 = 320;

export function setCosts(literal: u32, fresh: u32, known: u32, toLiteral: u32): void {
  literalCost = literal; enterNew = fresh; enterKnown = known; enterLiteral = toLiteral;
}

/** States besides the literal that are followed at once. */
const SLOTS: u32 = 15;
const NONE: u32 = 0xffffffff;
const DEAD: u32 = 0x3fffffff;
/** How far an end is moved out at most, and how much worse than its best a stretch may look on the way. */
const REACH: i32 = 256;
const PATIENCE: i32 = 24;

/**
 * A candidate is eight words: start, end, address of the source of `start`, two of the diagonal; whether that is
 * known, whether all bytes must be equal, and its slot.
 */
const CANDIDATE: usize = 32;

/** Cost and candidate of each slot. */
const costs = memory.data(16 * 4, 16);
const holders = memory.data(16 * 4, 16);
/** 1 where the last byte of the slot's candidate differed. */
const differed = memory.data(16 * 4, 16);

/** Diagonals that the cheapest path has used lately. */
const recent = memory.data(8 * 8, 16);
let recentAt: u32 = 0;

@inline function field(candidate: usize, i: usize): u32 { return load<u32>(candidate + (i << 2)); }

function isRecent(diagonal: u64): bool {
  for (let i = 0; i < 8; i++) if (load<u64>(recent + (i << 3)) == diagonal) return true;
  return false;
}

function noteRecent(diagonal: u64): void {
  if (isRecent(diagonal)) return;
  store<u64>(recent + (<usize>(recentAt & 7) << 3), diagonal);
  recentAt += 1;
}

/**
 * Moves the ends of each candidate out, to where the count of equal bytes exceeds that of others the most.
 *
 * @param room per candidate at `rooms`: how many source bytes there are ahead of its start and behind its end
 */
export function extend(candidates: usize, count: u32, rooms: usize, window: usize, length: u32): void {
  for (let k: u32 = 0; k < count; k++) {
    const c = candidates + k * CANDIDATE;
    let start = field(c, 0), end = field(c, 1), source = <usize>field(c, 2);
    const ahead = load<u32>(rooms + (k << 3)), behind = load<u32>(rooms + (k << 3), 4);
    const forward = reach(window + end, source + (end - start), 1, min(length - end, behind));
    const backward = reach(window + start - 1, source - 1, -1, min(start, ahead));
    store<u32>(c, start - backward);
    store<u32>(c, end + forward, 4);
    store<u32>(c, <u32>source - backward, 8);
  }
}

function reach(a: usize, b: usize, step: isize, limit: u32): u32 {
  const stop = limit < <u32>REACH ? <i32>limit : REACH;
  let score = 0, best = 0, bestAt = 0;
  for (let i = 0; i < stop; i++) {
    score += load<u8>(a) == load<u8>(b) ? 1 : -1;
    if (score > best) { best = score; bestAt = i + 1; }
    if (score < best - PATIENCE) break;
    a += step; b += step;
  }
  return bestAt;
}

/**
 * Finds stretches of 24 bytes and more that repeat earlier bytes of the window, where no candidate's bytes are
 * equal for as long, and adds them to the candidates.
 *
 * @param covered a byte each of the window's, nonzero where it need not be looked at
 * @param table u32 × 65,536
 * @returns the new number of candidates
 */
export function addRepeats(
  candidates: usize, count: u32, capacity: u32, window: usize, length: u32, covered: usize, table: usize,
): u32 {
  memory.fill(table, 0, 4 << 16);
  if (length < 16) return count;
  const last = length - 8;
  let at: u32 = 0;
  while (at <= last && count < capacity) {
    const word = load<u64>(window + at);
    const slot = table + (<usize>((word * 0x9e3779b97f4a7c15) >> 48) << 2);
    if (load<u8>(covered + at)) {
      store<u32>(slot, at + 1);
      at += 4;
      continue;
    }
    const seen = load<u32>(slot);
    store<u32>(slot, at + 1);
    if (seen != 0 && load<u64>(window + seen - 1) == word) {
      const from = seen - 1;
      let n: u32 = 8;
      while (at + n < length && load<u8>(window + at + n) == load<u8>(window + from + n)) n += 1;
      if (n >= 24) {
        const c = candidates + <usize>count * CANDIDATE;
        store<u32>(c, at);
        store<u32>(c, at + n, 4);
        store<u32>(c, <u32>window + from, 8);
        store<u64>(c, <u64>(at - from) | (<u64>1 << 56), 12);
        store<u32>(c, 0, 20);
        store<u32>(c, 1, 24);
        count += 1;
        at += n;
        continue;
      }
    }
    at += 1;
  }
  return count;
}

/** Marks what a candidate's equal runs of 16 bytes and more cover. */
export function markCovered(candidates: usize, count: u32, window: usize, covered: usize): void {
  for (let k: u32 = 0; k < count; k++) {
    const c = candidates + k * CANDIDATE;
    let at = field(c, 0), source = <usize>field(c, 2);
    const end = field(c, 1);
    while (at + 16 <= end) {
      if (v128.any_true(v128.xor(v128.load(window + at), v128.load(source)))) { at += 8; source += 8; continue; }
      v128.store(covered + at, i8x16.splat(1));
      at += 16; source += 16;
    }
  }
}

/**
 * Chooses the segments.
 *
 * @param candidates in ascending order of their starts
 * @param bests u32 × length: the candidate of the cheapest way ahead of each byte
 * @param switches u16 × length: the states that are best entered there
 * @param segments 12 bytes each: candidate or NONE for a literal, start, end; filled from the end down
 * @returns the address of the first segment
 */
export function parse(
  candidates: usize, count: u32, window: usize, length: u32, bests: usize, switches: usize, segmentsEnd: usize,
): usize {
  for (let s: u32 = 0; s < 16; s++) { store<u32>(holders + (s << 2), NONE); store<u32>(costs + (s << 2), DEAD); }
  for (let i = 0; i < 8; i++) store<u64>(recent + (i << 3), 0xffffffffffffffff);
  recentAt = 0;
  // Slot 0 is the literal.
  store<u32>(costs, 0);
  let next: u32 = 0;
  let active: u32 = 0;
  let total: u64 = 0;
  let best: u32 = 0, bestSlot: u32 = 0, bestHolder: u32 = NONE;
  let nextEnd: u32 = NONE;
  let at: u32 = 0;
  while (at < length) {
    // Candidates whose time is over.
    if (at >= nextEnd) {
      nextEnd = NONE;
      for (let s: u32 = 1; s <= SLOTS; s++) {
        const k = load<u32>(holders + (s << 2));
        if (k == NONE) continue;
        const end = field(candidates + <usize>k * CANDIDATE, 1);
        if (end <= at) { store<u32>(holders + (s << 2), NONE); store<u32>(costs + (s << 2), DEAD); active -= 1; }
        else if (end < nextEnd) nextEnd = end;
      }
    }
    while (next < count && field(candidates + <usize>next * CANDIDATE, 0) <= at) {
      const c = candidates + <usize>next * CANDIDATE;
      if (field(c, 1) > at) {
        const s = freeSlot(best);
        if (s != 0) {
          if (load<u32>(holders + (s << 2)) == NONE) active += 1;
          store<u32>(holders + (s << 2), next);
          store<u32>(costs + (s << 2), DEAD);
          store<u32>(differed + (s << 2), 0);
          store<u32>(c, isRecent(load<u64>(c, 12)) ? 1 : 0, 20);
          store<u32>(c, s, 28);
          if (field(c, 1) < nextEnd) nextEnd = field(c, 1);
        }
      }
      next += 1;
    }
    // Along one candidate that is equal for long, with no other in sight.
    if (active == 1 && bestSlot != 0 && load<u32>(holders + (bestSlot << 2)) == bestHolder) {
      const c = candidates + <usize>bestHolder * CANDIDATE;
      const until = min(next < count ? field(candidates + <usize>next * CANDIDATE, 0) : length, min(field(c, 1), length));
      let a = at;
      let o = <usize>field(c, 2) + (at - field(c, 0));
      while (a + 16 <= until && !v128.any_true(v128.xor(v128.load(window + a), v128.load(o)))) {
        const b = bests + (<usize>a << 2);
        v128.store(b, i32x4.splat(bestHolder)); v128.store(b, i32x4.splat(bestHolder), 16);
        v128.store(b, i32x4.splat(bestHolder), 32); v128.store(b, i32x4.splat(bestHolder), 48);
        // The literal is entered anew at any of them.
        v128.store(switches + (<usize>a << 1), i16x8.splat(1)); v128.store(switches + (<usize>a << 1), i16x8.splat(1), 16);
        a += 16; o += 16;
      }
      if (a != at) {
        best += (a - at) * EQUAL;
        store<u32>(costs + (bestSlot << 2), best);
        store<u32>(costs, best - EQUAL + enterLiteral + literalCost);
        store<u32>(differed + (bestSlot << 2), 0);
        at = a;
        continue;
      }
    }
    // One byte.
    const byte = load<u8>(window + at);
    store<u32>(bests + (<usize>at << 2), bestHolder);
    let mask: u32 = 0;
    let least: u32 = DEAD * 2, leastSlot: u32 = 0;
    const entered = best;
    let literal = load<u32>(costs);
    if (entered + enterLiteral < literal) { literal = entered + enterLiteral; mask = 1; }
    literal += literalCost;
    store<u32>(costs, literal);
    least = literal;
    if (active) for (let s: u32 = 1; s <= SLOTS; s++) {
      const k = load<u32>(holders + (s << 2));
      if (k == NONE) continue;
      const c = candidates + <usize>k * CANDIDATE;
      let cost = load<u32>(costs + (s << 2));
      const enter = entered + (field(c, 5) ? enterKnown : enterNew);
      let different = load<u32>(differed + (s << 2));
      if (enter < cost) { cost = enter; mask |= 1 << s; different = 0; }
      if (load<u8>(<usize>field(c, 2) + (at - field(c, 0))) == byte) { cost += EQUAL; different = 0; }
      else { cost += different ? NEXT_DIFFERENCE : FIRST_DIFFERENCE; if (field(c, 6)) cost += 100000; different = 1; }
      store<u32>(costs + (s << 2), cost);
      store<u32>(differed + (s << 2), different);
      if (cost < least) { least = cost; leastSlot = s; }
    }
    store<u16>(switches + (<usize>at << 1), <u16>mask);
    best = least;
    if (leastSlot != bestSlot || (leastSlot != 0 && load<u32>(holders + (leastSlot << 2)) != bestHolder)) {
      bestSlot = leastSlot;
      bestHolder = load<u32>(holders + (leastSlot << 2));
      if (leastSlot != 0) {
        const c = candidates + <usize>bestHolder * CANDIDATE;
        store<u32>(c, 1, 20);
        noteRecent(load<u64>(c, 12));
      }
    }
    at += 1;
    if (best > 0x10000000) {
      // Keep the numbers small.
      total += best;
      for (let s: u32 = 0; s <= SLOTS; s++) {
        const cost = load<u32>(costs + (s << 2));
        if (cost < DEAD) store<u32>(costs + (s << 2), cost - best);
      }
      best = 0;
    }
  }
  return walkBack(candidates, length, bests, switches, segmentsEnd, bestHolder, bestSlot);
}

/** A slot for one more candidate: a free one, or that of the dearest, if it is dear; 0 if there is none. */
function freeSlot(best: u32): u32 {
  let worst: u32 = 0, worstCost: u32 = best + enterKnown;
  for (let s: u32 = 1; s <= SLOTS; s++) {
    if (load<u32>(holders + (s << 2)) == NONE) return s;
    const cost = load<u32>(costs + (s << 2));
    if (cost > worstCost) { worst = s; worstCost = cost; }
  }
  return worst;
}

function walkBack(
  candidates: usize, length: u32, bests: usize, switches: usize, segmentsEnd: usize, holder: u32, slot: u32,
): usize {
  let out = segmentsEnd;
  let end = length;
  let at = length;
  while (at > 0) {
    // The byte at - 1 is in state `slot`.
    at -= 1;
    const mask = <u32>load<u16>(switches + (<usize>at << 1));
    if (!(mask >> slot & 1) && at > 0) continue;
    out -= 12;
    store<u32>(out, holder);
    store<u32>(out, at, 4);
    store<u32>(out, end, 8);
    end = at;
    if (at == 0) break;
    holder = load<u32>(bests + (<usize>at << 2));
    slot = holder == NONE ? 0 : field(candidates + <usize>holder * CANDIDATE, 7);
  }
  return out;
}
