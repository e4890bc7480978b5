/**
 * A set of bytes as the ranges that they lie in, merged where they touch: 16 bytes a range.
 *
 * @module
 */
import type { PackRange } from '../../format/remnant.ts';

export class ByteRanges {
  /** Where ranges begin and end, ascending. */
  readonly #froms: number[] = [];
  readonly #ends: number[] = [];

  constructor(ranges: Iterable<PackRange> = []) {
    for (const { offset, length } of ranges) this.add(offset, length);
  }

  /** Adds the bytes from `offset` on, `length` of them. */
  add(offset: number, length: number): void {
    const end = offset + length;
    const first = this.#firstThatEndsAt(offset);
    let behind = first;
    while (behind < this.#froms.length && (this.#froms[behind] as number) <= end) behind += 1;
    const from = behind > first ? Math.min(offset, this.#froms[first] as number) : offset;
    const to = behind > first ? Math.max(end, this.#ends[behind - 1] as number) : end;
    if (behind === first + 1 && from === this.#froms[first]) {
      this.#ends[first] = to;
      return;
    }
    this.#froms.splice(first, behind - first, from);
    this.#ends.splice(first, behind - first, to);
  }

  /** True when all of these bytes are in the set. */
  has({ offset, length }: PackRange): boolean {
    const at = this.#firstThatEndsAt(offset + length);
    return at < this.#froms.length && (this.#froms[at] as number) <= offset;
  }

  get bytes(): number {
    return this.list().reduce((sum, { length }) => sum + length, 0);
  }

  /** The ranges, ascending; none touches another. */
  list(): PackRange[] {
    return this.#froms.map((offset, at) => ({ offset, length: (this.#ends[at] as number) - offset }));
  }

  /** Position of the first range that ends at `offset` or behind it. */
  #firstThatEndsAt(offset: number): number {
    let low = 0;
    // Frames come in order, for the most part.
    let high = this.#ends.length;
    if (high === 0 || (this.#ends[high - 1] as number) < offset) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
