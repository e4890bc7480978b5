/**
 * A list of matches that grows: three columns of numbers, no object a match.
 *
 * @module
 */
import type { Matches } from './matches.ts';

export class MatchList {
  #at = new Float64Array(1024);
  #from = new Float64Array(1024);
  #length = new Float64Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(at: number, from: number, length: number): void {
    if (this.#count === this.#at.length) {
      this.#at = doubled(this.#at);
      this.#from = doubled(this.#from);
      this.#length = doubled(this.#length);
    }
    this.#at[this.#count] = at;
    this.#from[this.#count] = from;
    this.#length[this.#count] = length;
    this.#count += 1;
  }

  addAll(matches: Matches): void {
    for (let i = 0; i < matches.at.length; i++) {
      this.add(matches.at[i] as number, matches.from[i] as number, matches.length[i] as number);
    }
  }

  /** A copy of what there is, in the order it came in. */
  columns(): Matches {
    return {
      at: this.#at.slice(0, this.#count),
      from: this.#from.slice(0, this.#count),
      length: this.#length.slice(0, this.#count),
    };
  }
}

function doubled(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(column.length * 2);
  larger.set(column);
  return larger;
}
