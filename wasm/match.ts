/**
 * Match finding: which stretches of a target resemble a text, on which diagonals; AssemblyScript.
 *
 * A diagonal is the distance from a position in the target to one in the text. The scan goes along a
 * diagonal as long as most bytes agree, and asks an index only where they do not: an index of hash chains for
 * small texts, a suffix array with a filter of hashes ahead of it for large ones. Both find what has
 * {@link LEAST} equal bytes or more.
 *
 * The target comes block by block. What is found goes out as records of three numbers: position in the block,
 * position in the text, length. Between first and last byte of a record some bytes may differ.
 *
 * No step compares more than {@link MOST} bytes before it moves on, so time is linear in the target, times
 * the depth of the index, for every input.
 */
import { sortBegin as begin, sortSome as some } from './suffix-sort';

/** The sorter works in the memory of this kernel. */
export function sortBegin(at: usize, length: i32, array: usize, tables: usize): void { begin(at, length, array, tables); }
export function sortSome(): bool { return some(); }

/** Equal bytes that a match begins with at least. */
const LEAST: i32 = 8;
/** Bytes compared at once at most. */
const MOST: i32 = 65536;
/** Of a look ahead of 32 bytes, so many agree where the scan goes on without a question. */
const FOLLOW: i32 = 26;
/** So many, where it goes on when the question brought nothing better. */
const KEEP: i32 = 10;
/** A match of so many equal bytes needs no other reason. */
const ENOUGH: i32 = 16;
/** Bytes ahead by which diagonals are compared. */
const JUDGED: i32 = 64;
/** By so many equal bytes another diagonal has to be better than the one at hand. */
const BETTER: i32 = 10;
/** Candidates of a chain that are looked at. */
const CHAIN: i32 = 48;
/** Suffixes that are looked at on each side of the one with the longest match. */
const NEIGHBOURS: i32 = 8;
/** Diagonals remembered. */
const RECENT: i32 = 8;
/** Bytes by which a match grows backward over some that differ, at most. */
const BACK: i32 = 512;
/** Positions without a match behind which only some are looked at, and how many are left out then. */
const FAR: i32 = 128;

const NONE: i32 = i32.MIN_VALUE;

let text: usize = 0;
let n: i32 = 0;
let target: usize = 0;
let m: i32 = 0;

/** 0: hash chains, 1: suffix array. */
let kind: i32 = 0;
let array: usize = 0;
/** Chains: heads by hash. Suffix array: where the suffixes of each two bytes begin. */
let heads: usize = 0;
/** Bits of the hash. */
let hashShift: u64 = 0;
let filter: usize = 0;
let indexed: i32 = 0;

/** The diagonals last used, the latest first. */
const recent: usize = memory.data(RECENT * 4);

/** What the last question found: where, equal bytes it begins with, and how good it is ({@link scoreOf}). */
let foundAt: i32 = 0;
let foundLength: i32 = 0;
let foundScore: i32 = 0;

let records: usize = 0;
let count: i32 = 0;
let capacity: i32 = 0;

@inline function hashOf(at: usize): usize {
  return <usize>((load<u64>(at) * 0x9e3779b97f4a7c15) >> hashShift);
}

/** Equal bytes at `a` and `b`, up to `most`; reads up to 15 bytes more. */
function equalRun(a: usize, b: usize, most: i32): i32 {
  let length: i32 = 0;
  while (length < most) {
    const x = load<u64>(a + <usize>length) ^ load<u64>(b + <usize>length);
    if (x != 0) return min(most, length + <i32>(ctz(x) >> 3));
    length += 8;
  }
  return most;
}

/** Bit k is set when byte k of the 32 at `a` equals that at `b`. */
@inline function equal32(a: usize, b: usize): u32 {
  const low = i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b)));
  const high = i8x16.bitmask(i8x16.eq(v128.load(a, 16), v128.load(b, 16)));
  return <u32>low | (<u32>high << 16);
}

/** How many of `length` bytes are equal. */
function countEqual(a: usize, b: usize, length: i32): i32 {
  let equal: i32 = 0;
  let k: i32 = 0;
  for (; k + 32 <= length; k += 32) equal += popcnt<u32>(equal32(a + <usize>k, b + <usize>k));
  if (k < length) {
    const mask: u32 = (<u32>1 << (length - k)) - 1;
    equal += popcnt<u32>(equal32(a + <usize>k, b + <usize>k) & mask);
  }
  return equal;
}

