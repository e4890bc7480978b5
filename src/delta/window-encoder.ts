/**
 * Encodes one window against the Base: chooses segments by cost, then for each stream the smallest of what
 * the entropy model and general compressors make of it.
 *
 * @module
 */
import { equalBytes, isZero } from '../core/bytes.ts';
import { WindowParser } from '../kernel/parse.ts';
import {
  baseRoom,
  CONTEXT_AHEAD,
  COVER,
  EARLIER,
  LITERAL,
  type Segment,
  WindowCoder,
} from '../kernel/window-coder.ts';
import { type BaseReader, readAround } from './base-reader.ts';
import { candidatesOf } from './candidates.ts';
import { type CoveredStretch, denseDifferences, sparseFromDense } from './difference-layout.ts';
import { compress } from './general-codec.ts';
import type { Matches } from './matches.ts';
import { DIFFERENCES, encodePayload, LITERALS, MAX_COVERS } from './payload.ts';
import type { PayloadBytes } from './payload-bytes.ts';
import { fewerSegments, writeSegments } from './segment-list.ts';

/** A window as a delta has it. */
export interface WindowResult {
  /** Where in the Base all of its bytes are, one after another. */
  readonly copyFrom: number | undefined;
  readonly zero: boolean;
  /** Empty when it is such a copy or zeros. */
  readonly payload: Uint8Array;
  readonly bytes: PayloadBytes;
}

/**
 * What may code a payload: the model, which makes it up to half the size, or only zstd and brotli, which a device
 * decodes several times as fast.
 */
export type Entropy = 'model' | 'general';

/** One way to store a stream. */
interface Stored {
  readonly layout: number;
  readonly bytes: Uint8Array;
}

/** Up to so many bytes also those ways are tried that take long: brotli for literals, differences with their zeros. */
const SMALL = 32 * 1024;
/** Of so few bytes a trial says nothing. */
const TINY = 256;
const TRIAL_LEVEL = 6;

export class WindowEncoder {
  readonly #coder = new WindowCoder();
  readonly #parser = new WindowParser();

  /**
   * Encodes `window`, which lies behind the bytes of `earlier` in the target.
   *
   * @param matches with the Base that touch the window, and maybe others
   * @param repeats the same with earlier windows
   * @param entropy what differences and literals are coded with
   */
  encode(
    window: Uint8Array,
    matches: Matches,
    base: BaseReader,
    repeats: Matches,
    earlier: BaseReader,
    entropy: Entropy = 'model',
  ): WindowResult {
    const offset = earlier.size;
    if (isZero(window)) return { copyFrom: undefined, zero: true, payload: new Uint8Array(), bytes: noBytes };
    const candidates = candidatesOf(matches, offset, window.length, base.size);
    for (const { at, from, length } of candidates) {
      if (at !== 0 || length !== window.length) continue;
      const there = new Uint8Array(length);
      readAround(base, from, there);
      if (equalBytes(there, window)) {
        return { copyFrom: from, zero: false, payload: new Uint8Array(), bytes: noBytes };
      }
    }
    candidates.push(...candidatesOf(repeats, offset, window.length, offset, true));
    const sizes = { base: base.size, earlier: offset };
    const read = (fromTarget: boolean, at: number, into: Uint8Array): void =>
      readAround(fromTarget ? earlier : base, at, into);
    const segments = fewerSegments(this.#parser.parse(window, candidates, sizes, read), MAX_COVERS);
    return this.#encodeSegments(window, offset, segments, base, entropy);
  }

  #encodeSegments(
    window: Uint8Array,
    offset: number,
    segments: readonly Segment[],
    base: BaseReader,
    entropy: Entropy,
  ): WindowResult {
    const coder = this.#coder;
    const covers = segments.filter(({ kind }) => kind !== LITERAL).length;
    const literalBytes = lengthOf(segments, LITERAL);
    const streams = 2 * window.length + 1024;
    coder.reserve(window.length, streams, segments.length, baseRoom(0) * covers + window.length);
    coder.window.set(window);
    const stretches: CoveredStretch[] = [];
    const literals: Uint8Array[] = [];
    let at = 0;
    let room = 0;
    for (const [i, { kind, length, from }] of segments.entries()) {
      const bytes = window.subarray(at, at + length);
      let source = 0;
      if (kind === COVER) {
        readAround(base, from - CONTEXT_AHEAD, coder.base(room, baseRoom(length)));
        source = room + CONTEXT_AHEAD;
        stretches.push({ window: bytes, base: coder.base(source, length) });
        room += baseRoom(length);
      } else if (kind === LITERAL) {
        literals.push(bytes);
      }
      coder.setSegment(i, kind, length, source, from);
      at += length;
    }
    coder.openNumbers(0, streams, true);
    const count = writeSegments(segments, offset, coder);
    const control = coder.stream(0, coder.closeNumbers(0)).slice();
    const half = streams / 2;
    const first = { at: 0, length: half };
    const modelled =
      entropy === 'model'
        ? coder.run(segments.length, first, { at: half, length: half }, true)
        : { difference: Number.POSITIVE_INFINITY, literal: Number.POSITIVE_INFINITY };
    const difference = this.#smallestDifference(stretches, modelled.difference, half);
    const literal = this.#smallestLiteral(literals, literalBytes, modelled.literal, half);
    const payload = encodePayload({
      covers: count,
      differenceLayout: difference.layout,
      literalLayout: literal.layout,
      spared: sparedBytes(segments, offset),
      control,
      difference: difference.bytes,
      literal: literal.bytes,
    });
    const bytes = {
      control: payload.length - difference.bytes.length - literal.bytes.length,
      difference: difference.bytes.length,
      literal: literal.bytes.length,
    };
    return { copyFrom: undefined, zero: false, payload, bytes };
  }

