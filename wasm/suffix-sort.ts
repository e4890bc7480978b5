/**
 * Suffix array of a text by two-stage sorting, AssemblyScript.
 *
 * A suffix i is of type A when it is greater than its follower i + 1, else of type B; a B whose follower is an
 * A is a B*. Only the B*, at most half of all and about a third in practice, are sorted; all others follow
 * from their order in two scans (Itoh and Tanaka, "An efficient method for in memory construction of suffix
 * arrays", SPIRE 1999; the B* refinement is Mori's). The B* themselves are sorted as strings of the letters
 * "text from one B* to the next": first these letters by a three-way radix quicksort (Bentley and Sedgewick,
 * SODA 1997), which gives each a rank, then the strings of ranks by doubling (Larsson and Sadakane, "Faster
 * suffix sorting", Theoretical Computer Science 387, 2007).
 *
 * About n log n steps, for periodic texts too. Memory: the text, 4 (n + 1) bytes, and tables of 513 KiB.
 *
 * The work comes in calls of some milliseconds each: V8 stays in the baseline code of a function until the
 * call returns, so one long call would be a slow one.
 */

/** Steps of a scan that one call of {@link sortSome} makes. */
const SLICE: i32 = 1 << 20;

/** Substrings, or ranks, up to which sorting by insertion, or by selection, is the faster way. */
const FEW_STRINGS: i32 = 12;
const FEW_RANKS: i32 = 7;

/** Quicksort levels behind which the larger part is no longer sorted by recursion. */
const DEEP: i32 = 64;

/** Counts, then cursors, of suffixes by their first two bytes. */
let tableB: usize = 0;
let tableStar: usize = 0;
/** Counts, then cursors, of type A suffixes by their first byte. */
let tableA: usize = 0;

let text: usize = 0;
let n: i32 = 0;
let sa: usize = 0;
/** Positions of the B*, in text order. */
let pa: usize = 0;
/** Number of the B*. */
let m: i32 = 0;
/** Ranks of the B*. */
let rank: usize = 0;

/** What {@link sortSome} does next, and how far it got. */
let phase: i32 = 0;
let cursor: i32 = 0;
let filled: i32 = 0;
let lastByte: i32 = 0;
let typeB: bool = false;

@inline function T(i: i32): i32 { return <i32>load<u8>(text + <usize>i); }
@inline function get(array: usize, i: i32): i32 { return load<i32>(array + (<usize>i << 2)); }
@inline function set(array: usize, i: i32, v: i32): void { store<i32>(array + (<usize>i << 2), v); }
@inline function pair(c0: i32, c1: i32): i32 { return (c0 << 8) | c1; }
@inline function swap(array: usize, i: i32, j: i32): void {
  const v = get(array, i);
  set(array, i, get(array, j));
  set(array, j, v);
}

// --- Substrings of the B* ---

/** Letter `depth` of the substring from B* `id` to the second byte of the next B*; -1 behind its end. */
@inline function letter(id: i32, depth: i32): i32 {
  const at = get(pa, id) + depth;
  const end = get(pa, id + 1) + 2;
  return at < end ? T(at) : -1;
}

/** Below 0, 0 or above, as the substring of a is less, equal or greater, from `depth` on. */
function compare(a: i32, b: i32, depth: i32): i32 {
  let i = get(pa, a) + depth;
  let j = get(pa, b) + depth;
  const iEnd = get(pa, a + 1) + 2;
  const jEnd = get(pa, b + 1) + 2;
  while (i < iEnd && j < jEnd) {
    const d = T(i) - T(j);
    if (d != 0) return d;
    i += 1; j += 1;
  }
  return i < iEnd ? 1 : j < jEnd ? -1 : 0;
}

/** Sorts a few substrings by insertion; one equal to its predecessor is stored as its complement. */
function insertionSort(first: i32, last: i32, depth: i32): void {
  for (let i = first + 1; i < last; i++) {
    const id = get(sa, i);
    let j = i - 1;
    let order = 1;
    while (j >= first) {
      const other = get(sa, j);
      order = compare(id, other < 0 ? ~other : other, depth);
      if (order >= 0) break;
      set(sa, j + 1, other);
      j -= 1;
    }
    // Behind a group of equals: all but the first of a group are complements, so the head stays a head.
    set(sa, j + 1, j >= first && order == 0 ? ~id : id);
  }
}

function medianLetter(a: i32, b: i32, c: i32, depth: i32): i32 {
  const x = letter(get(sa, a), depth), y = letter(get(sa, b), depth), z = letter(get(sa, c), depth);
  if (x < y) return y < z ? b : (x < z ? c : a);
  return x < z ? a : (y < z ? c : b);
}