/**
 * Says where everything is. `indexAt` has room for 4 (length + 1) bytes; `headsAt` for 4 << hashBits with
 * chains, and for the sorter's tables with a suffix array; `filterAt` for 1 << (hashBits - 3).
 * Behind text and target there are 64 bytes more that may be read.
 */
export function prepare(
  textAt: usize, length: i32, indexKind: i32, indexAt: usize, headsAt: usize, filterAt: usize, hashBits: i32,
): void {
  text = textAt; n = length; kind = indexKind; array = indexAt; heads = headsAt; filter = filterAt;
  hashShift = <u64>(64 - hashBits);
  indexed = 0;
  forget();
}

/** Forgets the diagonals used so far. */
export function forget(): void {
  for (let k = 0; k < RECENT; k++) store<i32>(recent + (<usize>k << 2), NONE);
}

/** Notes a diagonal. */
export function remember(diagonal: i32): void {
  let carried = diagonal;
  for (let k: usize = 0; k < <usize>RECENT; k++) {
    const before = load<i32>(recent + (k << 2));
    store<i32>(recent + (k << 2), carried);
    if (before == diagonal) return;
    carried = before;
  }
}

/** Moves all diagonals by `by`: the target's next block begins so much further on, or the text elsewhere. */
export function shift(by: i32): void {
  for (let k: usize = 0; k < <usize>RECENT; k++) {
    const diagonal = load<i32>(recent + (k << 2));
    if (diagonal != NONE) store<i32>(recent + (k << 2), diagonal + by);
  }
}

/** The latest diagonal, or NONE. */
export function latest(): i32 { return load<i32>(recent); }

/** Hash chains over the whole text; of a run of one byte value only the first and the last few are in it. */
function buildChains(): void {
  memory.fill(heads, 0xff, <usize>4 << (64 - <usize>hashShift));
  let before: u64 = 0;
  for (let i = 0; i + LEAST <= n; i++) {
    const value = load<u64>(text + <usize>i);
    if (value == before) continue;
    before = value;
    const head = heads + (<usize>((value * 0x9e3779b97f4a7c15) >> hashShift) << 2);
    store<i32>(array + (<usize>i << 2), load<i32>(head));
    store<i32>(head, i);
  }
}

/** Notes the hashes of [from, until) in the filter. */
export function fillFilter(from: i32, until: i32): void {
  const stop = min(until, n - LEAST + 1);
  for (let i = from; i < stop; i++) {
    const h = hashOf(text + <usize>i);
    const at = filter + (h >> 3);
    store<u8>(at, <u8>(<u32>load<u8>(at) | (1 << (<u32>h & 7))));
  }
}

/** Where the suffixes of each two bytes begin, 65,537 numbers; in the place of the sorter's tables. */
export function fillBuckets(): void {
  memory.fill(heads, 0, 65538 << 2);
  for (let i = 0; i + 1 < n; i++) {
    const at = heads + (<usize>(<u32>load<u8>(text + <usize>i) << 8 | <u32>load<u8>(text + <usize>i, 1)) << 2);
    store<i32>(at, load<i32>(at) + 1);
  }
  // The last suffix has one byte only, and comes ahead of those that begin with it.
  const single = n > 0 ? <i32>load<u8>(text + <usize>(n - 1)) << 8 : -1;
  let sum = 0;
  for (let k = 0; k <= 65536; k++) {
    if (k == single) sum += 1;
    const here = load<i32>(heads + (<usize>k << 2));
    store<i32>(heads + (<usize>k << 2), sum);
    sum += here;
  }
  indexed = 1;
}

/** What going on at `p` is worth: how many of the next bytes are equal, of a few if not of all. */
@inline function scoreOf(i: i32, p: i32, length: i32): i32 {
  if (length >= JUDGED) return length;
  return countEqual(target + <usize>i, text + <usize>p, min(JUDGED, min(m - i, n - p)));
}

/** Takes a candidate when it is better than the last, or as good and nearer to `expected`. */
@inline function offer(i: i32, p: i32, length: i32, expected: i32): void {
  const score = scoreOf(i, p, length);
  if (score < foundScore) return;
  if (score == foundScore && abs(p - expected) >= abs(foundAt - expected)) return;
  foundAt = p;
  foundLength = length;
  foundScore = score;
}

