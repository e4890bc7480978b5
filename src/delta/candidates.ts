/**
 * The matches that touch one window, as the parser wants them: within the window, in its own positions.
 *
 * @module
 */
import { CANDIDATE_REACH, type Candidate } from '../kernel/parse.ts';
import type { Matches } from './matches.ts';

/** How near to a window a match must come: an end may be moved out as far as that. */
export const NEAR: number = CANDIDATE_REACH;
/** Bytes of candidates for each byte of the window: what is shorter than the others is left out beyond it. */
const MAX_CANDIDATE_BYTES = 8;

/**
 * Clips matches to the window [offset, offset + length) of the target and to their source, the Base or what of
 * the target is there.
 *
 * One that ends just ahead of the window, or begins just behind, may go on inside; it becomes a candidate of
 * one byte at the edge, whose end the parser moves.
 */
export function candidatesOf(
  matches: Matches,
  offset: number,
  length: number,
  sourceSize: number,
  earlier = false,
): Candidate[] {
  const candidates: Candidate[] = [];
  for (let i = 0; i < matches.at.length; i++) {
    const at = (matches.at[i] as number) - offset;
    const end = at + (matches.length[i] as number);
    if (end < -NEAR || at > length + NEAR) continue;
    const diagonal = (matches.from[i] as number) - at;
    const first = Math.max(0, Math.min(at, length - 1), -diagonal);
    const last = Math.min(length, Math.max(end, 1), sourceSize - diagonal);
    if (last > first) candidates.push({ at: first, from: first + diagonal, length: last - first, earlier });
  }
  const total = candidates.reduce((sum, candidate) => sum + candidate.length, 0);
  if (total <= MAX_CANDIDATE_BYTES * length) return candidates;
  let left = MAX_CANDIDATE_BYTES * length;
  return candidates
    .toSorted((a, b) => b.length - a.length)
    .filter((candidate) => {
      left -= candidate.length;
      return left >= 0;
    });
}
