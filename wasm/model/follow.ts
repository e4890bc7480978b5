/**
 * The byte that may come next: where the window's last bytes stood before, what followed them there follows once
 * more (the match model of PAQ). It looks at literals only, but finds what stands anywhere ahead in the window.
 */

/** log2 of the places that are remembered, by six bytes ahead of them and by four. */
const PLACE_BITS: u32 = 15;
const TABLE: usize = 4 << PLACE_BITS;
/** Six bytes ahead, and four: what must be equal at least where each of them finds a place. */
const LONG: u32 = 6;
const SHORT: u32 = 4;
/** Equal bytes are counted up to here when a place is found, and further as it comes true. */
const MOST_EQUAL: u32 = 32;
const MOST_FOLLOWED: u32 = 63;
/** A place that was right for so long is not given up for another. */
const GOOD: u32 = 16;
/** Of the last eight guesses, so many may be wrong. */
const MOST_MISSES: u32 = 5;

/** Addresses, 0 where there is none. */
let places: usize = 0;

/** Where it goes on, or 0; for how many bytes it was right; which of the last guesses were wrong. */
let source: usize = 0;
let followed: u32 = 0;
let wrong: u32 = 0;

/** @returns where the tables end */
export function layFollow(at: usize): usize {
  places = at;
  return places + 2 * TABLE;
}

export function resetFollow(): void {
  memory.fill(places, 0, 2 * TABLE);
}

/** Begins anew: nothing is followed. */
export function stopFollowing(): void {
  source = 0;
  followed = 0;
}

/** Equal bytes ahead of `at` and of the earlier place `from` in the window that begins at `window`. */
@inline function equalAhead(at: usize, from: usize, window: usize): u32 {
  let n: u32 = 0;
  while (n < MOST_EQUAL && from - n > window && load<u8>(at - 1 - n) == load<u8>(from - 1 - n)) n += 1;
  return n;
}

/** Follows `from`, if what is ahead of it is equal for `least` bytes. */
@inline function tryPlace(at: usize, from: usize, window: usize, least: u32): void {
  if (from == 0) return;
  const equal = equalAhead(at, from, window);
  if (equal < least) return;
  source = from;
  followed = equal;
  wrong = 0;
}

/** What was kept in the entry, which now is `at`. */
@inline function exchange(entry: usize, at: usize): usize {
  const before = <usize>load<u32>(entry);
  store<u32>(entry, <u32>at);
  return before;
}

/** Finds a place to follow from `at` on, and notes this one; eight bytes of the window are ahead. */
export function lookAhead(at: usize, window: usize): void {
  const six = (load<u64>(at - 8) >> 16) * 0x9e3779b97f4a7c15;
  const long = exchange(places + (<usize>(six >> (64 - PLACE_BITS)) << 2), at);
  if (followed < GOOD) tryPlace(at, long, window, max(LONG, followed + 1));
  const four = load<u32>(at - 4) * 0x9e3779b1;
  const short = exchange(places + TABLE + (<usize>(four >> (32 - PLACE_BITS)) << 2), at);
  if (source == 0) tryPlace(at, short, window, SHORT);
}

/** The byte that is expected, or 256. */
@inline export function expectedByte(): u32 {
  return source ? <u32>load<u8>(source) : 256;
}

/** How well it went: 0 to 9. */
@inline export function strengthOf(): u32 {
  return source == 0 ? 0 : followed < GOOD ? followed >> 1 : followed < 2 * GOOD ? 8 : 9;
}

/** Which of the last eight guesses were wrong, the last one lowest. */
@inline export function recentMisses(): u32 {
  return wrong & 255;
}

/** Whether anything is followed. */
@inline export function following(): bool {
  return source != 0;
}

/** Notes whether the guess was right, and goes on. */
@inline export function noteGuess(right: bool): void {
  wrong = wrong << 1 | <u32>!right;
  followed = right ? min(followed + 1, MOST_FOLLOWED) : 0;
  source += 1;
  if (popcnt(recentMisses()) > MOST_MISSES) stopFollowing();
}
