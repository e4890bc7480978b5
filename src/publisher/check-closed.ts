/**
 * A sealed object whose key is not at hand: its digests tell that it is the one that was published, and nothing
 * of what is in it.
 *
 * @module
 */
import { createSha256, sha256Hex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';

/** Read at a time. */
const BLOCK_BYTES: number = 4 * MiB;

/** What a manifest says of an index or a delta. */
export interface NamedObject {
  readonly sha256: string;
  readonly size: number;
  readonly head: { readonly sha256: string; readonly size: number };
}

/**
 * Compares the object with its digest, and its head with that of its own.
 *
 * @param key of the object, for errors
 * @param read gives just these bytes of it; it is asked for all of them, front to back
 * @throws SiltError DIGEST_MISMATCH, what `read` throws
 */
export async function checkClosedObject(
  key: string,
  { sha256, size, head }: NamedObject,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<void> {
  const front = await read(0, head.size);
  requireDigest(key, 'digest of the head', head.sha256, sha256Hex(front));
  const whole = createSha256().update(front);
  for (let at = head.size; at < size; ) {
    const block = await read(at, Math.min(BLOCK_BYTES, size - at));
    whole.update(block);
    at += block.length;
  }
  requireDigest(key, 'digest', sha256, whole.digest('hex'));
}

function requireDigest(key: string, what: string, expected: string, found: string): void {
  if (expected === found) return;
  throw new SiltError('DIGEST_MISMATCH', `${key}: expected the ${what} ${expected}, found ${found}`, {
    details: { key, expected, found },
  });
}
