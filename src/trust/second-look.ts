/**
 * Metadata that does not hold is asked for once more, past the caches on the way and, of several repositories,
 * elsewhere: a cache may hold what an attacker, a bad disk or an older release has put there. What does not hold
 * the second time does not hold.
 *
 * @module
 */
import { type ErrorCode, isSiltError } from '../core/errors.ts';
import type { MetadataReader, Releases } from './releases.ts';

const MAY_BE_A_CACHE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['TRUST_MALFORMED', 'TRUST_EXPIRED', 'TRUST_THRESHOLD', 'TRUST_ROLLBACK', 'TRUST_MISMATCH'] as const),
  ...(['TRUST_TOO_LARGE', 'TRUST_UNKNOWN_KEY', 'MANIFEST_ALTERED', 'MANIFEST_SWAPPED'] as const),
  ...(['CMS_MISSING', 'CMS_INVALID', 'CRL_INVALID', 'FORMAT_INVALID', 'DIGEST_MISMATCH'] as const),
]);

/** Releases that look twice, made of those that look once. */
export function lookingTwice(open: (store: MetadataReader) => Releases): (store: MetadataReader) => Releases {
  return (store) => {
    const first = open(store);
    const again = open(pastCaches(store));
    return {
      open: (...asked) =>
        twice(
          () => first.open(...asked),
          () => again.open(...asked),
        ),
      find: (...asked) =>
        twice(
          () => first.find(...asked),
          () => again.find(...asked),
        ),
    };
  };
}

/** The first failure counts where the second look fails otherwise: it is what was seen. */
async function twice<T>(look: () => Promise<T>, again: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!isSiltError(error) || !MAY_BE_A_CACHE.has(error.code)) throw error;
    return await again().catch(() => {
      throw error;
    });
  }
}

function pastCaches(store: MetadataReader): MetadataReader {
  return {
    location: store.location,
    get: (key, options) => store.get(key, { ...options, fresh: true }),
  };
}
