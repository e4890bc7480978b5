/**
 * Finding a release that may be published already, and telling a repository that is new from one that has lost its
 * catalog. Without signatures the catalog is the one object that says which releases there are; a publish that took a
 * repository without it for an empty one would begin anew at counter 1, and the next prune would delete all that went
 * before.
 *
 * @module
 */
import { isSiltError, SiltError } from '../core/errors.ts';
import { CATALOG_KEY } from '../format/catalog.ts';
import { MAX_MANIFEST } from '../format/limits.ts';
import { decodeManifest, type Manifest } from '../format/manifest.ts';
import type { Key, Store } from '../store/store.ts';
import type { ReleaseLedger } from '../trust/releases.ts';

/** So many manifests are read: any of them tells it, unless it is the first of its product. */
const MOST_READ = 32;

const MANIFEST = /^targets\/[^/]+\/[0-9a-f]{64}\.[^/]+\.json$/;

/**
 * The release of this product and version, if there is one.
 *
 * @throws SiltError OBJECT_MISSING when the repository has lost its catalog, what reading a damaged one throws, store
 *   errors
 */
export async function findRelease(
  store: Store,
  ledger: Pick<ReleaseLedger, 'find'>,
  {
    product,
    version,
    signal,
  }: { readonly product: string; readonly version: string; readonly signal?: AbortSignal | undefined },
): Promise<Manifest | undefined> {
  try {
    return await ledger.find(product, { version }, { signal });
  } catch (error) {
    if (isSiltError(error, 'RELEASE_NOT_FOUND')) return undefined;
    if (!isSiltError(error, 'NOT_A_REPOSITORY')) throw error;
    await requireNew(store, signal);
    return undefined;
  }
}

/**
 * Requires that no release was ever shown in a repository that has no catalog: a manifest of a second release was made
 * when there was one. That of a first release may be what a publish left that was killed before it wrote the catalog.
 *
 * @throws SiltError OBJECT_MISSING when the catalog was lost, store errors
 */
async function requireNew(store: Store, signal: AbortSignal | undefined): Promise<void> {
  let read = 0;
  for await (const { key } of store.list('targets/', signal && { signal })) {
    if (!MANIFEST.test(key)) continue;
    const release = await releaseAt(store, key, signal);
    if (release !== undefined && release.counter > 1) {
      const { product, version } = release;
      throw new SiltError(
        'OBJECT_MISSING',
        `${store.location} has lost ${CATALOG_KEY}, for it holds ${product} ${version}, which was not the first ` +
          'release; bring that object back from a backup or an earlier version of it, or publish into another ' +
          'repository; nothing was changed',
        { details: { key: CATALOG_KEY, found: key, location: store.location } },
      );
    }
    read += 1;
    if (read === MOST_READ) return;
  }
}

async function releaseAt(
  store: Store,
  key: Key,
  signal: AbortSignal | undefined,
): Promise<Manifest | undefined> {
  try {
    const found = await store.get(key, { maxBytes: MAX_MANIFEST, ...(signal && { signal }) });
    return found && decodeManifest(found.bytes);
  } catch (error) {
    // Of what cannot be read it is not known.
    if (isSiltError(error, 'FORMAT_INVALID') || isSiltError(error, 'FORMAT_UNSUPPORTED')) return undefined;
    throw error;
  }
}
