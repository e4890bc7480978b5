/**
 * The cost-based parse of a window (`wasm/parse.ts`) with its memory.
 *
 * @module
 */

import { loadKernel, WASM_PAGE_BYTES } from './load.ts';
import { COPY, COVER, EARLIER, LITERAL, type Segment } from './window-coder.ts';

const CANDIDATE_BYTES = 32;
const SEGMENT_BYTES = 12;
const NONE = 0xffff_ffff;
/** Bytes by which an end of a candidate is moved out at most; `wasm/parse/grow.ts` has the same number. */
export const CANDIDATE_REACH = 256;
/** Ahead of everything of ours lie the kernel's own variables. */
const FREE_AT = WASM_PAGE_BYTES;
const GUARD = 64;
/** Repeats that one window may add to its candidates. */
const MAX_REPEATS = 16_384;

/** A stretch of the window that resembles the Base on one diagonal, or is equal to earlier bytes of the target. */
export interface Candidate {
  /** In the window. */
  readonly at: number;
  /** In the Base or in the target. */
  readonly from: number;
  readonly length: number;
  readonly earlier: boolean;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  extend(candidates: number, count: number, rooms: number, window: number, length: number): void;
  markCovered(candidates: number, count: number, window: number, covered: number): void;
  addRepeats(
    candidates: number,
    count: number,
    capacity: number,
    window: number,
    length: number,
    covered: number,
    table: number,
  ): number;
  parse(
    candidates: number,
    count: number,
    window: number,
    length: number,
    bests: number,
    switches: number,
    segmentsEnd: number,
  ): number;
}

export class WindowParser {
  readonly #kernel = loadKernel('parse') as unknown as Exports;

  /**
   * The cheapest segments of a window.
   *
   * @param candidates in any order; their ends are moved out by up to {@link CANDIDATE_REACH} bytes where that pays
   * @param read fills bytes of the Base, or of the target, from a position on, which may lie outside of it
   */
  parse(
    window: Uint8Array,
    candidates: readonly Candidate[],
    sizes: { readonly base: number; readonly earlier: number },
    read: (earlier: boolean, at: number, into: Uint8Array) => void,
  ): Segment[] {
    const { length } = window;
    const capacity = candidates.length + MAX_REPEATS;
    let free = FREE_AT;
    const place = (bytes: number): number => {
      const at = free;
      free = Math.ceil((free + bytes + GUARD) / 64) * 64;
      return at;
    };
    const windowAt = place(length + GUARD) + GUARD;
    const bestsAt = place(4 * length);
    const switchesAt = place(2 * length);
    const coveredAt = place(length + 16);
    const tableAt = place(4 << 16);
    const listAt = place(capacity * CANDIDATE_BYTES);
    const roomsAt = place(candidates.length * 8);
    const segmentsEnd = place(SEGMENT_BYTES * (length + 1)) + SEGMENT_BYTES * (length + 1);
    const sources = candidates.map(
      ({ length: bytes }) => place(2 * CANDIDATE_REACH + bytes) + CANDIDATE_REACH,
    );
    const { memory } = this.#kernel;
    const missing = free + GUARD - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / WASM_PAGE_BYTES));
    const bytes = new Uint8Array(memory.buffer);
    const view = new DataView(memory.buffer);
    bytes.set(window, windowAt);
    bytes.fill(0, coveredAt, coveredAt + length + 16);
    for (const [i, { at, from, length: count, earlier }] of candidates.entries()) {
      const source = sources[i] as number;
      read(
        earlier,
        from - CANDIDATE_REACH,
        bytes.subarray(source - CANDIDATE_REACH, source + count + CANDIDATE_REACH),
      );
      const kind = earlier ? FROM_TARGET : FROM_BASE;
      writeCandidate(view, listAt + i * CANDIDATE_BYTES, { at, end: at + count, source, from, kind });
      const size = earlier ? sizes.earlier : sizes.base;
      view.setUint32(roomsAt + i * 8, Math.min(CANDIDATE_REACH, from), true);
      view.setUint32(roomsAt + i * 8 + 4, Math.min(CANDIDATE_REACH, size - from - count), true);
    }
    this.#kernel.extend(listAt, candidates.length, roomsAt, windowAt, length);
    this.#kernel.markCovered(listAt, candidates.length, windowAt, coveredAt);
    const count = this.#kernel.addRepeats(
      listAt,
      candidates.length,
      capacity,
      windowAt,
      length,
      coveredAt,
      tableAt,
    );
    sortCandidates(bytes.subarray(listAt, listAt + count * CANDIDATE_BYTES), count);
    let segment = this.#kernel.parse(listAt, count, windowAt, length, bestsAt, switchesAt, segmentsEnd);
    const segments: Segment[] = [];
    for (; segment < segmentsEnd; segment += SEGMENT_BYTES) {
      const candidate = view.getUint32(segment, true);
      const start = view.getUint32(segment + 4, true);
      const end = view.getUint32(segment + 8, true);
      if (candidate === NONE) {
        segments.push({ kind: LITERAL, length: end - start, from: 0 });
        continue;
      }
      const at = listAt + candidate * CANDIDATE_BYTES;
      const offset = start - view.getUint32(at, true);
      const kind = view.getUint32(at + 24, true);
      if (kind === FROM_WINDOW) {
        const from = view.getUint32(at + 8, true) - windowAt + offset;
        segments.push({ kind: COPY, length: end - start, from });
      } else {
        const from = start + Number(BigInt.asIntN(56, view.getBigInt64(at + 12, true)));
        segments.push({ kind: kind === FROM_TARGET ? EARLIER : COVER, length: end - start, from });
      }
    }
    return segments;
  }
}

/** Kinds of candidates; of all but the first every byte must be equal. */
const FROM_BASE = 0;
const FROM_WINDOW = 1;
const FROM_TARGET = 2;

function writeCandidate(
  view: DataView,
  to: number,
  candidate: { at: number; end: number; source: number; from: number; kind: number },
): void {
  const { at, end, source, from, kind } = candidate;
  view.setUint32(to, at, true);
  view.setUint32(to + 4, end, true);
  view.setUint32(to + 8, source, true);
  // Above the diagonal stands the kind: what moves alike in two places is not the same.
  const diagonal = BigInt.asUintN(56, BigInt(from - at)) | (BigInt(kind) << 56n);
  view.setBigUint64(to + 12, diagonal, true);
  view.setUint32(to + 20, 0, true);
  view.setUint32(to + 24, kind, true);
  view.setUint32(to + 28, 0, true);
}

/** By start; of equal ones in the order they came. */
function sortCandidates(list: Uint8Array, count: number): void {
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const starts = Uint32Array.from(order, (i) => view.getUint32(i * CANDIDATE_BYTES, true));
  order.sort((a, b) => (starts[a] as number) - (starts[b] as number) || a - b);
  const copy = list.slice();
  order.forEach((from, to) => {
    list.set(copy.subarray(from * CANDIDATE_BYTES, (from + 1) * CANDIDATE_BYTES), to * CANDIDATE_BYTES);
  });
}
