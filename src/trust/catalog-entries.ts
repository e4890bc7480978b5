/**
 * Finding releases in the catalog of an unsigned repository, and reading the manifests that it names.
 *
 * @module
 */
import { sha256Hex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import {
  CATALOG_KEY,
  type Catalog,
  type CatalogProduct,
  type CatalogRelease,
  manifestKey,
} from '../format/catalog.ts';
import { MAX_MANIFEST } from '../format/limits.ts';
import { decodeManifest } from '../format/manifest.ts';
import type { MetadataReader, ReleaseSelector, TrustedRelease } from './releases.ts';

/** @throws SiltError NOT_A_REPOSITORY, RELEASE_NOT_FOUND */
export function requireProduct(
  store: MetadataReader,
  catalog: Catalog | undefined,
  product: string,
): CatalogProduct {
  const { products } = requireCatalog(store, catalog);
  const entry = catalog && productOf(catalog, product);
  if (entry === undefined) throw notFound(`product "${product}"`, Object.keys(products), store.location);
  return entry;
}

/** @throws SiltError NOT_A_REPOSITORY */
export function requireCatalog(store: MetadataReader, catalog: Catalog | undefined): Catalog {
  if (catalog !== undefined) return catalog;
  throw new SiltError(
    'NOT_A_REPOSITORY',
    `${store.location} is not a silt repository: it has no ${CATALOG_KEY}; check --repo`,
    { details: { location: store.location } },
  );
}

/** A product may be called "constructor". */
export function productOf(catalog: Catalog, product: string): CatalogProduct | undefined {
  return Object.hasOwn(catalog.products, product) ? catalog.products[product] : undefined;
}

/**
 * The release that `selector` means.
 *
 * @param location of the repository, for messages
 * @throws SiltError RELEASE_NOT_FOUND
 */
export function select(
  entry: CatalogProduct,
  product: string,
  selector: ReleaseSelector,
  location: string,
): CatalogRelease {
  if ('latest' in selector) {
    const latest = entry.releases.reduce<CatalogRelease | undefined>(
      (best, release) => (best === undefined || release.counter > best.counter ? release : best),
      undefined,
    );
    if (latest === undefined) throw notFound(`release of "${product}"`, [], location);
    return latest;
  }
  let version: string | undefined;
  if ('channel' in selector) {
    version = Object.hasOwn(entry.channels, selector.channel) ? entry.channels[selector.channel] : undefined;
    if (version === undefined) {
      throw notFound(`channel "${selector.channel}" of "${product}"`, Object.keys(entry.channels), location);
    }
  } else {
    version = selector.version;
  }
  const release = entry.releases.find((candidate) => candidate.version === version);
  if (release === undefined) {
    const versions = entry.releases.map((candidate) => candidate.version);
    throw notFound(`version "${version}" of "${product}"`, versions, location);
  }
  return release;
}

function notFound(what: string, known: readonly string[], location: string): SiltError {
  const list = known.length === 0 ? 'none' : known.slice(-10).join(', ');
  return new SiltError('RELEASE_NOT_FOUND', `${location} has no ${what}; there is: ${list}`, {
    details: { location },
  });
}

/**
 * A release with its manifest, verified.
 *
 * @throws SiltError OBJECT_MISSING, DIGEST_MISMATCH, FORMAT_INVALID, FORMAT_UNSUPPORTED, TRUST_FAILED; store errors
 */
export async function readManifest(
  store: MetadataReader,
  product: string,
  release: CatalogRelease,
  signal: AbortSignal | undefined,
): Promise<TrustedRelease> {
  const key = manifestKey(product, release);
  const object = await store.get(key, { maxBytes: MAX_MANIFEST, ...(signal && { signal }) });
  if (object === undefined) {
    throw new SiltError('OBJECT_MISSING', `${store.location}: the manifest ${key} is missing`, {
      details: { key },
    });
  }
  const found = sha256Hex(object.bytes);
  if (found !== release.sha256) {
    throw new SiltError(
      'DIGEST_MISMATCH',
      `${store.location}: the manifest ${key} was altered or truncated`,
      {
        details: { key, expected: release.sha256, found },
      },
    );
  }
  const manifest = decodeManifest(object.bytes);
  if (manifest.product !== product || manifest.version !== release.version) {
    throw new SiltError('TRUST_FAILED', `${key} describes ${manifest.product} ${manifest.version} instead`, {
      details: { key },
    });
  }
  return { manifest, bytes: object.bytes, key, allowDowngradeFrom: manifest.allowDowngradeFrom ?? [] };
}