function askChains(i: i32, most: i32, expected: i32): void {
  const at = target + <usize>i;
  const value = load<u64>(at);
  let p = load<i32>(heads + (hashOf(at) << 2));
  for (let k = 0; p >= 0 && k < CHAIN; k++) {
    if (load<u64>(text + <usize>p) == value) offer(i, p, equalRun(at, text + <usize>p, min(most, n - p)), expected);
    p = load<i32>(array + (<usize>p << 2));
  }
}

function askSuffixes(i: i32, most: i32, expected: i32): void {
  const at = target + <usize>i;
  const h = hashOf(at);
  if ((<u32>load<u8>(filter + (h >> 3)) & (1 << (<u32>h & 7))) == 0) return;
  const bucket = heads + (<usize>(<u32>load<u8>(at) << 8 | <u32>load<u8>(at, 1)) << 2);
  let low = load<i32>(bucket), high = load<i32>(bucket, 4);
  let lowEqual = 2, highEqual = 2;
  let best = -1, bestLength = 0;
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    const p = load<i32>(array + (<usize>middle << 2));
    // The last suffix of all, of one byte, stands at the end of the bucket before its own.
    if (n - p < 2) { high = middle; continue; }
    const known = min(lowEqual, highEqual);
    const limit = min(most, n - p);
    const length = known < limit ? known + equalRun(at + <usize>known, text + <usize>(p + known), limit - known) : limit;
    if (length > bestLength) { bestLength = length; best = middle; }
    if (length == most) break;
    if (length == n - p || load<u8>(text + <usize>(p + length)) < load<u8>(at + <usize>length)) {
      low = middle + 1; lowEqual = length;
    } else {
      high = middle; highEqual = length;
    }
  }
  if (bestLength < LEAST) return;
  offer(i, load<i32>(array + (<usize>best << 2)), bestLength, expected);
  // Its neighbours are the next longest, and may be better further on.
  if (bestLength >= JUDGED) return;
  for (let k = best + 1; k < n && k <= best + NEIGHBOURS; k++) {
    if (!offerSuffix(i, load<i32>(array + (<usize>k << 2)), most, expected)) break;
  }
  for (let k = best - 1; k >= 0 && k >= best - NEIGHBOURS; k--) {
    if (!offerSuffix(i, load<i32>(array + (<usize>k << 2)), most, expected)) break;
  }
}

/** Offers a suffix, if it begins with enough equal bytes. */
function offerSuffix(i: i32, p: i32, most: i32, expected: i32): bool {
  if (p + LEAST > n) return false;
  const length = equalRun(target + <usize>i, text + <usize>p, min(most, n - p));
  if (length < LEAST) return false;
  offer(i, p, length, expected);
  return true;
}

/** Looks for the longest match at `i`: on the diagonals last used, then in the index. */
function ask(i: i32, expected: i32): void {
  foundLength = 0;
  foundScore = 0;
  const at = target + <usize>i;
  const value = load<u64>(at);
  const most = min(m - i, MOST);
  for (let k: usize = 0; k < <usize>RECENT; k++) {
    const diagonal = load<i32>(recent + (k << 2));
    if (diagonal == NONE) break;
    const p = i + diagonal;
    if (p < 0 || p + LEAST > n || load<u64>(text + <usize>p) != value) continue;
    const length = equalRun(at, text + <usize>p, min(most, n - p));
    // The latest is the cheapest, so others have to be better.
    const score = scoreOf(i, p, length);
    if (score > foundScore) { foundLength = length; foundAt = p; foundScore = score; }
  }
  if (foundLength >= JUDGED) return;
  if (kind == 0) {
    if (indexed == 0) { buildChains(); indexed = 1; }
    askChains(i, most, expected);
  } else {
    askSuffixes(i, most, expected);
  }
}

@inline function emit(from: i32, p: i32, length: i32): void {
  if (length < LEAST || count == capacity) return;
  const at = records + <usize>count * 12;
  store<i32>(at, from);
  store<i32>(at, p, 4);
  store<i32>(at, length, 8);
  count += 1;
}

