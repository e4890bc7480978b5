/**
 * Files of a repository as a client takes them: never more bytes than it wants, and exactly those that their
 * parent describes.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { isSiltError, SiltError } from '../../core/errors.ts';
import type { MetadataReader } from '../releases.ts';

/** What a parent says of a file, as far as it says it. */
export interface Described {
  readonly length?: number | undefined;
  readonly hashes?: Readonly<Record<string, string>> | undefined;
}

/** Those that are checked; a file with others alone is not trusted (TUF 1.0, §4.4). */
const HASHES = ['sha256', 'sha512'] as const;

/**
 * The object at `key`; `undefined` where there is none.
 *
 * @throws SiltError TRUST_TOO_LARGE for more than `maxBytes`; whatever the store throws
 */
export async function download(
  store: MetadataReader,
  key: string,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly bytes: Uint8Array; readonly etag?: string } | undefined> {
  try {
    const object = await store.get(key, { maxBytes, ...(signal && { signal }) });
    if (object === undefined || object.bytes.length <= maxBytes) return object;
  } catch (cause) {
    if (!isSiltError(cause, 'FORMAT_INVALID')) throw cause;
  }
  throw new SiltError('TRUST_TOO_LARGE', `${key}: expected at most ${maxBytes} bytes, found more`, {
    details: { key, expected: maxBytes },
  });
}

/**
 * The object at `key`, exactly as `described`.
 *
 * @param maxBytes what nobody may exceed, whatever he announces
 * @param refuse the error of an object that is something else
 * @throws SiltError OBJECT_MISSING (transient: the store, or a cache, may not have it yet), TRUST_TOO_LARGE;
 *   what `refuse` makes; whatever the store throws
 */
export async function downloadDescribed(
  source: { readonly store: MetadataReader; readonly signal: AbortSignal | undefined },
  key: string,
  described: Described,
  options: { readonly maxBytes: number; readonly refuse: (problem: string) => SiltError },
): Promise<Uint8Array> {
  const { store, signal } = source;
  const { length = options.maxBytes } = described;
  const cap = Math.min(length, options.maxBytes);
  const object = await download(store, key, cap, signal).catch((error: unknown) => {
    const isLonger = isSiltError(error, 'TRUST_TOO_LARGE') && length === described.length && cap === length;
    throw isLonger ? options.refuse(`expected ${length} bytes, found more`) : error;
  });
  if (object === undefined) {
    const message = `expected the object ${key} in ${store.location}, but there is none; try again later`;
    throw new SiltError('OBJECT_MISSING', message, { details: { key }, transient: true });
  }
  const wrong = difference(object.bytes, described);
  if (wrong !== undefined) throw options.refuse(wrong);
  return object.bytes;
}

/** How `bytes` differ from what `described` says; `undefined` when they do not. */
export function difference(bytes: Uint8Array, { length, hashes }: Described): string | undefined {
  if (length !== undefined && bytes.length !== length) {
    return `expected ${length} bytes, found ${bytes.length}`;
  }
  if (hashes === undefined) return undefined;
  const known = HASHES.filter((name) => Object.hasOwn(hashes, name));
  if (known.length === 0) return `expected a hash by ${HASHES.join(' or ')}, found none`;
  for (const name of known) {
    const found = createHash(name).update(bytes).digest('hex');
    if (found !== hashes[name]) return `expected the ${name} ${hashes[name]}, found ${found}`;
  }
  return undefined;
}
