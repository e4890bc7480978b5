/**
 * What a target repeats of itself, where the Base has nothing like it: copies from further ahead in the image.
 *
 * @module
 */
import { MiB } from '../core/sizes.ts';
import { RepeatFinder } from '../kernel/repeats.ts';
import type { BaseReader } from './base-reader.ts';
import { MatchList } from './match-list.ts';
import { type Matches, noMatches } from './matches.ts';

/** Bytes of holes that are looked at: more would take too much memory. What lies behind is left alone. */
const MOST: number = 256 * MiB;

/**
 * Bytes right ahead of a window that it does without, but for long repeats: windows that do not wait for one another
 * can be decoded side by side.
 */
const APART: number = 3 * MiB;
const WORTH_WAITING = 256;

/**
 * Stretches of `holes` whose bytes stand in a hole of an earlier window as well.
 *
 * @param holes start and end of each, ascending
 * @param lengths of the windows, in order
 * @param most bytes of holes that are looked at, which is about the memory it takes
 * @param apart bytes right ahead of a window that only long repeats may lie in
 * @returns matches of the target with itself, ascending: `from` lies in an earlier window than `at`
 */
export function findRepeats(
  target: BaseReader,
  holes: Float64Array,
  lengths: Float64Array,
  most: number = MOST,
  apart: number = APART,
): Matches {
  let total = 0;
  for (let i = 0; i < holes.length; i += 2) total += (holes[i + 1] as number) - (holes[i] as number);
  if (total === 0) return noMatches;
  const finder = new RepeatFinder(Math.min(total, most));
  const found = new MatchList();
  /** Pieces of the text: where each begins, in the text and in the target. */
  const pieces: { at: number; offset: number }[] = [];
  let filled = 0;
  let hole = 0;
  let start = holes[0] as number;
  let windowEnd = 0;
  for (const length of lengths) {
    const free = windowEnd - apart;
    windowEnd += length;
    while (hole < holes.length && start < windowEnd && filled < finder.text.length) {
      const end = Math.min(windowEnd, holes[hole + 1] as number, start + finder.text.length - filled);
      pieces.push({ at: filled, offset: start });
      target.read(start, finder.text.subarray(filled, filled + (end - start)));
      filled += end - start;
      start = end;
      if (start < (holes[hole + 1] as number)) break;
      hole += 2;
      start = holes[hole] ?? Number.POSITIVE_INFINITY;
    }
    for (const repeat of finder.find(filled)) addPieces(repeat, pieces, free, found);
    finder.enter(filled);
  }
  return found.columns();
}

/**
 * Adds what of a repeat lies in one piece on both sides, part by part.
 *
 * @param free what lies ahead of it in the target may be copied whatever its length
 */
function addPieces(
  repeat: { at: number; from: number; length: number },
  pieces: readonly { at: number; offset: number }[],
  free: number,
  found: MatchList,
): void {
  let { at, from, length } = repeat;
  while (length > 0) {
    const to = pieceOf(pieces, at);
    const source = pieceOf(pieces, from);
    const part = Math.min(length, to.end - at, source.end - from);
    // A window that needs what lies right ahead of it has to wait for that, so it must be worth it.
    if (part >= WORTH_WAITING || source.offset + from + part <= free) {
      found.add(to.offset + at, source.offset + from, part);
    }
    at += part;
    from += part;
    length -= part;
  }
}

/** The piece that holds a place of the text: what turns it into an offset, and where the piece ends. */
function pieceOf(
  pieces: readonly { at: number; offset: number }[],
  place: number,
): { offset: number; end: number } {
  let low = 0;
  let high = pieces.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((pieces[middle] as { at: number }).at <= place) low = middle;
    else high = middle;
  }
  const piece = pieces[low] as { at: number; offset: number };
  return { offset: piece.offset - piece.at, end: pieces[low + 1]?.at ?? Number.POSITIVE_INFINITY };
}
