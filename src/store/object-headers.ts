/**
 * What caches and browsers are told of an object, the same from `silt serve` and from S3.
 *
 * @module
 */
import type { Key } from './store.ts';

const IMMUTABLE = /^(packs|indexes|deltas|keys|targets)\/|^metadata\/\d+\.[^/]+\.json$/;
const MUTABLE_KEY = 'metadata/timestamp.json';

/** Kept, but asked for anew every time. */
export const MUTABLE_CACHE_CONTROL = 'no-cache';

/**
 * Cache-Control of an object. Objects named by their digest or their version never change and may be kept for
 * ever (a year is what caches take as that); `metadata/timestamp.json` is asked for anew every time, unless `mutable`
 * says otherwise of it.
 */
export function cacheControl(key: Key, mutable: string = MUTABLE_CACHE_CONTROL): string {
  if (IMMUTABLE.test(key)) return 'public, max-age=31536000, immutable';
  return key === MUTABLE_KEY ? mutable : MUTABLE_CACHE_CONTROL;
}

/** Content-Type of an object whose writer names none. */
export function contentType(key: Key): string {
  return key.endsWith('.json') ? 'application/json' : 'application/octet-stream';
}
