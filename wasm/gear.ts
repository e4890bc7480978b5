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
 */

const WARM: usize = 64;

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
    if (left < max && !final) break;
    if (left == 0) break;
    let cutAt: usize = start + (left < max ? left : max);
    if (left > min) {
      const last = cutAt;
      const middle = start + average < last ? start + average : last;
      let at = start + min;
      // Warm up: what was hashed ahead of these bytes has been shifted out.
      let h: u64 = 0;
      for (let warm = at - WARM; warm < at; warm += 2) {
        h = (h << 2) + (load<u64>(<usize>load<u8>(warm, 0) << 3) << 1) + load<u64>(<usize>load<u8>(warm, 1) << 3);
      }
      // A chunk may end at exactly `min` bytes: test that position as well.
      if (h < strict) {
        cutAt = at;
      } else {
        let found = false;
        let limit = strict;
        let stop = middle;
        for (let phase = 0; phase < 2; phase++) {
          while (at + 8 <= stop) {
            // Two bytes a step: h2 does not wait for h1.
            const g0 = load<u64>(<usize>load<u8>(at, 0) << 3);
            const h1 = (h << 1) + g0;
            const h2 = (h << 2) + ((g0 << 1) + load<u64>(<usize>load<u8>(at, 1) << 3));
            if (h1 < limit) { cutAt = at + 1; found = true; break; }
            if (h2 < limit) { cutAt = at + 2; found = true; break; }
            const g2 = load<u64>(<usize>load<u8>(at, 2) << 3);
            const h3 = (h2 << 1) + g2;
            const h4 = (h2 << 2) + ((g2 << 1) + load<u64>(<usize>load<u8>(at, 3) << 3));
            if (h3 < limit) { cutAt = at + 3; found = true; break; }
            if (h4 < limit) { cutAt = at + 4; found = true; break; }
            const g4 = load<u64>(<usize>load<u8>(at, 4) << 3);
            const h5 = (h4 << 1) + g4;
            const h6 = (h4 << 2) + ((g4 << 1) + load<u64>(<usize>load<u8>(at, 5) << 3));
            if (h5 < limit) { cutAt = at + 5; found = true; break; }
            if (h6 < limit) { cutAt = at + 6; found = true; break; }
            const g6 = load<u64>(<usize>load<u8>(at, 6) << 3);
            const h7 = (h6 << 1) + g6;
            const h8 = (h6 << 2) + ((g6 << 1) + load<u64>(<usize>load<u8>(at, 7) << 3));
            if (h7 < limit) { cutAt = at + 7; found = true; break; }
            if (h8 < limit) { cutAt = at + 8; found = true; break; }
            h = h8;
            at += 8;
          }
          if (found) break;
          while (at < stop) {
            h = (h << 1) + load<u64>(<usize>load<u8>(at, 0) << 3);
            at += 1;
            if (h < limit) { cutAt = at; found = true; break; }
          }
          if (found) break;
          limit = loose;
          stop = last;
        }
      }
    }
    store<u32>(lengths + (<usize>count << 2), <u32>(cutAt - start));
    count += 1;
    start = cutAt;
  }
  return count;
}
