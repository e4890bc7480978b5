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

/** Windows of an image, about: what a device holds of level 1 stays small however large the image is. */
const WINDOWS_PER_IMAGE = 4096;
const LARGEST_AVERAGE: number = 2 * MiB;

/**
 * Window sizes for an image. Up to 2 GiB windows have the default sizes; for larger images they grow with it
 * up to an average of 2 MiB, in powers of two, so that releases of about the same size have the same windows.
 * A window holds at least one chunk, so very large chunks make large windows.
 *
 * @param largestChunk of the chunker, in bytes
 * @param imageSize in bytes
 */
export function windowSpec(largestChunk: number, imageSize: number): WindowSpec {
  const { min, average, max } = defaultWindows;
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, imageSize / WINDOWS_PER_IMAGE)));
  const grown = Math.min(LARGEST_AVERAGE, Math.max(average, wanted));
  return { min, average: Math.max(grown, largestChunk), max: Math.max(max, largestChunk) };
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
