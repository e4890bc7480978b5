/**
 * A window of given segments, and its payload in given layouts: what the encoder would do if it had no choice.
 *
 * @module
 */
import { readAround } from '../../src/delta/base-reader.ts';
import { type CoveredStretch, denseDifferences, sparseFromDense } from '../../src/delta/difference-layout.ts';
import { compress } from '../../src/delta/general-codec.ts';
import { DIFFERENCES, encodePayload, LITERALS } from '../../src/delta/payload.ts';
import { writeSegments } from '../../src/delta/segment-list.ts';
import {
  baseRoom,
  CONTEXT_AHEAD,
  COVER,
  EARLIER,
  LITERAL,
  type Segment,
  WindowCoder,
} from '../../src/kernel/window-coder.ts';
import { bytesReader } from './bytes-reader.ts';

/** A window with all that its payload depends on. */
export interface HandMadeWindow {
  readonly base: Uint8Array;
  /** The target ahead of the window. */
  readonly earlier: Uint8Array;
  readonly window: Uint8Array;
  readonly segments: readonly Segment[];
}

export const DIFFERENCE_LAYOUTS = [
  DIFFERENCES.none,
  DIFFERENCES.model,
  DIFFERENCES.sparseZstd,
  DIFFERENCES.sparseBrotli,
  DIFFERENCES.denseZstd,
  DIFFERENCES.denseBrotli,
] as const;

export const LITERAL_LAYOUTS = [LITERALS.stored, LITERALS.model, LITERALS.zstd, LITERALS.brotli] as const;

/** Everything that a payload is made of, and what of it is asked for. */
export interface WindowStreams {
  readonly covers: number;
  readonly spared: number | undefined;
  readonly control: Uint8Array;
  difference(layout: number): Uint8Array;
  literal(layout: number): Uint8Array;
}

const coder = new WindowCoder();

/** The streams of a window. */
export function windowStreams({ base, earlier, window, segments }: HandMadeWindow): WindowStreams {
  const covers = segments.filter(({ kind }) => kind !== LITERAL).length;
  const half = 2 * window.length + 4096 + 32 * segments.length;
  coder.reserve(window.length, 2 * half, segments.length, baseRoom(0) * covers + window.length);
  coder.window.set(window);
  const stretches: CoveredStretch[] = [];
  const literals: Uint8Array[] = [];
  let at = 0;
  let room = 0;
  for (const [i, { kind, length, from }] of segments.entries()) {
    const bytes = window.subarray(at, at + length);
    if (kind === COVER) {
      readAround(bytesReader(base), from - CONTEXT_AHEAD, coder.base(room, baseRoom(length)));
      stretches.push({ window: bytes, base: base.subarray(from, from + length) });
    }
    if (kind === LITERAL) literals.push(bytes);
    coder.setSegment(i, kind, length, room + CONTEXT_AHEAD, from);
    if (kind === COVER) room += baseRoom(length);
    at += length;
  }
  coder.openNumbers(0, half, true);
  const count = writeSegments(segments, earlier.length, coder);
  const control = coder.stream(0, coder.closeNumbers(0)).slice();
  const lengths = coder.run(segments.length, { at: 0, length: half }, { at: half, length: half }, true);
  const modelled = {
    difference: coder.stream(0, lengths.difference).slice(),
    literal: coder.stream(half, lengths.literal).slice(),
  };
  const dense = denseDifferences(stretches);
  const plain = new Uint8Array(Buffer.concat(literals));
  const ends = segments.flatMap(({ kind, from, length }) => (kind === EARLIER ? [from + length] : []));
  return {
    covers: count,
    spared: ends.length === 0 ? undefined : earlier.length - Math.max(...ends),
    control,
    difference(layout) {
      if (layout === DIFFERENCES.none) return new Uint8Array();
      if (layout === DIFFERENCES.model) return modelled.difference;
      const isSparse = layout === DIFFERENCES.sparseZstd || layout === DIFFERENCES.sparseBrotli;
      const isZstd = layout === DIFFERENCES.sparseZstd || layout === DIFFERENCES.denseZstd;
      return compress(isSparse ? sparseFromDense(dense) : dense, isZstd ? 'zstd' : 'brotli');
    },
    literal(layout) {
      if (layout === LITERALS.stored) return plain;
      if (layout === LITERALS.model) return modelled.literal;
      return compress(plain, layout === LITERALS.zstd ? 'zstd' : 'brotli');
    },
  };
}

/** The payload of a window; the entropy model for both streams, unless told otherwise. */
export function payloadOf(
  window: HandMadeWindow,
  differenceLayout: number = DIFFERENCES.model,
  literalLayout: number = LITERALS.model,
): Uint8Array {
  const { covers, spared, control, difference, literal } = windowStreams(window);
  return new Uint8Array(
    encodePayload({
      covers,
      spared,
      control,
      differenceLayout,
      literalLayout,
      difference: difference(differenceLayout),
      literal: literal(literalLayout),
    }),
  );
}
