/**
 * The match kernel (`wasm/match.ts`) with its memory: a text with its index, and a block of the target.
 *
 * Memory grows to the largest text it was given: about 6 bytes a byte of text with a suffix array, 5 with
 * hash chains.
 *
 * @module
 */
import { KiB, MiB } from '../core/sizes.ts';
import { loadKernel, WASM_PAGE_BYTES } from './load.ts';
import { runSort, SORT_TABLE_BYTES, type SortExports } from './suffix-sort.ts';

/** Bytes of the target that one scan looks at, at most. */
export const BLOCK_BYTES: number = 256 * KiB;

/** Bytes behind text and target that may be read. */
const SPARE = 64;
/** A record tells of 8 bytes at least, and of those that overlap few. */
const RECORDS: number = BLOCK_BYTES / 4;
const RECORD_BYTES = 12;
/** Positions whose hashes go into the filter in one call. */
const FILTER_SLICE: number = 1 * MiB;

interface MatchExports extends SortExports {
  readonly memory: WebAssembly.Memory;
  prepare(
    text: number,
    length: number,
    kind: number,
    index: number,
    heads: number,
    filter: number,
    bits: number,
  ): void;
  forget(): void;
  remember(diagonal: number): void;
  shift(by: number): void;
  latest(): number;
  fillFilter(from: number, until: number): void;
  fillBuckets(): void;
  scan(target: number, length: number, follow: number, every: number, records: number, most: number): number;
}

/** `latest` when there is none. */
const NONE: number = -(2 ** 31);

export class MatchKernel {
  readonly #exports: MatchExports;
  readonly #base: number;
  readonly #blockAt: number;
  readonly #recordsAt: number;
  readonly #textAt: number;
  #length = 0;

  constructor() {
    this.#exports = loadKernel('match') as unknown as MatchExports;
    this.#base = this.#exports.memory.buffer.byteLength;
    this.#blockAt = this.#base;
    this.#recordsAt = this.#blockAt + BLOCK_BYTES + SPARE;
    this.#textAt = this.#recordsAt + RECORDS * RECORD_BYTES;
    this.#reach(this.#textAt);
  }

  /** Bytes of memory in use. */
  get memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  #reach(end: number): void {
    const { memory } = this.#exports;
    const missing = Math.ceil(end / WASM_PAGE_BYTES) - memory.buffer.byteLength / WASM_PAGE_BYTES;
    if (missing > 0) memory.grow(missing);
  }

  /** Where the next text goes; then call one of the `index` methods. Good until the next call of any method. */
  text(length: number): Uint8Array {
    this.#length = length;
    this.#reach(this.#textAt + length + SPARE);
    return new Uint8Array(this.#exports.memory.buffer, this.#textAt, length);
  }

  /** Makes the text ready for scans with hash chains, which are laid when they are first asked. */
  indexChains(): void {
    const index = aligned(this.#textAt + this.#length + SPARE);
    const heads = index + 4 * (this.#length + 1);
    // A chain for every two positions or so.
    const bits = Math.max(8, Math.ceil(Math.log2(this.#length + 1)) - 1);
    this.#reach(heads + (4 << bits));
    this.#exports.prepare(this.#textAt, this.#length, 0, index, heads, 0, bits);
  }

  /** Sorts the suffixes of the text. */
  indexSuffixes(): void {
    const length = this.#length;
    const index = aligned(this.#textAt + length + SPARE);
    const heads = index + 4 * (length + 1);
    const filter = heads + SORT_TABLE_BYTES;
    // 8 to 16 bits a position.
    const bits = Math.max(16, Math.ceil(Math.log2(length + 1)) + 3);
    const filterBytes = 2 ** (bits - 3);
    this.#reach(filter + filterBytes);
    const exports = this.#exports;
    exports.prepare(this.#textAt, length, 1, index, heads, filter, bits);
    runSort(exports, this.#textAt, length, index, heads);
    new Uint8Array(exports.memory.buffer, filter, filterBytes).fill(0);
    for (let from = 0; from < length; from += FILTER_SLICE) exports.fillFilter(from, from + FILTER_SLICE);
    exports.fillBuckets();
  }

  /** Forgets the diagonals used so far. */
  forget(): void {
    this.#exports.forget();
  }

  /** Notes a diagonal (position in the text less position in the block) as the latest. */
  remember(diagonal: number): void {
    if (Math.abs(diagonal) < 2 ** 30) this.#exports.remember(diagonal);
  }

  /** Moves all diagonals. */
  shift(by: number): void {
    this.#exports.shift(by);
  }

  /** The latest diagonal. */
  latest(): number | undefined {
    const diagonal = this.#exports.latest();
    return diagonal === NONE ? undefined : diagonal;
  }

  /** Where the next block goes, {@link BLOCK_BYTES} at most. */
  block(length: number): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer, this.#blockAt, length);
  }

  /**
   * Scans the block.
   *
   * @param follow whether it begins on the latest diagonal
   * @param every of the positions where nothing is found for long, only each so manieth is looked at
   * @returns position in the block, position in the text, length of each match; good until the next call
   */
  scan(length: number, follow: boolean, every: number): Int32Array {
    const count = this.#exports.scan(this.#blockAt, length, follow ? 1 : 0, every, this.#recordsAt, RECORDS);
    return new Int32Array(this.#exports.memory.buffer, this.#recordsAt, count * 3);
  }
}

function aligned(at: number): number {
  return Math.ceil(at / 16) * 16;
}
