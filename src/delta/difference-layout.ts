/**
 * Differences of covers as plain bytes, for a general compressor: where the entropy model does not pay.
 *
 * Dense: for each byte of each cover, by how much it differs modulo 256, mostly zeros. Sparse: runs of equal
 * bytes and of differing ones in turn, as two varints and the differences of the latter. docs/format/delta.md §3.3.
 *
 * @module
 */
import { invalidPayload } from './payload.ts';

/** A cover in the window, and the bytes of the Base that it lies on. */
export interface CoveredStretch {
  readonly window: Uint8Array;
  readonly base: Uint8Array;
}

/** Dense layout. */
export function denseDifferences(stretches: readonly CoveredStretch[]): Uint8Array {
  const out = new Uint8Array(stretches.reduce((sum, { window }) => sum + window.length, 0));
  let to = 0;
  for (const { window, base } of stretches) {
    for (let i = 0; i < window.length; i++) out[to++] = (window[i] as number) - (base[i] as number);
  }
  return out;
}

/** Undoes {@link denseDifferences}; the windows hold the Base's bytes. @throws SiltError FORMAT_INVALID */
export function addDense(differences: Uint8Array, windows: readonly Uint8Array[]): void {
  let at = 0;
  for (const window of windows) {
    if (at + window.length > differences.length) throw invalidPayload('its differences end early');
    for (let i = 0; i < window.length; i++) {
      window[i] = (window[i] as number) + (differences[at++] as number);
    }
  }
  if (at !== differences.length) throw invalidPayload('there are more differences than bytes');
}

/** Bytes that the sparse layout of `total` covered ones takes at most: each run costs no more than twice itself. */
export function mostSparse(total: number): number {
  return 2 * total + 1;
}

/** Sparse layout of dense differences. */
export function sparseFromDense(dense: Uint8Array): Uint8Array {
  const out = new Uint8Array(mostSparse(dense.length));
  let to = 0;
  const varint = (value: number): void => {
    let left = value;
    for (; left > 127; left >>>= 7) out[to++] = (left & 127) | 128;
    out[to++] = left;
  };
  for (let at = 0; at < dense.length; ) {
    const from = at;
    while (at < dense.length && dense[at] === 0) at += 1;
    if (at === dense.length) break;
    varint(at - from);
    const run = at;
    while (at < dense.length && dense[at] !== 0) at += 1;
    varint(at - run);
    out.set(dense.subarray(run, at), to);
    to += at - run;
  }
  return out.slice(0, to);
}

/**
 * Undoes {@link sparseFromDense}; the windows hold the Base's bytes.
 *
 * @throws SiltError FORMAT_INVALID
 */
export function addSparse(sparse: Uint8Array, windows: readonly Uint8Array[]): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; shift <= 2 ** 28; shift *= 128) {
      const byte = sparse[at++];
      if (byte === undefined) throw invalidPayload('its sparse differences end early');
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    throw invalidPayload('a run is too long');
  };
  const total = windows.reduce((sum, { length }) => sum + length, 0);
  let number = 0;
  let window = windows[0] ?? new Uint8Array();
  /** Where the window begins among all covered bytes, and the place that is next. */
  let start = 0;
  let to = 0;
  while (at < sparse.length) {
    to += varint();
    const end = to + varint();
    if (end > total || at + (end - to) > sparse.length) {
      throw invalidPayload('a run of differences leaves the covers');
    }
    for (; to < end; to++) {
      while (to - start >= window.length) {
        start += window.length;
        window = windows[++number] as Uint8Array;
      }
      const place = to - start;
      window[place] = (window[place] as number) + (sparse[at++] as number);
    }
  }
}
