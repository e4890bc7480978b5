/**
 * Finds stretches of a target that resemble a Base: near, where the Base is looked at only around the
 * diagonals of what was found before, or in one segment of the Base, whose suffixes are sorted.
 *
 * The result is a function of the task and of the bytes. What it finds are candidates for the encoder:
 * diagonals that are worth a look, with ends that need not be exact.
 *
 * @module
 */
import { KiB } from '../core/sizes.ts';
import { BLOCK_BYTES, MatchKernel } from '../kernel/match.ts';
import type { BaseReader } from './base-reader.ts';
import { MatchList } from './match-list.ts';
import type { Matches } from './matches.ts';
import { PackedText } from './packed-text.ts';

/** What to look for, and where; a task of the pool has these members. */
export interface MatchRequest {
  /** The segment: start and end of each piece of the Base, ascending. None: near the diagonals. */
  readonly pieces: Float64Array;
  /** Start and end of each stretch of the target, ascending. */
  readonly gaps: Float64Array;
  /** For each gap, the diagonals of its neighbours, left and right; NaN where there is none. */
  readonly diagonals: Float64Array;
}

/** How far a near search looks to both sides of the diagonal: so many times the gap, within these bounds. */
const REACH_FACTOR = 16;
const LEAST_REACH: number = 8 * KiB;
const MOST_REACH: number = 128 * KiB;

/** In a segment, where nothing is found for long, one position of so many is looked at. */
const FAR_STEP = 2;

export class Matcher {
  readonly #kernel = new MatchKernel();

  /** Matches of the gaps, in order of the gaps. @throws SiltError IO_FAILED */
  match(base: BaseReader, target: BaseReader, request: MatchRequest): Matches {
    const found = new MatchList();
    if (request.pieces.length > 0) this.#matchSegment(base, target, request, found);
    else this.#matchNear(base, target, request, found);
    return found.columns();
  }

  #matchSegment(base: BaseReader, target: BaseReader, request: MatchRequest, found: MatchList): void {
    const kernel = this.#kernel;
    const { gaps, diagonals } = request;
    const text = new PackedText(request.pieces);
    text.read(base, kernel.text(text.length));
    kernel.indexSuffixes();
    for (let g = 0; 2 * g < gaps.length; g++) {
      const start = gaps[2 * g] as number;
      const end = gaps[2 * g + 1] as number;
      kernel.forget();
      let follow = false;
      for (const side of [1, 0]) {
        const diagonal = diagonals[2 * g + side] as number;
        if (Number.isNaN(diagonal) || !text.has(start + diagonal)) continue;
        kernel.remember(text.placeOf(start + diagonal));
        follow = side === 0;
      }
      for (let at = start; at < end; at += BLOCK_BYTES) {
        const block = kernel.block(Math.min(BLOCK_BYTES, end - at));
        const length = target.read(at, block);
        const records = kernel.scan(length, follow, FAR_STEP);
        for (let i = 0; i < records.length; i += 3) {
          text.addMatch(
            found,
            at + (records[i] as number),
            records[i + 1] as number,
            records[i + 2] as number,
          );
        }
        kernel.shift(length);
        follow = true;
      }
    }
  }

  #matchNear(base: BaseReader, target: BaseReader, request: MatchRequest, found: MatchList): void {
    const { gaps, diagonals } = request;
    for (let g = 0; 2 * g < gaps.length; g++) {
      const start = gaps[2 * g] as number;
      const end = gaps[2 * g + 1] as number;
      const left = diagonals[2 * g] as number;
      const right = diagonals[2 * g + 1] as number;
      let diagonal = Number.isNaN(left) ? (Number.isNaN(right) ? 0 : right) : left;
      for (let at = start; at < end; at += BLOCK_BYTES) {
        const length = Math.min(BLOCK_BYTES, end - at);
        // The gap's last block may resemble what is around its right neighbour's diagonal.
        const other = at + length >= end && !Number.isNaN(right) ? right : diagonal;
        diagonal = this.#nearBlock(base, target, { at, length, diagonal, other }, found);
      }
    }
  }

  /** Matches a block near two diagonals. @returns the diagonal that it ends on */
  #nearBlock(
    base: BaseReader,
    target: BaseReader,
    near: { readonly at: number; readonly length: number; readonly diagonal: number; readonly other: number },
    found: MatchList,
  ): number {
    const kernel = this.#kernel;
    const { at, length, diagonal, other } = near;
    const pieces = around(base.size, at, length, Math.min(diagonal, other), Math.max(diagonal, other));
    if (pieces.length === 0) return diagonal;
    const text = new PackedText(pieces);
    text.read(base, kernel.text(text.length));
    kernel.indexChains();
    if (other !== diagonal && text.has(at + other)) kernel.remember(text.placeOf(at + other));
    const follow = text.has(at + diagonal);
    if (follow) kernel.remember(text.placeOf(at + diagonal));
    target.read(at, kernel.block(length));
    const records = kernel.scan(length, follow, 1);
    for (let i = 0; i < records.length; i += 3) {
      text.addMatch(found, at + (records[i] as number), records[i + 1] as number, records[i + 2] as number);
    }
    const last = records.length - 3;
    if (last < 0) return diagonal;
    const place = (records[last + 1] as number) + (records[last + 2] as number) - 1;
    const end = at + (records[last] as number) + (records[last + 2] as number) - 1;
    return text.baseAt(place) - end;
  }
}

/** The pieces of the Base around [at, at + length) on two diagonals: two, or one if they touch. */
function around(size: number, at: number, length: number, low: number, high: number): Float64Array {
  const reach = Math.max(LEAST_REACH, Math.min(MOST_REACH, REACH_FACTOR * length));
  const clip = (from: number): number => Math.max(0, Math.min(size, from));
  const first = [clip(at + low - reach), clip(at + low + length + reach)] as const;
  const second = [clip(at + high - reach), clip(at + high + length + reach)] as const;
  const pieces = second[0] <= first[1] ? [first[0], second[1]] : [...first, ...second];
  return Float64Array.from(pieces.filter((_, i) => (pieces[i | 1] as number) > (pieces[i & ~1] as number)));
}
