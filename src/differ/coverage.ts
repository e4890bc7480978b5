/**
 * What a list of matches leaves over: holes in the target, holes in the Base, and their neighbours.
 *
 * @module
 */
import { MatchList } from '../delta/match-list.ts';
import type { Matches } from '../delta/matches.ts';

/** Stretches that nothing covers. */
export interface Holes {
  /** Start and end of each, ascending. */
  readonly ends: Float64Array;
  /** The diagonals of the matches left and right of each; NaN where there is none. */
  readonly diagonals: Float64Array;
  /** Bytes in all. */
  readonly bytes: number;
}

/**
 * The holes that `matches` (ascending) leave in a target of `size` bytes.
 *
 * @param least shorter holes are left out
 * @param margin each hole grows by so much on both sides; what then touches is one hole
 */
export function targetHoles(matches: Matches, size: number, least: number, margin: number): Holes {
  const ends: number[] = [];
  const diagonals: number[] = [];
  let covered = 0;
  let left = Number.NaN;
  const hole = (until: number, right: number): void => {
    if (until - covered < least || until === covered) return;
    const start = Math.max(0, covered - margin);
    const end = Math.min(size, until + margin);
    if (ends.length > 0 && start <= (ends[ends.length - 1] as number)) {
      ends[ends.length - 1] = end;
      diagonals[diagonals.length - 1] = right;
    } else {
      ends.push(start, end);
      diagonals.push(left, right);
    }
  };
  for (let i = 0; i < matches.at.length; i++) {
    const at = matches.at[i] as number;
    const diagonal = (matches.from[i] as number) - at;
    const end = at + (matches.length[i] as number);
    if (at > covered) hole(at, diagonal);
    if (end > covered) {
      covered = end;
      left = diagonal;
    }
  }
  if (size > covered) hole(size, Number.NaN);
  return { ends: Float64Array.from(ends), diagonals: Float64Array.from(diagonals), bytes: total(ends) };
}

/** The stretches of a Base of `size` bytes that no match refers to, each grown by `margin`. */
export function baseHoles(matches: Matches, size: number, least: number, margin: number): Float64Array {
  const order = Uint32Array.from(matches.from.keys()).sort(
    (a, b) => (matches.from[a] as number) - (matches.from[b] as number),
  );
  const sorted = {
    at: matches.from,
    from: matches.at,
    length: matches.length,
  };
  return targetHoles(picked(sorted, order), size, least, margin).ends;
}

/**
 * All matches in ascending order of place, then diagonal, then length; those of one diagonal that overlap or
 * are at most `apart` bytes away from each other are one.
 */
export function joined(lists: readonly Matches[], apart: number): Matches {
  const all = new MatchList();
  for (const list of lists) all.addAll(list);
  const { at, from, length } = all.columns();
  const order = Uint32Array.from(at.keys()).sort(
    (a, b) =>
      (at[a] as number) - (at[b] as number) ||
      (from[a] as number) - (from[b] as number) ||
      (length[a] as number) - (length[b] as number),
  );
  const result = picked({ at, from, length }, order);
  // Where the last match of each diagonal is in the result.
  const latest = new Map<number, number>();
  let count = 0;
  for (let i = 0; i < result.at.length; i++) {
    const start = result.at[i] as number;
    const diagonal = (result.from[i] as number) - start;
    const before = latest.get(diagonal);
    const end = start + (result.length[i] as number);
    if (before !== undefined) {
      const first = result.at[before] as number;
      const last = first + (result.length[before] as number);
      if (start <= last + apart) {
        result.length[before] = Math.max(last, end) - first;
        continue;
      }
    }
    result.at[count] = start;
    result.from[count] = result.from[i] as number;
    result.length[count] = result.length[i] as number;
    latest.set(diagonal, count);
    count += 1;
  }
  return {
    at: result.at.slice(0, count),
    from: result.from.slice(0, count),
    length: result.length.slice(0, count),
  };
}

function picked(matches: Matches, order: Uint32Array): Matches {
  const pick = (column: Float64Array): Float64Array =>
    Float64Array.from(order, (index) => column[index] as number);
  return { at: pick(matches.at), from: pick(matches.from), length: pick(matches.length) };
}

/** Bytes in stretches given by their ends. */
export function total(ends: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < ends.length; i += 2) sum += (ends[i + 1] as number) - (ends[i] as number);
  return sum;
}