/** How far a match that begins at `i` can begin earlier, bytes that differ included. */
function growBack(i: i32, p: i32, floor: i32): i32 {
  const most = min(min(i - floor, p), BACK);
  let score = 0, best = 0, length = 0;
  for (let k = 1; k <= most; k++) {
    if (load<u8>(target + <usize>(i - k)) == load<u8>(text + <usize>(p - k))) {
      score += 1;
      if (score > best) { best = score; length = k; }
    } else {
      score -= 1;
      if (score < best - 8) break;
    }
  }
  return length;
}

/**
 * Scans the `length` bytes of a block at `targetAt` and stores what it finds at `recordsAt`.
 *
 * @param follow whether the scan begins on the latest diagonal
 * @param every positions left out where nothing is found for long, for the price of the shortest matches
 * @returns the number of records
 */
export function scan(targetAt: usize, length: i32, follow: bool, every: i32, recordsAt: usize, most: i32): i32 {
  target = targetAt; m = length; records = recordsAt; count = 0; capacity = most;
  let diagonal = load<i32>(recent);
  let on = follow && diagonal != NONE;
  // The match at hand: its first byte, and the end of its last equal one.
  let start = 0, good = 0;
  let i = 0;
  while (i < m) {
    let agree = 0;
    if (on) {
      const p = i + diagonal;
      if (p >= 0 && p < n) {
        const run = equalRun(target + <usize>i, text + <usize>p, min(m - i, n - p));
        if (run > 0) { i += run; good = i; }
        if (i >= m) break;
        const rest = min(min(m - i, n - i - diagonal), 32);
        if (rest > 0) {
          const mask = equal32(target + <usize>i, text + <usize>(i + diagonal)) & (rest == 32 ? 0xffffffff : (<u32>1 << rest) - 1);
          agree = popcnt<u32>(mask);
          // At the end of a block there is less to judge by.
          if (agree * 32 >= FOLLOW * rest) {
            i += 32 - <i32>clz<u32>(mask);
            good = i;
            continue;
          }
          agree = agree * 32 / rest;
        }
      }
    }
    if (m - i < LEAST) break;
    const value = load<u64>(target + <usize>i);
    // A run of one byte value is nothing to look for: it costs next to nothing without a match.
    if (value == rotl<u64>(value, 8)) {
      if (on && agree >= KEEP) { i += 8; continue; }
      const run = equalRun(target + <usize>i, target + <usize>(i + 1), m - i - 1);
      const p = i + diagonal;
      // Unless the run goes on along the diagonal.
      if (diagonal != NONE && p >= 0 && p + LEAST <= n && load<u64>(text + <usize>p) == value) {
        if (!on) { start = i; on = true; }
        good = i + 8; i += 8;
        continue;
      }
      if (on) { emit(start, start + diagonal, good - start); on = false; }
      i += max(1, run - 7);
      continue;
    }
    ask(i, diagonal == NONE ? i : i + diagonal);
    let take = foundLength >= LEAST;
    if (take) {
      const other = foundAt - i;
      const near = i + diagonal;
      if (on && other != diagonal && near >= 0 && near < n) {
        const length = min(max(foundLength, JUDGED), min(256, min(m - i, n - near)));
        take = foundScore >= countEqual(target + <usize>i, text + <usize>near, length) + BETTER;
      }
      if (take && foundLength < ENOUGH && other != diagonal) {
        const back = min(min(i, foundAt), 16);
        const ahead = min(min(m - i, n - foundAt), 48);
        const equal = countEqual(target + <usize>(i - back), text + <usize>(foundAt - back), back + ahead);
        take = equal * 2 >= back + ahead;
      }
    }
    if (take) {
      const other = foundAt - i;
      if (on && other == diagonal) {
        // Was only doubtful.
        i += foundLength; good = i;
        continue;
      }
      if (on) emit(start, start + diagonal, good - start);
      const back = growBack(i, foundAt, max(0, good - 64));
      start = i - back;
      diagonal = other;
      remember(diagonal);
      on = true;
      i += foundLength;
      good = i;
      continue;
    }
    if (on) {
      if (agree >= KEEP) { i += 2; continue; }
      emit(start, start + diagonal, good - start);
      on = false;
    }
    i += i - good > FAR ? every : 1;
  }
  if (on) emit(start, start + diagonal, good - start);
  return count;
}