/** Sorts the ids at [first, last) of the array by their substrings, which agree up to `depth`. */
function sortSubstrings(first: i32, last: i32, depth: i32): void {
  while (last - first > FEW_STRINGS) {
    const size = last - first;
    let middle = first + (size >> 1);
    if (size > 64) {
      const eighth = size >> 3;
      const a = medianLetter(first, first + eighth, first + 2 * eighth, depth);
      const b = medianLetter(middle - eighth, middle, middle + eighth, depth);
      const c = medianLetter(last - 1 - 2 * eighth, last - 1 - eighth, last - 1, depth);
      middle = medianLetter(a, b, c, depth);
    } else {
      middle = medianLetter(first, middle, last - 1, depth);
    }
    const pivot = letter(get(sa, middle), depth);
    let less = first, at = first, more = last;
    while (at < more) {
      const c = letter(get(sa, at), depth);
      if (c < pivot) { if (less != at) swap(sa, less, at); less += 1; at += 1; }
      else if (c > pivot) { more -= 1; swap(sa, at, more); }
      else at += 1;
    }
    if (pivot < 0) {
      // Strings that ended here are equal, and below all others.
      for (let i = less + 1; i < more; i++) set(sa, i, ~get(sa, i));
      first = more;
      continue;
    }
    const below = less - first, equal = more - less, above = last - more;
    // Go on with the largest part and call for the others: so calls nest less than log n deep.
    if (equal >= below && equal >= above) {
      sortSubstrings(first, less, depth);
      sortSubstrings(more, last, depth);
      first = less; last = more; depth += 1;
    } else {
      sortSubstrings(less, more, depth + 1);
      if (below > above) { sortSubstrings(more, last, depth); last = less; }
      else { sortSubstrings(first, less, depth); first = more; }
    }
  }
  if (last - first > 1) insertionSort(first, last, depth);
}

// --- Doubling over ranks ---

/** Letters by which the ids are sorted already. */
let hop: i32 = 0;

@inline function key(i: i32): i32 {
  const next = get(sa, i) + hop;
  return next < m ? get(rank, next) : -1;
}

/** Gives the ids at [first, last) one rank; a group of one is sorted, which its negative length says. */
function closeGroup(first: i32, last: i32): void {
  const r = last - 1;
  for (let i = first; i < last; i++) set(rank, get(sa, i), r);
  if (last - first == 1) set(sa, first, -1);
}

function medianKey(a: i32, b: i32, c: i32): i32 {
  const x = key(a), y = key(b), z = key(c);
  if (x < y) return y < z ? y : (x < z ? z : x);
  return x < z ? x : (y < z ? z : y);
}

function selectSort(first: i32, last: i32): void {
  let start = first;
  while (start < last) {
    let least = key(start);
    let end = start + 1;
    for (let i = end; i < last; i++) {
      const k = key(i);
      if (k < least) { least = k; swap(sa, i, start); end = start + 1; }
      else if (k == least) { swap(sa, i, end); end += 1; }
    }
    closeGroup(start, end);
    start = end;
  }
}

/** Sorts a group by the rank `hop` letters on, and splits it where that differs. */
function splitGroup(first: i32, last: i32, level: i32): void {
  while (last - first > FEW_RANKS) {
    const size = last - first;
    const middle = first + (size >> 1);
    let pivot: i32;
    if (size > 40) {
      const e = size >> 3;
      const a = medianKey(first, first + e, first + 2 * e);
      const b = medianKey(middle - e, middle, middle + e);
      const c = medianKey(last - 1 - 2 * e, last - 1 - e, last - 1);
      pivot = a < b ? (b < c ? b : (a < c ? c : a)) : (a < c ? a : (b < c ? c : b));
    } else {
      pivot = medianKey(first, middle, last - 1);
    }
    let less = first, at = first, more = last;
    while (at < more) {
      const k = key(at);
      if (k < pivot) { if (less != at) swap(sa, less, at); less += 1; at += 1; }
      else if (k > pivot) { more -= 1; swap(sa, at, more); }
      else at += 1;
    }
    // Ranks may only change where the order among the three parts stays right: from the least up ...
    if (level < DEEP || less - first <= last - more) {
      if (less > first) splitGroup(first, less, level + 1);
      closeGroup(less, more);
      first = more;
    } else {
      // ... or, where calls would nest too deep, after the lower parts have got ranks of their own.
      closeRanks(first, less);
      closeGroup(less, more);
      if (last > more) splitGroup(more, last, level + 1);
      last = less;
    }
  }
  if (last > first) selectSort(first, last);
}

/** Gives the ids at [first, last) one rank, to be split further. */
function closeRanks(first: i32, last: i32): void {
  for (let i = first; i < last; i++) set(rank, get(sa, i), last - 1);
}

