/**
 * Which windows of the image are right where they are.
 *
 * @module
 */

import type { ReadAt } from '../chunker/scan.ts';
import { equalBytes } from '../core/bytes.ts';
import type { WindowEntry } from '../format/index-head.ts';
import type { SeedIndexReader } from './seed-index-file.ts';
import { isWindow } from './verified-window.ts';

/** Windows that stay as they are while the others are written, so that their bytes can be read at any time. */
export class KeptWindows {
  readonly #offsets: ReadonlySet<number>;
  /** Of kept windows without a gap between them, ascending. */
  readonly #runs: { readonly start: number; end: number }[] = [];

  /** @param offsets of the kept ones among `windows` */
  constructor(windows: readonly WindowEntry[], offsets: ReadonlySet<number>) {
    this.#offsets = offsets;
    for (const { offset, length } of windows) {
      if (!offsets.has(offset)) continue;
      const last = this.#runs.at(-1);
      if (last?.end === offset) last.end += length;
      else this.#runs.push({ start: offset, end: offset + length });
    }
  }

  get size(): number {
    return this.#offsets.size;
  }

  /** True for the offset of a kept window. */
  has(offset: number): boolean {
    return this.#offsets.has(offset);
  }

  /** True when kept windows cover all of these bytes. */
  holds(offset: number, length: number): boolean {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle] as { end: number }).end <= offset) low = middle + 1;
      else high = middle;
    }
    const run = this.#runs[low];
    return run !== undefined && run.start <= offset && offset + length <= run.end;
  }
}

/** Offsets of the windows that the index `found` has at the same place, with the same bytes. */
export function sameWindows(windows: readonly WindowEntry[], found: SeedIndexReader): Set<number> {
  const same = new Set<number>();
  let at = 0;
  for (const { offset, length, digest } of found.windows()) {
    while (at < windows.length && (windows[at] as WindowEntry).offset < offset) at += 1;
    const window = windows[at];
    if (window === undefined) break;
    if (window.offset !== offset || window.length !== length) continue;
    const equal =
      window.digest === undefined || digest === undefined
        ? window.digest === digest
        : equalBytes(window.digest, digest);
    if (equal) same.add(offset);
  }
  return same;
}

/**
 * The windows that `read` gives right where they are. Those that the fresh index of the same bytes does not
 * show are looked at one by one: damage ahead of a window may have let the index's own windows begin elsewhere.
 *
 * @param index left out, every window is looked at
 */
export async function findKept(
  windows: readonly WindowEntry[],
  read: ReadAt,
  index: SeedIndexReader | undefined,
  signal?: AbortSignal,
): Promise<KeptWindows> {
  const offsets = index === undefined ? new Set<number>() : sameWindows(windows, index);
  const buffer = new Uint8Array(windows.reduce((max, { length }) => Math.max(max, length), 0));
  for (const window of windows) {
    if (offsets.has(window.offset)) continue;
    const bytes = buffer.subarray(0, window.length);
    if (read(window.offset, bytes) !== window.length) continue;
    if (isWindow(window, bytes)) offsets.add(window.offset);
    await new Promise(setImmediate);
    signal?.throwIfAborted();
  }
  return new KeptWindows(windows, offsets);
}
