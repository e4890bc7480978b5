/**
 * Finding out, by two or three small requests, whether a store keeps its word that nobody overwrites what somebody
 * else has written. Servers that do not know conditional writes mostly ignore the conditions, and two publishers
 * would then lose each other's releases without anybody noticing.
 *
 * The object that is written for it, {@link PROBE_KEY}, means nothing and stays: a publisher needs no permission to
 * delete, and the next probe is a request shorter.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { isSiltError, SiltError } from '../core/errors.ts';
import type { Store } from '../store/store.ts';

/** Beside what prune keeps for itself; of no release. */
export const PROBE_KEY = 'prune/probe.json';

/** Different bytes each time, so that a repeated request cannot take what is there for its own work. */
function probe(): Uint8Array {
  const id = randomBytes(16).toString('hex');
  return Buffer.from(`{"format":"silt-probe","formatVersion":1,"id":"${id}"}\n`);
}

/** Of no object: S3 makes ETags of MD5s, and this is that of nothing anybody would store. */
const WRONG_ETAG = '"00000000000000000000000000000000"';

/**
 * Requires that `store` refuses to create what is there, and to replace what is not what was read.
 *
 * @throws SiltError STORE_REFUSED when it does not, which asking again does not change; store errors
 */
export async function requireExclusiveWrites(store: Store, signal?: AbortSignal): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  try {
    if ((await store.putIfAbsent(PROBE_KEY, probe(), options)) === 'created') {
      if ((await store.putIfAbsent(PROBE_KEY, probe(), options)) === 'created') {
        throw notExclusive(store, 'If-None-Match');
      }
    }
    await store.putIfMatch(PROBE_KEY, probe(), WRONG_ETAG, options);
  } catch (error) {
    if (isSiltError(error, 'CONFLICT')) return;
    // Not implemented, in so many words.
    if (isSiltError(error, 'STORE_REFUSED') && error.details.status === 501) {
      throw notExclusive(store, 'If-None-Match', error);
    }
    throw error;
  }
  throw notExclusive(store, 'If-Match');
}

function notExclusive({ location }: Store, header: string, cause?: unknown): SiltError {
  return new SiltError(
    'STORE_REFUSED',
    `the server of ${location} does not keep two publishers apart: it has no conditional writes (${header}); ` +
      'update it, or run every command that writes there under a lock of your own and say so with --lock held',
    { details: { location, header }, cause },
  );
}
