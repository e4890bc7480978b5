/**
 * Who gave what, as long as somebody may still find it wrong: the last few ranges of all objects.
 *
 * @module
 */
import type { Key } from './store.ts';

interface Served<T> {
  readonly key: Key;
  readonly from: number;
  readonly to: number;
  readonly by: T;
}

/** More than are under way at once, several times over. */
const MOST = 512;

export class ServedRanges<T> {
  #ranges: Served<T>[] = [];

  /** Bytes `from` to `to` of an object came from `by`. */
  add(key: Key, from: number, to: number, by: T): void {
    if (to <= from) return;
    this.#ranges.push({ key, from, to, by });
    if (this.#ranges.length > MOST) this.#ranges = this.#ranges.slice(-MOST / 2);
  }

  /** Who gave the byte at `offset` last; asked twice, it is not known any more. */
  take(key: Key, offset: number): T | undefined {
    const isIt = (one: Served<T>): boolean => one.key === key && one.from <= offset && offset < one.to;
    const found = this.#ranges.findLast(isIt);
    if (found !== undefined) this.#ranges = this.#ranges.filter((one) => !isIt(one));
    return found?.by;
  }
}