// --- The phases, each some steps a call; true when it is done ---

/** Counts types and notes the B* at the end of the array. */
function classify(): bool {
  let i = cursor;
  let c1 = lastByte;
  let stars = filled;
  let b = typeB;
  const stop = max(0, i - SLICE + 1);
  for (; i >= stop; i--) {
    const c0 = T(i);
    if (c0 > c1 || (c0 == c1 && !b)) {
      set(tableA, c0, get(tableA, c0) + 1);
      b = false;
    } else if (b) {
      const at = pair(c0, c1);
      set(tableB, at, get(tableB, at) + 1);
    } else {
      const at = pair(c0, c1);
      set(tableStar, at, get(tableStar, at) + 1);
      stars += 1;
      set(sa, n - stars, i);
      b = true;
    }
    c1 = c0;
  }
  cursor = i; lastByte = c1; filled = stars; typeB = b;
  if (i >= 0) return false;
  m = stars;
  pa = sa + (<usize>(n - m) << 2);
  rank = sa + (<usize>m << 2);
  // The substring of the last B* ends with the text; one entry more makes it so.
  set(pa, m, n - 2);
  // Cursors by pairs, in the half of the table that B* do not use.
  let sum = 0;
  for (let c0 = 0; c0 < 256; c0++) {
    for (let c1 = c0 + 1; c1 < 256; c1++) {
      sum += get(tableStar, pair(c0, c1));
      set(tableStar, pair(c1, c0), sum);
    }
  }
  cursor = m - 1;
  return true;
}

/** Puts the ids of the B* in the order of their first two bytes. */
function placeStars(): bool {
  const stop = max(0, cursor - SLICE + 1);
  let id = cursor;
  for (; id >= stop; id--) {
    const p = get(pa, id);
    const to = pair(T(p + 1), T(p));
    const at = get(tableStar, to) - 1;
    set(tableStar, to, at);
    set(sa, at, id);
  }
  cursor = id;
  return id < 0;
}

/** Sorts the B* of one first byte by their substrings. */
function sortStars(c0: i32): void {
  for (let c1 = c0 + 1; c1 < 256; c1++) {
    const size = get(tableStar, pair(c0, c1));
    if (size > 1) {
      const start = get(tableStar, pair(c1, c0));
      sortSubstrings(start, start + size, 2);
    }
  }
}

/** Ranks of the B* by their substrings: of a group of equals, the last place. */
function rankStars(): bool {
  const stop = max(0, cursor - SLICE);
  let i = cursor;
  while (i > stop) {
    const r = i - 1;
    i -= 1;
    // A head is no complement; those behind it, its equals, are.
    let j = i;
    while (get(sa, j) < 0) { set(sa, j, ~get(sa, j)); j -= 1; }
    for (let k = j; k <= i; k++) set(rank, get(sa, k), r);
    if (j == i) set(sa, i, -1);
    i = j;
  }
  cursor = i;
  return i <= 0;
}

/** Splits the groups of equal rank by the next `hop` letters; `filled` counts sorted ones, negated. */
function doubleRanks(): bool {
  let i = cursor;
  let sorted = filled;
  const stop = min(m, i + SLICE);
  while (i < stop) {
    const s = get(sa, i);
    if (s < 0) { i -= s; sorted += s; continue; }
    if (sorted != 0) { set(sa, i + sorted, sorted); sorted = 0; }
    const end = get(rank, s) + 1;
    splitGroup(i, end, 0);
    i = end;
  }
  cursor = i; filled = sorted;
  if (i < m) return false;
  if (sorted != 0) set(sa, i + sorted, sorted);
  return true;
}

/** Turns ranks into the positions of the B*, in sorted order. */
function orderStars(): bool {
  let at = cursor, id = filled;
  let c1 = lastByte;
  let b = typeB;
  const stop = max(0, at - SLICE + 1);
  for (; at >= stop; at--) {
    const c0 = T(at);
    if (c0 > c1 || (c0 == c1 && !b)) b = false;
    else if (!b) { id -= 1; set(sa, get(rank, id), at); b = true; }
    c1 = c0;
  }
  cursor = at; filled = id; lastByte = c1; typeB = b;
  return at < 0;
}

