/**
 * Decodes one delta window: Base and payload in, the window's bytes out. docs/format/delta.md §3.
 *
 * Memory: the model, the window, about as many bytes of the Base, and the payload; nothing else, whatever the
 * payload says.
 *
 * @module
 */
import {
  baseRoom,
  CONTEXT_AHEAD,
  COVER,
  EARLIER,
  LITERAL,
  type Segment,
  SKIP_COVERS,
  SKIP_LITERALS,
  WindowCoder,
} from '../kernel/window-coder.ts';
import { type BaseReader, readAround } from './base-reader.ts';
import { addDense, addSparse, mostSparse } from './difference-layout.ts';
import { decompress } from './general-codec.ts';
import {
  bytesNeeded,
  DIFFERENCES,
  decodePayload,
  invalidPayload,
  LITERALS,
  MAX_COVERS,
  MAX_DELTA_WINDOW,
  type Payload,
} from './payload.ts';
import { readSegments } from './segment-list.ts';

export class WindowDecoder {
  readonly #coder = new WindowCoder();

  /**
   * The window's bytes, a view that is good until the next call.
   *
   * A Base with other bytes than the encoder's gives other bytes and no error, so compare their digest.
   *
   * @param length of the window, at most {@link MAX_DELTA_WINDOW}
   * @param earlier the target ahead of the window: as many bytes as the window's offset. A payload tells by
   *   {@link bytesNeeded} how many of them it looks at.
   * @throws SiltError FORMAT_INVALID for a payload that is not one of a window of this length and Base
   */
  decode(payload: Uint8Array, length: number, base: BaseReader, earlier: BaseReader): Uint8Array {
    if (!(length >= 1 && length <= MAX_DELTA_WINDOW)) throw invalidPayload(`no window has ${length} bytes`);
    const parts = decodePayload(payload);
    if (parts.covers > MAX_COVERS || parts.covers > length) throw invalidPayload('there are too many covers');
    const { control, difference, literal } = parts;
    const modelled = parts.literalLayout === LITERALS.model ? literal.length : 0;
    const streams = Math.max(control.length, difference.length + modelled);
    const coder = this.#coder;
    // All that this window can come to take, so that no view of the memory goes stale.
    coder.reserve(length, streams, 2 * parts.covers + 1, baseRoom(0) * parts.covers + length);
    coder.stream(0, control.length).set(control);
    coder.openNumbers(0, control.length, false);
    const sizes = { base: base.size, earlier: earlier.size };
    const segments = readSegments(parts.covers, length, sizes, coder);
    checkNeeds(segments, bytesNeeded(parts, earlier.size));
    const window = coder.window;
    this.#placeSegments(segments, base, earlier);
    let skip = 0;
    if (parts.differenceLayout !== DIFFERENCES.model) {
      skip |= SKIP_COVERS;
      this.#fillCovers(segments, parts);
    }
    if (parts.literalLayout !== LITERALS.model) {
      skip |= SKIP_LITERALS;
      fillLiterals(segments, window, parts);
    }
    coder.stream(0, difference.length).set(difference);
    coder.stream(difference.length, modelled).set(literal.subarray(0, modelled));
    const second = { at: difference.length, length: modelled };
    coder.run(segments.length, { at: 0, length: difference.length }, second, false, skip);
    return window;
  }

  /** Tells the kernel of the segments, with the Base's bytes around each cover. */
  #placeSegments(segments: readonly Segment[], base: BaseReader, earlier: BaseReader): void {
    let at = 0;
    for (const [i, { kind, length, from }] of segments.entries()) {
      let source = from;
      if (kind === COVER || kind === EARLIER) {
        const room = this.#coder.base(at, baseRoom(length));
        readAround(kind === COVER ? base : earlier, from - CONTEXT_AHEAD, room);
        source = at + CONTEXT_AHEAD;
        at += baseRoom(length);
      }
      this.#coder.setSegment(i, kind, length, source, from);
    }
  }

  #fillCovers(segments: readonly Segment[], { differenceLayout, difference }: Payload): void {
    const coder = this.#coder;
    const covers: Uint8Array[] = [];
    let at = 0;
    let room = 0;
    let total = 0;
    for (const { kind, length } of segments) {
      if (kind === COVER) {
        const cover = coder.window.subarray(at, at + length);
        cover.set(coder.base(room + CONTEXT_AHEAD, length));
        covers.push(cover);
        total += length;
      }
      if (kind === COVER || kind === EARLIER) room += baseRoom(length);
      at += length;
    }
    addDifferences(differenceLayout, difference, total, covers);
  }
}

/** @throws SiltError FORMAT_INVALID when a copy reaches beyond what the payload says it needs */
function checkNeeds(segments: readonly Segment[], needed: number): void {
  for (const { kind, from, length } of segments) {
    if (kind === EARLIER && from + length > needed) throw invalidPayload('it needs more than it says');
  }
}

/** Adds the differences of `total` covered bytes to `covers`, which hold the Base's. */
function addDifferences(
  layout: number,
  stored: Uint8Array,
  total: number,
  covers: readonly Uint8Array[],
): void {
  switch (layout) {
    case DIFFERENCES.none:
      if (stored.length > 0) throw invalidPayload('there are differences where there should be none');
      break;
    case DIFFERENCES.sparseZstd:
      addSparse(decompress(stored, 'zstd', mostSparse(total)), covers);
      break;
    case DIFFERENCES.sparseBrotli:
      addSparse(decompress(stored, 'brotli', mostSparse(total)), covers);
      break;
    case DIFFERENCES.denseZstd:
      addDense(decompress(stored, 'zstd', total), covers);
      break;
    case DIFFERENCES.denseBrotli:
      addDense(decompress(stored, 'brotli', total), covers);
      break;
    default:
      throw invalidPayload(`unknown layout ${layout} of differences`);
  }
}

function fillLiterals(segments: readonly Segment[], window: Uint8Array, parts: Payload): void {
  const total = segments.reduce((sum, { kind, length }) => (kind === LITERAL ? sum + length : sum), 0);
  const { literalLayout, literal } = parts;
  const plain =
    literalLayout === LITERALS.stored
      ? literal
      : decompress(literal, literalLayout === LITERALS.zstd ? 'zstd' : 'brotli', total);
  if (plain.length !== total) throw invalidPayload(`expected ${total} literal bytes, found ${plain.length}`);
  let at = 0;
  let from = 0;
  for (const { kind, length } of segments) {
    if (kind === LITERAL) {
      window.set(plain.subarray(from, from + length), at);
      from += length;
    }
    at += length;
  }
}
