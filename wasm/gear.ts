/**
 * Gear hash cut finder: the hot loop of FastCDC (Xia et al., "The Design of Fast Content-Defined Chunking
 * for Data Deduplication Based Storage Systems", IEEE TPDS 31(9), 2020), AssemblyScript.
 *
 * The hash of a position is  h = Σ G[byte(i)] << (distance of i to the position), modulo 2^64, so it knows
 * the last 64 bytes and nothing older. A position is a candidate when h, as an unsigned number, lies below
 * a limit: `strict` up to the average size, `loose` behind it (normalised chunking). The hash is warmed
 * with the 64 bytes ahead of the minimum size; so a cut depends on the bytes before it and on the distance
 * from the last cut, and on nothing else.
 *
 * Layout of the memory: the table G at 0 (256 × u64, filled by the loader), then the lengths (u32 each),
 * then the input. The loader computes the places and grows the memory.
 *
 * A byte costs five machine instructions: load it, scale it, load its table entry, shift and add, compare
 * and branch; that keeps a core busy. Measured in V8 and no faster: two bytes a step, as in the paper (7 %
 * slower), two or three interleaved stretches (1 % and 12 % slower), a 16-bit vector hash ahead of this one.
 */

const WARM: usize = 64;

/** Bytes scanned between two looks at the loop's own condition. */
const STRIDE: usize = 16;

/** The hash of the position last looked at. */
let hash: u64 = 0;

/** Sets {@link hash} to that of `at`, from the 64 bytes ahead: anything older would be shifted out. */
function warm(at: usize): void {
  let h: u64 = 0;
  for (let from = at - WARM; from < at; from += 2) {
    h = (h << 2) + (load<u64>(<usize>load<u8>(from, 0) << 3) << 1) + load<u64>(<usize>load<u8>(from, 1) << 3);
  }
  hash = h;
}

/**
 * The first candidate in (from, stop], or `stop`; {@link hash} goes from the hash of `from` to that of the
 * result.
 */
function scan(from: usize, stop: usize, limit: u64): usize {
  let at = from;
  let h = hash;
  // Whole strides, while they hold no candidate; written out, since the offset of a load is a constant.
  while (at + STRIDE <= stop) {
    let x = h;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 0) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 1) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 2) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 3) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 4) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 5) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 6) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 7) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 8) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 9) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 10) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 11) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 12) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 13) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 14) << 3); if (x < limit) break;
    x = (x << 1) + load<u64>(<usize>load<u8>(at, 15) << 3); if (x < limit) break;
    h = x;
    at += STRIDE;
  }
  // Byte by byte: the stride with the candidate, or the rest that is shorter than a stride.
  while (at < stop) {
    h = (h << 1) + load<u64>(<usize>load<u8>(at) << 3);
    at += 1;
    if (h < limit) break;
  }
  hash = h;
  return at;
}

/**
 * Cuts the bytes [input, input + length) into chunks, from a cut at `input` on, and stores the length of
 * each at `lengths`, at most `capacity` of them.
 *
 * Unless `final`, it stops where fewer than `max` bytes are left, since more input could move that cut.
 *
 * @returns how many lengths were stored
 */
export function cut(
  input: usize,
  length: usize,
  final: bool,
  min: usize,
  average: usize,
  max: usize,
  strict: u64,
  loose: u64,
  lengths: usize,
  capacity: u32,
): u32 {
  let start = input;
  const end = input + length;
  let count: u32 = 0;
  while (count < capacity) {
    const left = end - start;
    if (left == 0 || (left < max && !final)) break;
    const last = start + (left < max ? left : max);
    let at = last;
    if (left > min) {
      const middle = start + average < last ? start + average : last;
      at = start + min;
      warm(at);
      // A chunk may end at exactly `min` bytes, so that position is tested as well.
      if (hash >= strict) at = scan(at, middle, strict);
      if (hash >= strict) at = scan(at, last, loose);
    }
    store<u32>(lengths + (<usize>count << 2), <u32>(at - start));
    count += 1;
    start = at;
  }
  return count;
}
