/**
 * What is done to candidates before the search: their ends are moved out, and repeats of the window join them.
 */
import { candidateAt, endOf, makeRepeat, sourceOf, startOf, widen } from './candidate';

/** Bytes by which an end is moved out at most. */
const REACH: u32 = 256;
/** How much worse than its best a stretch may look on the way. */
const PATIENCE: i32 = 24;

/** log2 of the places of earlier words. */
const TABLE_BITS: u64 = 16;
/** Shorter repeats do not pay. */
const LEAST_REPEAT: u32 = 24;
/** Step over what candidates cover: a repeat is found a little later then. */
const STRIDE: u32 = 4;

/**
 * Moves the ends of each candidate out, to where the count of equal bytes exceeds that of others the most.
 *
 * @param rooms u32 × 2 each: how many source bytes there are ahead of its start and behind its end
 */
export function extend(candidates: usize, count: u32, rooms: usize, window: usize, length: u32): void {
  for (let k: u32 = 0; k < count; k++) {
    const c = candidateAt(candidates, k);
    const start = startOf(c), end = endOf(c), source = sourceOf(c);
    const ahead = load<u32>(rooms + (k << 3)), behind = load<u32>(rooms + (k << 3), 4);
    const forward = reach(window + end, source + (end - start), 1, min(length - end, behind));
    const backward = reach(window + start - 1, source - 1, -1, min(start, ahead));
    widen(c, backward, forward);
  }
}

/** Bytes from `a` and `b` on, in steps of 1 or -1, up to where the most more are equal than not. */
function reach(a: usize, b: usize, step: isize, limit: u32): u32 {
  const stop = min(limit, REACH);
  let score: i32 = 0, best: i32 = 0;
  let bestAt: u32 = 0;
  for (let i: u32 = 0; i < stop; i++) {
    score += load<u8>(a) == load<u8>(b) ? 1 : -1;
    if (score > best) { best = score; bestAt = i + 1; }
    if (score < best - PATIENCE) break;
    a += step; b += step;
  }
  return bestAt;
}

/** Marks what equal runs of 16 bytes and more of the candidates cover, with a byte of `covered` each. */
export function markCovered(candidates: usize, count: u32, window: usize, covered: usize): void {
  for (let k: u32 = 0; k < count; k++) {
    const c = candidateAt(candidates, k);
    const end = endOf(c);
    let at = startOf(c), source = sourceOf(c);
    while (at + 16 <= end) {
      if (v128.any_true(v128.xor(v128.load(window + at), v128.load(source)))) { at += 8; source += 8; continue; }
      v128.store(covered + at, i8x16.splat(1));
      at += 16; source += 16;
    }
  }
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
  memory.fill(table, 0, 4 << <usize>TABLE_BITS);
  if (length < 16) return count;
  const last = length - 8;
  let at: u32 = 0;
  while (at <= last && count < capacity) {
    const word = load<u64>(window + at);
    const entry = table + (<usize>((word * 0x9e3779b97f4a7c15) >> (64 - TABLE_BITS)) << 2);
    // Places count from one.
    const seen = load<u32>(entry);
    store<u32>(entry, at + 1);
    if (load<u8>(covered + at)) { at += STRIDE; continue; }
    if (seen != 0 && load<u64>(window + seen - 1) == word) {
      const from = seen - 1;
      let n: u32 = 8;
      while (at + n < length && load<u8>(window + at + n) == load<u8>(window + from + n)) n += 1;
      if (n >= LEAST_REPEAT) {
        makeRepeat(candidateAt(candidates, count), window, at, from, n);
        count += 1;
        at += n;
        continue;
      }
    }
    at += 1;
  }
  return count;
}