/** Puts the sorted B* to where they belong among all, and lays the cursors for the others. */
function spread(): void {
  let end = n;
  let star = m;
  for (let c0 = 255; c0 >= 0; c0--) {
    let all = get(tableA, c0);
    for (let c1 = c0; c1 < 256; c1++) all += get(tableB, pair(c0, c1)) + get(tableStar, pair(c0, c1));
    const start = end - all;
    for (let c1 = 255; c1 >= c0; c1--) {
      const at = pair(c0, c1);
      // On the diagonal of the table B* have none: a B* is less than its follower's first byte.
      const plain = get(tableB, at), stars = c1 == c0 ? 0 : get(tableStar, at);
      // The cursor of the plain ones runs down from the end of the pair.
      set(tableB, at, end - 1);
      end -= plain + stars;
      for (let i = stars - 1; i >= 0; i--) { star -= 1; set(sa, end + i, get(sa, star)); }
    }
    // Where the B of this byte begin.
    set(tableStar, pair(c0, c0), end);
    set(tableA, c0, start);
    end = start;
  }
}

/** Places the B: of each, from the right, the predecessor, if it is a B itself, is the greatest left. */
function induceB(): bool {
  let steps = SLICE;
  let c1 = lastByte;
  let j = cursor;
  while (c1 >= 0) {
    const from = get(tableStar, pair(c1, c1));
    let c2 = -1;
    let to = 0;
    for (; j >= from; j--) {
      if (steps == 0) break;
      steps -= 1;
      const s = get(sa, j);
      if (s > 0) {
        const c0 = T(s - 1);
        if (c0 <= c1) {
          if (c0 != c2) {
            if (c2 >= 0) set(tableB, pair(c2, c1), to);
            c2 = c0;
            to = get(tableB, pair(c0, c1));
          }
          set(sa, to, s - 1);
          to -= 1;
          // Has a B before it: the scan for A may pass over it.
          set(sa, j, ~s);
        }
      }
    }
    if (c2 >= 0) set(tableB, pair(c2, c1), to);
    if (j >= from) break;
    // The next byte's suffixes end where those of this one begin.
    j = get(tableA, c1) - 1;
    c1 -= 1;
  }
  lastByte = c1; cursor = j;
  return c1 < 0;
}

/** Places the A: of each suffix, from the left, the predecessor, if it is an A, is the least left. */
function induceA(): bool {
  const stop = min(n, cursor + SLICE);
  let i = cursor;
  let c2 = lastByte;
  let to = filled;
  for (; i < stop; i++) {
    const s = get(sa, i);
    if (s < 0) { set(sa, i, ~s); continue; }
    if (s == 0) continue;
    const c0 = T(s - 1);
    // A if greater than its follower; of equals, the one whose follower is an A itself.
    if (c0 < T(s)) continue;
    if (c0 != c2) {
      set(tableA, c2, to);
      c2 = c0;
      to = get(tableA, c0);
    }
    set(sa, to, s - 1);
    to += 1;
  }
  cursor = i; lastByte = c2; filled = to;
  return i >= n;
}

/**
 * Begins to sort all suffixes of the `length` bytes at `at` into the array at `array`, which has room for
 * `length` + 1 entries; `tables` has room for 2 · 65,536 + 256 entries.
 */
export function sortBegin(at: usize, length: i32, array: usize, tables: usize): void {
  text = at; n = length; sa = array;
  tableB = tables; tableStar = tables + (65536 << 2); tableA = tableStar + (65536 << 2);
  memory.fill(tables, 0, (65536 * 2 + 256) << 2);
  if (n < 2) {
    if (n == 1) set(sa, 0, 0);
    phase = 100;
    return;
  }
  // The last suffix is of type A.
  lastByte = T(n - 1);
  set(tableA, lastByte, 1);
  cursor = n - 2; filled = 0; typeB = false;
  phase = 0;
}

/** Sorts on. @returns whether there is more to do */
export function sortSome(): bool {
  if (phase == 0) {
    if (classify()) phase = m > 0 ? 1 : 6;
  } else if (phase == 1) {
    if (placeStars()) { phase = 2; cursor = 0; }
  } else if (phase == 2) {
    sortStars(cursor);
    cursor += 1;
    if (cursor == 256) { phase = 3; cursor = m; }
  } else if (phase == 3) {
    if (rankStars()) { phase = 4; hop = 1; cursor = 0; filled = 0; }
  } else if (phase == 4) {
    if (get(sa, 0) <= -m) {
      phase = 5; cursor = n - 2; filled = m; lastByte = T(n - 1); typeB = false;
    } else if (doubleRanks()) {
      hop <<= 1; cursor = 0; filled = 0;
    }
  } else if (phase == 5) {
    if (orderStars()) phase = 6;
  } else if (phase == 6) {
    spread();
    phase = 7; lastByte = 255; cursor = n - 1;
  } else if (phase == 7) {
    if (induceB()) {
      // The last suffix is the least of all that begin with its byte.
      phase = 8; cursor = 0; lastByte = T(n - 1); filled = get(tableA, lastByte);
      set(sa, filled, n - 1);
      filled += 1;
    }
  } else if (phase == 8) {
    if (induceA()) phase = 100;
  }
  return phase < 100;
}
