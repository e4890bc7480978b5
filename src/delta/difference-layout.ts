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

/** Sparse layout of dense differences. */
export function sparseFromDense(dense: Uint8Array): Uint8Array {
  const out: number[] = [];
  const varint = (value: number): void => {
    let left = value;
    for (; left > 127; left >>>= 7) out.push((left & 127) | 128);
    out.push(left);
  };
  for (let at = 0; at < dense.length; ) {
    const from = at;
    while (at < dense.length && dense[at] === 0) at += 1;
    if (at === dense.length) break;
    varint(at - from);
    const run = at;
    while (at < dense.length && dense[at] !== 0) at += 1;
    varint(at - run);
    for (let i = run; i < at; i++) out.push(dense[i] as number);
  }
  return Uint8Array.from(out);
}

/** The dense layout again. @param length of all covers @throws SiltError FORMAT_INVALID */
export function denseFromSparse(sparse: Uint8Array, length: number): Uint8Array {
  const dense = new Uint8Array(length);
  let at = 0;
  let to = 0;
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
  while (at < sparse.length) {
    to += varint();
    const run = varint();
    if (to + run > length || at + run > sparse.length)
      throw invalidPayload('a run of differences leaves the covers');
    dense.set(sparse.subarray(at, at + run), to);
    at += run;
    to += run;
  }
  return dense;
}
