/**
 * Guesses: the byte last seen in a context, and how far to trust it. One bit says that a guess is right, where a
 * byte would take two symbols of four bits.
 *
 * A guess is two bytes: the value, and a trust of 0 (nothing seen) to 15. Right, it is trusted more; wrong, half as
 * much; and it gives way when there is no trust to lose.
 */

/** log2 of the guesses that one context has. */
const GUESS_BITS: u32 = 14;
/** Bytes of the guesses of one context. */
export const GUESS_TABLE: usize = 2 << GUESS_BITS;

const MOST_TRUST: u32 = 15;

/** Address of the guess in a context with the hash `h`. */
@inline export function guessAt(table: usize, h: u32): usize {
  return table + (<usize>(h >> (32 - GUESS_BITS)) << 1);
}

@inline export function guessed(at: usize): u32 {
  return <u32>load<u8>(at);
}

@inline export function trusted(at: usize): u32 {
  return <u32>load<u8>(at, 1);
}

/** Notes that `value` was right. */
@inline export function learnGuess(at: usize, value: u32): void {
  const trust = trusted(at);
  if (trust > 0 && guessed(at) == value) {
    if (trust < MOST_TRUST) store<u8>(at, <u8>(trust + 1), 1);
  } else if (trust > 1) {
    store<u8>(at, <u8>(trust >> 1), 1);
  } else {
    store<u8>(at, <u8>value);
    store<u8>(at, 1, 1);
  }
}
