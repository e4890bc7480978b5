/**
 * Finds where a text repeats what it held further ahead, an LZ77 search (Ziv and Lempel, 1977) with a table of
 * the last two places of each eight bytes. The text goes in part by part, and a part is searched before it is
 * entered: what is found lies in an earlier part.
 *
 * Layout: all places are given by the caller.
 */

const TABLE_BITS: u32 = 20;
/** Shorter repeats do not pay. */
const LEAST: u32 = 10;

@inline function slotOf(table: usize, at: usize): usize {
  return table + (<usize>((load<u64>(at) * 0x9e3779b97f4a7c15) >> <u64>(64 - TABLE_BITS)) << 3);
}

/** Bytes of the table. */
export function tableBytes(): u32 {
  return <u32>8 << TABLE_BITS;
}

export function clear(table: usize): void {
  memory.fill(table, 0, <usize>8 << TABLE_BITS);
}

/** Enters the places [from, to) of the text, where eight bytes from each on are in it. */
export function enter(text: usize, from: u32, to: u32, table: usize): void {
  for (let at = from; at < to; at++) {
    const slot = slotOf(table, text + at);
    store<u32>(slot, load<u32>(slot), 4);
    store<u32>(slot, at + 1);
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
 * @returns how many were stored
 */
export function find(text: usize, from: u32, to: u32, table: usize, found: usize, capacity: u32): u32 {
  let count: u32 = 0;
  let at = from;
  while (at + LEAST <= to && count < capacity) {
    const slot = slotOf(table, text + at);
    let best: u32 = 0, bestFrom: u32 = 0;
    for (let i: usize = 0; i < 8; i += 4) {
      const seen = load<u32>(slot + i);
      if (seen == 0) continue;
      const length = commonLength(text + at, text + seen - 1, min(to - at, from - (seen - 1)));
      if (length > best) { best = length; bestFrom = seen - 1; }
    }
    if (best < LEAST) { at += 1; continue; }
    const out = found + <usize>count * 12;
    store<u32>(out, at);
    store<u32>(out, bestFrom, 4);
    store<u32>(out, best, 8);
    count += 1;
    at += best;
  }
  return count;
}
