/**
 * Finds where a text repeats what it held further ahead: an LZ77 search (Ziv and Lempel, "A universal algorithm
 * for sequential data compression", 1977) with a table of the last two places of each eight bytes. The text goes
 * in part by part, and a part is searched before it is entered: what is found lies in an earlier part.
 *
 * Layout: all places are given by the caller. A table is {@link tableBytes} long, two u32 for each hash: places in
 * the text, the latest first, counted from one, so that zero is none.
 */

/** log2 of the hashes. */
const HASH_BITS: u64 = 20;
/** Bytes of the two places of a hash, and of one. */
const ENTRY: usize = 8;
const PLACE: usize = 4;
const TABLE: usize = ENTRY << <usize>HASH_BITS;

/** Shorter repeats do not pay. */
const LEAST: u32 = 10;
/** Bytes of what is found: place, earlier place, length. */
const FOUND: usize = 12;

/** The entry of the eight bytes at `at`. */
@inline function entryOf(table: usize, at: usize): usize {
  return table + <usize>((load<u64>(at) * 0x9e3779b97f4a7c15) >> (64 - HASH_BITS)) * ENTRY;
}

/** Bytes of the table. */
export function tableBytes(): u32 {
  return <u32>TABLE;
}

/** Forgets all places. */
export function clear(table: usize): void {
  memory.fill(table, 0, TABLE);
}

/** Enters the places [from, to) of the text, where eight bytes from each on are in it. */
export function enter(text: usize, from: u32, to: u32, table: usize): void {
  for (let at = from; at < to; at++) {
    const entry = entryOf(table, text + at);
    store<u32>(entry, load<u32>(entry), PLACE);
    store<u32>(entry, at + 1);
  }
}

function commonLength(a: usize, b: usize, limit: u32): u32 {
  let n: u32 = 0;
  while (n + 8 <= limit) {
    const x = load<u64>(a + n) ^ load<u64>(b + n);
    if (x != 0) return n + <u32>(ctz(x) >> 3);
    n += 8;
  }
  while (n < limit && load<u8>(a + n) == load<u8>(b + n)) n += 1;
  return n;
}

/**
 * The longest repeats in [from, to) one after another, of what was entered; 12 bytes each: place, earlier place,
 * length.
 *
 * @returns how many were stored, at most `capacity`
 */
export function find(text: usize, from: u32, to: u32, table: usize, found: usize, capacity: u32): u32 {
  let count: u32 = 0;
  let at = from;
  while (at + LEAST <= to && count < capacity) {
    const entry = entryOf(table, text + at);
    let best: u32 = 0, bestFrom: u32 = 0;
    for (let i: usize = 0; i < ENTRY; i += PLACE) {
      const seen = load<u32>(entry + i);
      if (seen == 0) continue;
      const earlier = seen - 1;
      // Not into what is searched.
      const length = commonLength(text + at, text + earlier, min(to - at, from - earlier));
      if (length > best) { best = length; bestFrom = earlier; }
    }
    if (best < LEAST) { at += 1; continue; }
    const out = found + <usize>count * FOUND;
    store<u32>(out, at);
    store<u32>(out, bestFrom, 4);
    store<u32>(out, best, 8);
    count += 1;
    at += best;
  }
  return count;
}