  #smallestDifference(stretches: readonly CoveredStretch[], modelled: number, limit: number): Stored {
    if (stretches.every(({ window, base }) => equalBytes(window, base))) {
      return { layout: DIFFERENCES.none, bytes: new Uint8Array() };
    }
    const ways: Stored[] = [];
    if (modelled <= limit) {
      ways.push({ layout: DIFFERENCES.model, bytes: this.#coder.stream(0, modelled).slice() });
    }
    const dense = denseDifferences(stretches);
    const sparse = sparseFromDense(dense);
    if (ways.length === 0 || mayWin(sparse, modelled)) {
      ways.push({ layout: DIFFERENCES.sparseZstd, bytes: compress(sparse, 'zstd') });
      ways.push({ layout: DIFFERENCES.sparseBrotli, bytes: compress(sparse, 'brotli') });
    }
    if (ways.length === 0 || (dense.length <= SMALL && mayWin(dense, modelled))) {
      ways.push({ layout: DIFFERENCES.denseZstd, bytes: compress(dense, 'zstd') });
      ways.push({ layout: DIFFERENCES.denseBrotli, bytes: compress(dense, 'brotli') });
    }
    return smallest(ways);
  }

  #smallestLiteral(literals: readonly Uint8Array[], length: number, modelled: number, at: number): Stored {
    const plain = new Uint8Array(Buffer.concat(literals));
    const ways: Stored[] = [{ layout: LITERALS.stored, bytes: plain }];
    if (modelled < length) {
      ways.push({ layout: LITERALS.model, bytes: this.#coder.stream(at, modelled).slice() });
    }
    if (length > 0 && mayWin(plain, Math.min(modelled, length))) {
      ways.push({ layout: LITERALS.zstd, bytes: compress(plain, 'zstd') });
      if (length <= SMALL || modelled === Number.POSITIVE_INFINITY) {
        ways.push({ layout: LITERALS.brotli, bytes: compress(plain, 'brotli') });
      }
    }
    return smallest(ways);
  }
}

/** True when zstd and brotli at their best may be smaller than `size`, as zstd at a fast level tells. */
function mayWin(plain: Uint8Array, size: number): boolean {
  const trial = compress(plain, 'zstd', TRIAL_LEVEL).length;
  // What does not compress fast does not compress at all, and takes longest.
  return trial < 1.2 * size && (trial < 0.97 * plain.length || plain.length <= TINY);
}

const noBytes: PayloadBytes = { control: 0, difference: 0, literal: 0 };

/** Bytes right ahead of the window that no copy looks at; `undefined` when none looks ahead of the window. */
function sparedBytes(segments: readonly Segment[], offset: number): number | undefined {
  const ends = segments.flatMap(({ kind, from, length }) => (kind === EARLIER ? [from + length] : []));
  return ends.length === 0 ? undefined : offset - ends.reduce((most, end) => Math.max(most, end));
}

function smallest(ways: readonly Stored[]): Stored {
  return ways.reduce((best, way) => (way.bytes.length < best.bytes.length ? way : best));
}

function lengthOf(segments: readonly Segment[], wanted: number): number {
  return segments.reduce((sum, { kind, length }) => (kind === wanted ? sum + length : sum), 0);
}
