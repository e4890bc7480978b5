/**
 * The front of an object, as long as the manifest says, with the digest the manifest gives: level 1 of an
 * index, the head of a delta.
 *
 * @module
 */
import { sha256Hex } from '../core/digest.ts';
import type { RetryOptions } from '../core/retry.ts';
import type { ReadStore } from '../store/store.ts';
import { readSpans } from './range-reader.ts';

/**
 * Reads the first `size` bytes of the object `key`; those of an image of terabytes are enough for a connection
 * to break on the way.
 *
 * @throws SiltError DIGEST_MISMATCH, OBJECT_MISSING, NETWORK, OVER_BUDGET, …
 */
export async function readHead(
  store: ReadStore,
  key: string,
  { size, sha256 }: { readonly size: number; readonly sha256: string },
  retry: RetryOptions,
): Promise<Uint8Array> {
  const span = { object: 0, offset: 0, length: size };
  let head: Uint8Array = new Uint8Array();
  await readSpans(
    store,
    key,
    { ...span, spans: [span] },
    (_, bytes) => {
      head = bytes;
      return sha256Hex(bytes) === sha256;
    },
    retry,
  );
  return head;
}
