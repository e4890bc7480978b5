/**
 * Releases of a signed repository: found in trusted TUF metadata, and their manifests verified by it.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { MAX_MANIFEST } from '../../format/limits.ts';
import { decodeManifest, type Manifest } from '../../format/manifest.ts';
import type { ProductListing } from '../product-listing.ts';
import type { Releases, TrustedRelease } from '../releases.ts';
import { refresh, type TrustedMetadata, type TufClientOptions } from './client.ts';
import { difference } from './download-metadata.ts';
import type { ListedRelease } from './listed-releases.ts';
import { archivedReleases, delegatedProducts, recentReleases, selectRelease } from './product-releases.ts';
import { keyOfTarget } from './read-target.ts';
import { stateName } from './role-files.ts';

/**
 * The releases that a device, or whoever has a trusted root, may ask for. The metadata is brought up to date at
 * the first question, once; a failure is not remembered, so that a question can be asked again.
 */
export function openTufReleases(options: TufClientOptions): Releases {
  let refreshed: Promise<TrustedMetadata> | undefined;
  const trusted = (signal: AbortSignal | undefined): Promise<TrustedMetadata> => {
    refreshed ??= refresh(signal === undefined ? options : { ...options, signal }).catch((error: unknown) => {
      refreshed = undefined;
      throw error;
    });
    return refreshed;
  };
  const open: Releases['open'] = async (product, selector, { signal } = {}) => {
    const metadata = await trusted(signal);
    const release = await selectRelease(metadata, product, selector, options.store.location);
    return await openListedRelease(metadata, options, product, release);
  };
  return {
    open,
    find: async (product, selector, given) => (await open(product, selector, given)).manifest,
  };
}

/**
 * The release that trusted metadata lists, with its manifest.
 *
 * @throws SiltError MANIFEST_ALTERED, MANIFEST_SWAPPED, OBJECT_MISSING (transient), TRUST_TOO_LARGE,
 *   FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export async function openListedRelease(
  trusted: TrustedMetadata,
  { state }: Pick<TufClientOptions, 'state'>,
  product: string,
  release: ListedRelease,
): Promise<TrustedRelease> {
  const { target } = release;
  const key = keyOfTarget(target, trusted.root.signed.consistentSnapshot);
  // The last manifest of each product is kept, or "nothing new" would cost a request more.
  const name = stateName(`manifest-${product}`);
  const same = (await state.read(name)).find((copy) => difference(copy, target) === undefined);
  const bytes = same ?? (await trusted.readTarget(target, { maxBytes: MAX_MANIFEST }));
  const manifest = decodeManifest(bytes);
  requireSame(manifest, product, release, key);
  if (same === undefined) await state.write(name, bytes);
  const exceptions = new Set([...(manifest.allowDowngradeFrom ?? []), ...release.allowDowngradeFrom]);
  return {
    manifest,
    bytes,
    key,
    allowDowngradeFrom: [...exceptions].sort((a, b) => a - b),
    time: trusted.time,
  };
}

/**
 * Every product that the repository's targets delegates, with all its releases.
 *
 * @throws SiltError as `refresh` of client.ts
 */
export async function listTufProducts(options: TufClientOptions): Promise<ProductListing[]> {
  const trusted = await refresh(options);
  const listings: ProductListing[] = [];
  for (const product of delegatedProducts(trusted)) {
    const recent = await recentReleases(trusted, product, options.store.location);
    const all = [...(await archivedReleases(trusted, product)), ...recent];
    const channels = recent.flatMap(({ channels, version }) =>
      channels.map((name) => [name, version] as const),
    );
    listings.push({
      product,
      channels: Object.fromEntries(channels.sort(([a], [b]) => (a < b ? -1 : 1))),
      releases: all
        .map(({ version, counter }) => ({ version, counter }))
        .sort((a, b) => a.counter - b.counter),
    });
  }
  return listings;
}

function requireSame(manifest: Manifest, product: string, release: ListedRelease, key: string): void {
  const { version, counter } = release;
  if (manifest.product === product && manifest.version === version && manifest.counter === counter) return;
  throw new SiltError(
    'MANIFEST_SWAPPED',
    `${key}: expected the manifest of ${product} ${version} (release ${counter}), found that of ` +
      `${manifest.product} ${manifest.version} (release ${manifest.counter})`,
    { details: { key, product, version } },
  );
}
