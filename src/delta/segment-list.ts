/**
 * The control stream: the segments of a window as a list of numbers. docs/format/delta.md §4.
 *
 * For each cover or copy: the literals ahead of it, its length, and where it comes from. The diagonal of a cover
 * is its place in the Base less its position in the window. Of the four used last it is named by its rank; a new
 * one by how far it lies from the last. What the list leaves of the window is literal.
 *
 * @module
 */
import { COPY, COVER, EARLIER, LITERAL, type Segment, type WindowCoder } from '../kernel/window-coder.ts';
import { invalidPayload } from './payload.ts';

/** Fields of numbers: those of one field share their probabilities. */
const LITERALS = 0;
const LENGTH = 1;
const SOURCE = 2;
const DIAGONAL = 3;
const DISTANCE = 4;
const FAR_DISTANCE = 5;

/** Sources are the ranks of diagonals, then a new diagonal, a copy from the window, and one from ahead of it. */
const RANKS = 4;
const NEW_DIAGONAL = 4;
const FROM_WINDOW = 5;
const FROM_TARGET = 6;

/**
 * Writes the list into the coder's open stream.
 *
 * @param offset of the window in the target
 * @returns the number of covers and copies
 */
export function writeSegments(segments: readonly Segment[], offset: number, coder: WindowCoder): number {
  const diagonals = new Array<number>(RANKS).fill(0);
  let literals = 0;
  let at = 0;
  let count = 0;
  for (const { kind, length, from } of segments) {
    if (kind === LITERAL) {
      literals += length;
    } else {
      coder.number(LITERALS, literals);
      coder.number(LENGTH, length);
      if (kind === COPY) {
        coder.number(SOURCE, FROM_WINDOW);
        coder.number(DISTANCE, at - from);
      } else if (kind === EARLIER) {
        coder.number(SOURCE, FROM_TARGET);
        coder.number(FAR_DISTANCE, offset + at - from);
      } else {
        const diagonal = from - at;
        const rank = diagonals.indexOf(diagonal);
        coder.number(SOURCE, rank < 0 ? NEW_DIAGONAL : rank);
        if (rank < 0) coder.number(DIAGONAL, zigzag(diagonal - (diagonals[0] as number)));
        use(diagonals, rank, diagonal);
      }
      literals = 0;
      count += 1;
    }
    at += length;
  }
  return count;
}

/**
 * Reads the list from the coder's open stream.
 *
 * @param count of covers and copies
 * @param length of the window: what the list leaves over is literal
 * @param sizes covers lie inside the Base, and copies from ahead of the window inside of what is there
 * @throws SiltError FORMAT_INVALID for a segment outside of the window or the Base
 */
export function readSegments(
  count: number,
  length: number,
  sizes: { readonly base: number; readonly earlier: number },
  coder: WindowCoder,
): Segment[] {
  const diagonals = new Array<number>(RANKS).fill(0);
  const segments: Segment[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const literals = coder.number(LITERALS);
    const covered = coder.number(LENGTH);
    if (covered < 1 || literals + covered > length - at) throw invalidPayload('a segment leaves the window');
    if (literals > 0) segments.push({ kind: LITERAL, length: literals, from: 0 });
    at += literals;
    const source = coder.number(SOURCE);
    if (source === FROM_WINDOW) {
      const from = at - coder.number(DISTANCE);
      if (from < 0 || from >= at) throw invalidPayload('a copy begins outside of the window');
      segments.push({ kind: COPY, length: covered, from });
    } else if (source === FROM_TARGET) {
      const from = sizes.earlier + at - coder.number(FAR_DISTANCE);
      if (!(from >= 0 && from + covered <= sizes.earlier))
        throw invalidPayload('a copy leaves the earlier image');
      segments.push({ kind: EARLIER, length: covered, from });
    } else {
      if (source > NEW_DIAGONAL) throw invalidPayload(`unknown source ${source} of a segment`);
      const rank = source === NEW_DIAGONAL ? -1 : source;
      const diagonal =
        rank < 0 ? (diagonals[0] as number) + unzigzag(coder.number(DIAGONAL)) : (diagonals[rank] as number);
      const from = at + diagonal;
      if (!(from >= 0 && from + covered <= sizes.base)) throw invalidPayload('a cover leaves the base');
      segments.push({ kind: COVER, length: covered, from });
      use(diagonals, rank, diagonal);
    }
    at += covered;
  }
  if (at < length) segments.push({ kind: LITERAL, length: length - at, from: 0 });
  return segments;
}

/**
 * Makes literals of the shortest covers and copies, if there are more than `limit` of them.
 *
 * Literals side by side become one, as they do for whoever reads the list.
 */
export function fewerSegments(segments: readonly Segment[], limit: number): readonly Segment[] {
  const lengths = segments.filter(({ kind }) => kind !== LITERAL).map(({ length }) => length);
  if (lengths.length <= limit) return segments;
  const least = lengths.sort((a, b) => b - a)[limit] as number;
  // Of those that are as long as the longest one to go, the first may stay.
  let ties = limit - lengths.indexOf(least);
  const fewer: Segment[] = [];
  for (const segment of segments) {
    const last = fewer.at(-1);
    const { kind, length } = segment;
    if (kind !== LITERAL && (length > least || (length === least && ties-- > 0))) fewer.push(segment);
    else if (last?.kind !== LITERAL) fewer.push({ kind: LITERAL, length, from: 0 });
    else fewer[fewer.length - 1] = { ...last, length: last.length + length };
  }
  return fewer;
}

/** Moves a diagonal to the front; one that is new drives out the last. */
function use(diagonals: number[], rank: number, diagonal: number): void {
  diagonals.splice(rank < 0 ? RANKS - 1 : rank, 1);
  diagonals.unshift(diagonal);
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unzigzag(value: number): number {
  return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
}
