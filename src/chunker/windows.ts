/**
 * Gathers chunks into windows. A window ends behind a chunk chosen by its own id, so that windows fall
 * into step again behind an insertion. docs/format/index.md §1.
 *
 * @module
 */
import { KiB, MiB } from '../core/sizes.ts';

export interface WindowSpec {
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

/** docs/decisions/0003-chunk-and-window-size.md has the figures. */
export const defaultWindows: WindowSpec = { min: 128 * KiB, average: 512 * KiB, max: 4 * MiB };

/** Windows must hold the largest chunk, so large chunks make large windows. */
export function windowSpec(largestChunk: number): WindowSpec {
  const { min, average, max } = defaultWindows;
  return { min, average: Math.max(average, largestChunk), max: Math.max(max, largestChunk) };
}

/** Decides, chunk by chunk, where windows end. Pure bookkeeping. */
export class WindowGatherer {
  readonly #spec: WindowSpec;
  readonly #threshold: number;
  #length = 0;
  #zero = false;

  /** @param averageChunk of the chunker, which sets how rare the closing chunk must be */
  constructor(spec: WindowSpec, averageChunk: number) {
    this.#spec = spec;
    this.#threshold = Math.floor(2 ** 32 * Math.min(1, averageChunk / Math.max(1, spec.average - spec.min)));
  }

  /**
   * True when the open window must end ahead of this chunk: it would grow too large, or zeros meet data
   * and it is large enough, so that long runs of zeros become windows of nothing else.
   */
  endsBefore(length: number, zero: boolean): boolean {
    if (this.#length === 0) return false;
    return this.#length + length > this.#spec.max || (zero !== this.#zero && this.#length >= this.#spec.min);
  }

  /**
   * Adds a chunk; true when the window ends behind it, which chunks of zeros never bring about.
   *
   * @param selector the chunk's {@link windowSelector}
   */
  add(length: number, selector: number, zero: boolean): boolean {
    this.#length += length;
    this.#zero = zero;
    return !zero && this.#length >= this.#spec.min && selector < this.#threshold;
  }

  /** Begins the next window. */
  begin(): void {
    this.#length = 0;
  }
}

/** The number that decides whether a chunk ends its window. */
export function windowSelector(chunkId: Uint8Array, at = 0): number {
  return (
    ((chunkId[at + 8] as number) |
      ((chunkId[at + 9] as number) << 8) |
      ((chunkId[at + 10] as number) << 16) |
      ((chunkId[at + 11] as number) << 24)) >>>
    0
  );
}
