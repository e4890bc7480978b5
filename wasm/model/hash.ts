/**
 * Hashes that turn contexts into places of tables: a product, a shift that brings the upper bits down, a product.
 *
 * A context is 32 bits, and what it depends on is folded into them; tables do not say whose a place is, so
 * contexts that meet in one share it.
 */

/** Odd numbers without a pattern: the golden ratio of 2^32, two multipliers of known mixers, and an offset. */
const SPREAD: u32 = 0x9e3779b1;
const SECOND: u32 = 0x2c1b3c6d;
const FOLD: u32 = 0x85ebca6b;
const OFFSET: u32 = 0x7f4a7c15;

/** A context and what else it depends on. */
@inline export function fold(context: u32, more: u32): u32 {
  return context ^ (more * FOLD);
}

/** What {@link fold} changes in a context, for several at once. */
@inline export function folded(more: u32): v128 {
  return i32x4.splat(more * FOLD);
}

/** 32 bits that depend on both numbers; the upper ones the most. */
@inline export function hash(a: u32, b: u32): u32 {
  let h = (a * SPREAD) ^ ((b + OFFSET) * FOLD);
  h ^= h >> 15;
  h *= SECOND;
  return h ^ (h >> 13);
}

/** Four contexts at once; the upper bits of each lane are a place. */
@inline export function hash4(contexts: v128): v128 {
  let h = i32x4.mul(contexts, i32x4.splat(SPREAD));
  h = v128.xor(h, i32x4.shr_u(h, 15));
  return i32x4.mul(h, i32x4.splat(SECOND));
}
