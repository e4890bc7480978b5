/**
 * A candidate: a stretch of the window that resembles some source bytes on one diagonal. The source is the Base,
 * or earlier bytes of the target, or the window itself further ahead.
 *
 * | word | what |
 * |--:|---|
 * | 0, 1 | start and end in the window |
 * | 2 | address of the source of its start |
 * | 3, 4 | the diagonal, and what kind of source it is |
 * | 5 | 1 when the diagonal was used lately |
 * | 6 | not 0 when all bytes must be equal |
 * | 7 | its slot in the search |
 */

/** Bytes of a candidate. */
const CANDIDATE: usize = 32;

/** Marks a diagonal as one from the window to itself. */
const IN_WINDOW: u64 = 1 << 56;

/** Address of candidate `k`. */
@inline export function candidateAt(candidates: usize, k: u32): usize { return candidates + <usize>k * CANDIDATE; }

@inline export function startOf(candidate: usize): u32 { return load<u32>(candidate); }
@inline export function endOf(candidate: usize): u32 { return load<u32>(candidate, 4); }
@inline export function sourceOf(candidate: usize): usize { return <usize>load<u32>(candidate, 8); }
@inline export function diagonalOf(candidate: usize): u64 { return load<u64>(candidate, 12); }
@inline export function isKnown(candidate: usize): u32 { return load<u32>(candidate, 20); }
@inline export function mustBeEqual(candidate: usize): u32 { return load<u32>(candidate, 24); }
@inline export function slotOf(candidate: usize): u32 { return load<u32>(candidate, 28); }

/** Address of the source of the window's byte `at`. */
@inline export function sourceAt(candidate: usize, at: u32): usize {
  return sourceOf(candidate) + (at - startOf(candidate));
}

@inline export function setKnown(candidate: usize, known: u32): void { store<u32>(candidate, known, 20); }
@inline export function setSlot(candidate: usize, slot: u32): void { store<u32>(candidate, slot, 28); }

/** Moves the ends out by so many bytes. */
@inline export function widen(candidate: usize, backward: u32, forward: u32): void {
  store<u32>(candidate, startOf(candidate) - backward);
  store<u32>(candidate, endOf(candidate) + forward, 4);
  store<u32>(candidate, <u32>sourceOf(candidate) - backward, 8);
}

/** Makes a candidate of `length` bytes at `at` that repeat those at `from`, both in the window. */
@inline export function makeRepeat(candidate: usize, window: usize, at: u32, from: u32, length: u32): void {
  store<u32>(candidate, at);
  store<u32>(candidate, at + length, 4);
  store<u32>(candidate, <u32>window + from, 8);
  store<u64>(candidate, <u64>(at - from) | IN_WINDOW, 12);
  store<u32>(candidate, 0, 20);
  store<u32>(candidate, 1, 24);
}
