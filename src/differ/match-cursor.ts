/**
 * Hands the matches of a whole image out window by window.
 *
 * @module
 */
import { NEAR } from '../delta/candidates.ts';
import type { Matches } from '../delta/matches.ts';

export class MatchCursor {
  readonly #matches: Matches;
  #next = 0;
  /** Numbers of matches that have begun and may reach further windows. */
  #open: number[] = [];

  constructor(matches: Matches) {
    this.#matches = matches;
  }

  /** Matches that touch [offset, offset + length) or come near; windows must be asked for in order. */
  take(offset: number, length: number): Matches {
    const { at, from, length: lengths } = this.#matches;
    const until = offset + length + NEAR;
    while (this.#next < at.length && (at[this.#next] as number) < until) {
      this.#open.push(this.#next);
      this.#next += 1;
    }
    this.#open = this.#open.filter((i) => (at[i] as number) + (lengths[i] as number) > offset - NEAR);
    const pick = (column: Float64Array): Float64Array =>
      Float64Array.from(this.#open, (i) => column[i] as number);
    return { at: pick(at), from: pick(from), length: pick(lengths) };
  }
}
