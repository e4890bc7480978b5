/**
 * The catalog of an unsigned repository as a store has it. Signed metadata lies under the same key: who takes
 * the one for the other is told so.
 *
 * @module
 */
import { isSiltError, SiltError } from '../core/errors.ts';
import { CATALOG_KEY, type Catalog, decodeCatalog } from '../format/catalog.ts';
import { MAX_CATALOG } from '../format/limits.ts';
import type { MetadataReader } from './releases.ts';

/** What kind of metadata a repository has, if any. */
export type MetadataKind = 'catalog' | 'tuf' | 'none';

/**
 * Looks at the metadata of a repository, without trusting anything.
 *
 * @throws SiltError as the store does; FORMAT_INVALID for what is neither
 */
export async function metadataKind(store: MetadataReader, signal?: AbortSignal): Promise<MetadataKind> {
  const object = await store.get(CATALOG_KEY, { maxBytes: MAX_CATALOG, ...(signal && { signal }) });
  if (object === undefined) return 'none';
  if (isSigned(object.bytes)) return 'tuf';
  decodeCatalog(object.bytes);
  return 'catalog';
}

/**
 * The catalog and its validator; `undefined` where there is no metadata at all.
 *
 * @throws SiltError USAGE for a repository with signed metadata, FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export async function readCatalog(
  store: MetadataReader,
  signal: AbortSignal | undefined,
): Promise<{ catalog: Catalog; etag: string | undefined } | undefined> {
  const object = await store.get(CATALOG_KEY, { maxBytes: MAX_CATALOG, ...(signal && { signal }) });
  if (object === undefined) return undefined;
  try {
    return { catalog: decodeCatalog(object.bytes), etag: object.etag };
  } catch (error) {
    if (!isSiltError(error, 'FORMAT_INVALID') || !isSigned(object.bytes)) throw error;
    throw new SiltError(
      'USAGE',
      `${store.location} is a signed repository: expected --root FILE, and to publish --keys DIR; it is never used without`,
      { details: { location: store.location } },
    );
  }
}

/** True for a TUF envelope, whatever its signatures are worth. */
function isSigned(bytes: Uint8Array): boolean {
  try {
    const document = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
      signed?: { _type?: unknown };
    } | null;
    return typeof document?.signed?._type === 'string';
  } catch {
    return false;
  }
}
