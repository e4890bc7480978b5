/**
 * The entropy stage of delta windows (`wasm/window-coder.ts`) with its memory: the model, a list of segments,
 * the window, the Base's bytes for its covers, and streams to read or to write.
 *
 * @module
 */
import { loadKernel, WASM_PAGE_BYTES } from './load.ts';

/** Name of the kernel. */
export const WINDOW_CODER = 'window-coder';

/** Bytes of the Base that are context: ahead of a cover and behind it. */
export const CONTEXT_AHEAD = 16;
export const CONTEXT_BEHIND = 16;

/** Bytes of a segment in the kernel's list. */
const SEGMENT_BYTES = 16;

/** What a segment is, in the kernel's list. */
export const LITERAL = 0;
export const COVER = 1;
export const COPY = 2;
/** A copy from ahead of the window; for the kernel, like any copy. */
export const EARLIER = 3;

/** One stretch of a window. */
export interface Segment {
  readonly kind: typeof LITERAL | typeof COVER | typeof COPY | typeof EARLIER;
  readonly length: number;
  /** Of a cover: position in the Base. Of a copy: in the window. Of one from ahead of the window: in the target. */
  readonly from: number;
}

/** Parts that {@link WindowCoder.run} leaves alone, since their bytes come in another way. */
export const SKIP_COVERS = 1;
export const SKIP_LITERALS = 2;

interface Exports {
  readonly memory: WebAssembly.Memory;
  lay(base: number): number;
  openNumbers(to: number, length: number, encode: number): void;
  number(value: number, field: number): number;
  closeNumbers(from: number): number;
  codeWindow(
    segments: number,
    count: number,
    window: number,
    differences: number,
    differenceBytes: number,
    literals: number,
    literalBytes: number,
    encode: number,
    skip: number,
  ): void;
  readonly differenceLength: { readonly value: number };
  readonly literalLength: { readonly value: number };
}

/** Ahead of everything of ours lie the kernel's constants. */
const MODEL_AT = WASM_PAGE_BYTES;
const GUARD = 64;

export class WindowCoder {
  readonly #kernel: Exports;
  readonly #free: number;
  #segmentsAt = 0;
  #windowAt = 0;
  #streamsAt = 0;
  #baseAt = 0;
  #baseBytes = 0;
  #windowBytes = 0;
  #segments = 0;

  constructor() {
    this.#kernel = loadKernel(WINDOW_CODER) as unknown as Exports;
    this.#grow(MODEL_AT + 16 * 1024 * 1024);
    this.#free = align(this.#kernel.lay(MODEL_AT));
  }

  /**
   * Makes room for a window.
   *
   * @param window bytes
   * @param streams bytes of all streams, read or written
   * @param segments in the list
   * @param base bytes for covers, {@link baseRoom} of each added up
   */
  reserve(window: number, streams: number, segments: number, base: number): void {
    this.#segmentsAt = this.#free;
    this.#segments = segments;
    this.#windowAt = align(this.#segmentsAt + segments * SEGMENT_BYTES) + GUARD;
    this.#windowBytes = window;
    this.#streamsAt = align(this.#windowAt + window + GUARD);
    this.#baseAt = align(this.#streamsAt + streams + GUARD);
    this.#baseBytes = base;
    this.#grow(this.#baseAt + base + GUARD);
    this.#bytes(this.#windowAt - GUARD, GUARD).fill(0);
  }

  /** The window's bytes, read or written by {@link run}. A view, good until memory grows. */
  get window(): Uint8Array {
    return this.#bytes(this.#windowAt, this.#windowBytes);
  }

  /** A stretch of the room for streams. */
  stream(at: number, length: number): Uint8Array {
    return this.#bytes(this.#streamsAt + at, length);
  }

  /** Where the bytes around a cover go: {@link baseRoom} of them. */
  base(at: number, length: number): Uint8Array {
    if (at + length > this.#baseBytes) throw new RangeError('no room reserved for so many covers');
    return this.#bytes(this.#baseAt + at, length);
  }

  /**
   * Notes segment `i`.
   *
   * @param source where its bytes are: of a copy, in the window; else in the room for the Base
   * @param place of a cover, in the Base
   */
  setSegment(i: number, kind: number, length: number, source: number, place: number): void {
    if (i >= this.#segments) throw new RangeError('no room reserved for so many segments');
    const at = kind === COPY ? this.#windowAt + source : this.#baseAt + source;
    const view = new DataView(
      this.#kernel.memory.buffer,
      this.#segmentsAt + i * SEGMENT_BYTES,
      SEGMENT_BYTES,
    );
    view.setUint32(0, kind === EARLIER ? COPY : kind, true);
    view.setUint32(4, length, true);
    view.setUint32(8, at, true);
    // Its lower 32 bits are enough to tell places of one window apart.
    view.setUint32(12, place % 2 ** 32, true);
  }

  /** Begins a list of numbers in the streams' room at `at`: to read `length` bytes, or to write that many at most. */
  openNumbers(at: number, length: number, encode: boolean): void {
    this.#kernel.openNumbers(this.#streamsAt + at, length, encode ? 1 : 0);
  }

  /** The next number of the list: `value` is written, or what is read comes back. Below 2^53. */
  number(field: number, value = 0): number {
    return this.#kernel.number(value, field);
  }

  /** Ends the list. @returns its length; more than there was room when it did not fit */
  closeNumbers(at: number): number {
    return this.#kernel.closeNumbers(this.#streamsAt + at);
  }

  /**
   * Codes the window by its segments.
   *
   * @param difference and literal: where these streams lie in the streams' room, and their lengths or room
   * @returns the lengths of both streams when encoding; more than there was room when one did not fit
   */
  run(
    segments: number,
    difference: { readonly at: number; readonly length: number },
    literal: { readonly at: number; readonly length: number },
    encode: boolean,
    skip = 0,
  ): { readonly difference: number; readonly literal: number } {
    this.#kernel.codeWindow(
      this.#segmentsAt,
      segments,
      this.#windowAt,
      this.#streamsAt + difference.at,
      difference.length,
      this.#streamsAt + literal.at,
      literal.length,
      encode ? 1 : 0,
      skip,
    );
    return {
      difference: this.#kernel.differenceLength.value,
      literal: this.#kernel.literalLength.value,
    };
  }

  #bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#kernel.memory.buffer, at, length);
  }

  #grow(bytes: number): void {
    const missing = bytes - this.#kernel.memory.buffer.byteLength;
    if (missing > 0) this.#kernel.memory.grow(Math.ceil(missing / WASM_PAGE_BYTES));
  }
}

/** Room that a cover of `length` bytes takes with its context. */
export function baseRoom(length: number): number {
  return CONTEXT_AHEAD + length + CONTEXT_BEHIND;
}

function align(at: number): number {
  return Math.ceil(at / 64) * 64;
}
