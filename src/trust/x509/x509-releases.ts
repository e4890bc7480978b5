/**
 * Releases for a fleet that trusts its PKI alone. The repository's own metadata, a catalog or TUF, is used as a
 * table of contents that anybody may have written: it says where manifests lie, and each of them is trusted for
 * its CMS signature or not at all. A manifest names its product and version itself, so none passes for another;
 * but to which of the signed releases a channel points, or which is the latest, is as good as the server. The
 * Floor of the device sees to it that this never leads down.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { ProductListing } from '../product-listing.ts';
import { metadataKind } from '../read-catalog.ts';
import type { MetadataReader, Releases, TrustOptions } from '../releases.ts';
import { memoryState } from '../tuf/metadata-state.ts';
import type { CertificatePolicy } from './verify-cms.ts';
import { type CmsOptions, withCms } from './with-cms.ts';

/** The releases of the repository, trusted for their CMS signatures. Asks for nothing yet. */
export function openX509Releases(
  store: MetadataReader,
  policy: CertificatePolicy,
  options: CmsOptions = {},
): Releases {
  return withCms(tableOfContents(store, options), store, policy, options);
}

/** What is there, as anybody may have written it: for people who look around. */
export async function listX509Products(
  store: MetadataReader,
  options: TrustOptions = {},
): Promise<readonly ProductListing[]> {
  if ((await metadataKind(store, options.signal)) !== 'tuf') {
    const { listProducts } = await import('../unsigned-products.ts');
    return await listProducts(store, options);
  }
  const { listTufProducts } = await import('../tuf/tuf-releases.ts');
  return await listTufProducts(await tufOptions(store, options));
}

/** Without what only signed metadata could know: the time, and exceptions that are not in the manifest. */
function tableOfContents(store: MetadataReader, { now }: CmsOptions): Releases {
  const open: Releases['open'] = async (product, selector, call = {}) => {
    const { manifest, bytes, key } = await (await opened(store, call, now)).open(product, selector, call);
    return { manifest, bytes, key, allowDowngradeFrom: manifest.allowDowngradeFrom ?? [] };
  };
  return { open, find: async (...question) => (await open(...question)).manifest };
}

async function opened(store: MetadataReader, call: TrustOptions, now: CmsOptions['now']): Promise<Releases> {
  if ((await metadataKind(store, call.signal)) !== 'tuf') {
    const { openReleases } = await import('../unsigned-releases.ts');
    return openReleases(store);
  }
  const { openTufReleases } = await import('../tuf/tuf-releases.ts');
  return openTufReleases(await tufOptions(store, { ...call, now }));
}

const FIRST_ROOT = 'metadata/1.root.json';
const MAX_ROOT = 512 * 1024;

/** Whatever root the repository has. Nothing is kept: metadata that is not trusted must not outlive the run. */
async function tufOptions(
  store: MetadataReader,
  { signal, now }: TrustOptions & { readonly now?: CmsOptions['now'] },
) {
  const root = await store.get(FIRST_ROOT, { maxBytes: MAX_ROOT, ...(signal && { signal }) });
  if (root === undefined) {
    throw new SiltError('NOT_A_REPOSITORY', `${store.location} has no ${FIRST_ROOT}; check --repo`, {
      details: { location: store.location },
    });
  }
  return {
    store,
    state: memoryState(),
    factoryRoot: root.bytes,
    allowExpired: true,
    ...(now && { now }),
    ...(signal && { signal }),
  };
}
