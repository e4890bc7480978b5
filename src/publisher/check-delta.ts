/**
 * A whole delta object, checked for `silt verify`: digests, the head against manifest and index, and the tag of
 * every payload. In memory at once: its head and {@link BATCH_BYTES}, or one payload.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { createSha256, sha256Hex, toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import { type DeltaHead, decodeDeltaHead } from '../format/delta-file.ts';
import { tagOf } from '../format/frame.ts';
import type { ManifestDelta, ManifestImage } from '../format/manifest.ts';
import type { ContentKey } from '../trust/seal/content-key.ts';
import { openHead, openSegment } from '../trust/seal/sealed-head.ts';

const BATCH_BYTES: number = 4 * MiB;

/**
 * Checks the delta `delta` of `image`.
 *
 * @param windowLengths of the image's index; `undefined` when that cannot be read
 * @param read gives just these bytes of the object; it is asked for all of it, front to back
 * @param contentKey of the release; `undefined` when it is not sealed
 * @throws SiltError DIGEST_MISMATCH, SEAL_BROKEN, FORMAT_INVALID, FORMAT_UNSUPPORTED, what `read` throws
 */
export async function checkDelta(
  image: ManifestImage,
  delta: ManifestDelta,
  windowLengths: ArrayLike<number> | undefined,
  read: (offset: number, length: number) => Promise<Uint8Array>,
  contentKey?: ContentKey,
): Promise<void> {
  const key = `deltas/${delta.sha256}`;
  const front = await read(0, delta.head.size);
  requireSame(key, 'digest of the head', delta.head.sha256, sha256Hex(front));
  const { plain, seal } = openHead('delta', front, contentKey, key);
  const head = decodeDeltaHead(plain, front.length);
  requireSame(key, 'base', nameOf(delta.base), nameOf({ ...head.base, sha256: toHex(head.base.digest) }));
  requireSame(key, 'target', nameOf(image), nameOf({ ...head.target, sha256: toHex(head.target.digest) }));
  if (windowLengths !== undefined) requireWindows(key, head, windowLengths);
  const whole = createSha256().update(front);
  let end = delta.head.size;
  for (const batch of batches(head)) {
    const [{ offset }, last] = [batch[0] as Payload, batch.at(-1) as Payload];
    const bytes = await read(offset, last.offset + last.length - offset);
    whole.update(bytes);
    for (const payload of batch) {
      const at = payload.offset - offset;
      const stored = bytes.subarray(at, at + payload.length);
      if (equalBytes(tagOf(openSegment(seal, payload.offset, stored)), payload.tag)) continue;
      throw new SiltError('DIGEST_MISMATCH', `${key}: the payload at ${payload.offset} was altered`, {
        details: { key, offset: payload.offset, length: payload.length },
      });
    }
    end = offset + bytes.length;
  }
  requireSame(key, 'end of the payloads', delta.size, end);
  requireSame(key, 'digest', delta.sha256, whole.digest('hex'));
}

interface Payload {
  readonly offset: number;
  readonly length: number;
  readonly tag: Uint8Array;
}

/** Payloads follow one another, so the bytes of a batch are one range. */
function* batches(head: DeltaHead): Generator<readonly Payload[]> {
  let batch: Payload[] = [];
  let bytes = 0;
  for (const { source } of head.windows) {
    if (source.kind !== 'coded') continue;
    const { payload } = source;
    if (batch.length > 0 && bytes + payload.length > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(payload);
    bytes += payload.length;
  }
  if (batch.length > 0) yield batch;
}

function requireWindows(key: string, head: DeltaHead, lengths: ArrayLike<number>): void {
  requireSame(key, 'number of windows', lengths.length, head.windows.length);
  for (const [i, { length }] of head.windows.entries()) {
    requireSame(key, `length of window ${i}`, lengths[i] as number, length);
  }
}

function nameOf({ size, sha256 }: { readonly size: number; readonly sha256: string }): string {
  return `${sha256} of ${size} bytes`;
}

function requireSame(key: string, what: string, expected: string | number, found: string | number): void {
  if (expected === found) return;
  throw new SiltError('DIGEST_MISMATCH', `${key}: expected the ${what} to be ${expected}, found ${found}`, {
    details: { key, expected, found },
  });
}
