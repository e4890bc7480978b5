/** Diagonals that the cheapest way has used lately: a cover on one of them is cheap to name. */

const COUNT: u32 = 8;
const NONE: u64 = 0xffffffffffffffff;

const recent = memory.data(8 * 8, 16);
/** How many were noted. */
let noted: u32 = 0;

export function forgetDiagonals(): void {
  for (let i: u32 = 0; i < COUNT; i++) store<u64>(recent + (i << 3), NONE);
  noted = 0;
}

export function isRecent(diagonal: u64): bool {
  for (let i: u32 = 0; i < COUNT; i++) if (load<u64>(recent + (i << 3)) == diagonal) return true;
  return false;
}

/** Notes a diagonal in place of the one that was noted first. */
export function noteRecent(diagonal: u64): void {
  if (isRecent(diagonal)) return;
  store<u64>(recent + ((noted % COUNT) << 3), diagonal);
  noted += 1;
}
