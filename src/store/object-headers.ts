/**
 * What caches and browsers are told of an object, the same from `silt serve` and from S3.
 *
 * @module
 */
import type { Key } from './store.ts';

const IMMUTABLE = /^(packs|indexes|deltas|targets)\/|^metadata\/\d+\.[^/]+\.json$/;

/**
 * Cache-Control of an object. Objects named by their digest or their version never change and may be kept for
 * ever (a year is what caches take as that); `metadata/timestamp.json` is asked for anew every time.
 */
export function cacheControl(key: Key): string {
  return IMMUTABLE.test(key) ? 'public, max-age=31536000, immutable' : 'no-cache';
}

/** Content-Type of an object whose writer names none. */
export function contentType(key: Key): string {
  return key.endsWith('.json') ? 'application/json' : 'application/octet-stream';
}
