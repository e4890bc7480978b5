/**
 * Delta files made by hand, of windows that are zeros or lie in the Base as they are, for tests that need no
 * encoder; and any head with the right digests.
 *
 * @module
 */
import { isZero } from '../../src/core/bytes.ts';
import { sha256 } from '../../src/core/digest.ts';
import {
  type DeltaHeadRecord,
  type DeltaWindowRecord,
  encodeDeltaHead,
} from '../../src/format/delta-file.ts';

/** Head of a delta from `base` to `target`; a window that does not lie in the Base is left to chunks. */
export function handMadeHead(
  base: Uint8Array,
  target: Uint8Array,
  windowBytes: number,
  checked = true,
): DeltaHeadRecord {
  const windows: DeltaWindowRecord[] = [];
  for (let at = 0; at < target.length; at += windowBytes) {
    const bytes = target.subarray(at, at + windowBytes);
    windows.push(recordOf(base, bytes, checked));
  }
  return { base: imageOf(base), target: imageOf(target), transforms: [], windows };
}

/** The whole file of such a delta: there are no payloads. */
export function handMadeDelta(
  base: Uint8Array,
  target: Uint8Array,
  windowBytes: number,
  checked = true,
): Uint8Array {
  return encodeDeltaHead(handMadeHead(base, target, windowBytes, checked));
}

function recordOf(base: Uint8Array, bytes: Uint8Array, checked: boolean): DeltaWindowRecord {
  const { length } = bytes;
  if (isZero(bytes)) return { length, check: undefined, source: { kind: 'zero' } };
  const from = Buffer.from(base.buffer, base.byteOffset, base.length).indexOf(bytes);
  if (from < 0) return { length, check: undefined, source: { kind: 'none' } };
  const check = checked ? new Uint8Array(sha256(bytes).subarray(0, 8)) : undefined;
  return { length, check, source: { kind: 'copy', from } };
}

function imageOf(image: Uint8Array): { readonly size: number; readonly digest: Uint8Array } {
  return { size: image.length, digest: new Uint8Array(sha256(image)) };
}
