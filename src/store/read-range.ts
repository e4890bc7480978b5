/**
 * A whole range in one buffer, for metadata of known size; asks again after transient failures.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { type RetryOptions, retryTransient } from '../core/retry.ts';
import type { ByteRange, Key, ReadStore } from './store.ts';

/**
 * The bytes of `range` of an object.
 *
 * @throws what {@link ReadStore.getRange} throws
 */
export async function readRange(
  store: ReadStore,
  key: Key,
  range: ByteRange,
  options: RetryOptions = {},
): Promise<Uint8Array> {
  return retryTransient(async () => {
    const bytes = new Uint8Array(range.length);
    let at = 0;
    const { signal } = options;
    for await (const part of store.getRange(key, range, signal === undefined ? {} : { signal })) {
      if (at + part.length > bytes.length) {
        throw new SiltError('RANGE_INVALID', `${key}: expected ${range.length} bytes, found more`, {
          details: { key },
        });
      }
      bytes.set(part, at);
      at += part.length;
    }
    if (at !== bytes.length) {
      throw new SiltError('NETWORK', `${key}: expected ${range.length} bytes, found ${at}`, {
        details: { key },
        transient: true,
      });
    }
    return bytes;
  }, options);
}
