/**
 * Joins copies that continue one another, on both sides, into one read.
 *
 * @module
 */

export interface CopyRun {
  /** `undefined`: the target. */
  readonly seed: number | undefined;
  readonly offset: number;
  readonly at: number;
  length: number;
}

export class CopyRuns {
  readonly #copy: (run: CopyRun) => void;
  #open: CopyRun | undefined;

  constructor(copy: (run: CopyRun) => void) {
    this.#copy = copy;
  }

  add(seed: number | undefined, offset: number, at: number, length: number): void {
    const open = this.#open;
    const continues =
      open !== undefined &&
      open.seed === seed &&
      offset - open.offset === open.length &&
      at - open.at === open.length;
    if (continues) {
      open.length += length;
      return;
    }
    this.end();
    this.#open = { seed, offset, at, length };
  }

  end(): void {
    if (this.#open !== undefined) this.#copy(this.#open);
    this.#open = undefined;
  }
}
