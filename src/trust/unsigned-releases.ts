/**
 * Releases of a repository without signatures: the catalog names each manifest by its SHA-256, and the
 * manifest names everything else by theirs, so damage is found. Who wrote the catalog is not checked.
 *
 * @module
 */
import { sha256Hex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import {
  CATALOG_KEY,
  type Catalog,
  type CatalogProduct,
  type CatalogRelease,
  emptyCatalog,
  encodeCatalog,
  manifestKey,
} from '../format/catalog.ts';
import { MAX_MANIFEST } from '../format/limits.ts';
import { decodeManifest, encodeManifest, type Manifest, newManifest } from '../format/manifest.ts';
import { readCatalog } from './read-catalog.ts';
import {
  type AddOptions,
  cmsKey,
  type HeldRelease,
  type MetadataReader,
  type MetadataWriter,
  type NewRelease,
  type PointOptions,
  type ReleaseLedger,
  type ReleaseSelector,
  type Releases,
  type RepositorySurvey,
  removable,
  type TrustedRelease,
  type TrustOptions,
} from './releases.ts';

/** Times a publisher tries again after another one changed the catalog under it. */
const MAX_RACES = 20;

/** What a device sees of an unsigned repository. */
export function openReleases(store: MetadataReader): Releases {
  return {
    open: (product, selector, options) => open(store, product, selector, options),
    find: async (product, selector, options) => (await open(store, product, selector, options)).manifest,
  };
}

/** What a publisher sees of one. */
export function openLedger(store: MetadataWriter): ReleaseLedger {
  return {
    ...openReleases(store),
    all: (options) => all(store, options),
    // Nobody signs anything.
    requireReady: async () => {},
    add: (release, options) => add(store, release, options),
    point: (product, channel, version, options) => point(store, product, channel, version, options),
    survey: (options) => survey(store, options),
    remove: (product, versions, options) => remove(store, product, versions, options),
  };
}

async function open(
  store: MetadataReader,
  product: string,
  selector: ReleaseSelector,
  options: TrustOptions = {},
): Promise<TrustedRelease> {
  const found = await readCatalog(store, options.signal);
  const entry = requireProduct(store, found?.catalog, product);
  return readManifest(store, product, select(entry, product, selector, store.location), options.signal);
}

function requireProduct(
  store: MetadataReader,
  catalog: Catalog | undefined,
  product: string,
): CatalogProduct {
  const { products } = requireCatalog(store, catalog);
  const entry = catalog && productOf(catalog, product);
  if (entry === undefined) throw notFound(`product "${product}"`, Object.keys(products), store.location);
  return entry;
}

function requireCatalog(store: MetadataReader, catalog: Catalog | undefined): Catalog {
  if (catalog !== undefined) return catalog;
  throw new SiltError(
    'NOT_A_REPOSITORY',
    `${store.location} is not a silt repository: it has no ${CATALOG_KEY}; check --repo`,
    { details: { location: store.location } },
  );
}

/** A product may be called "constructor". */
function productOf(catalog: Catalog, product: string): CatalogProduct | undefined {
  return Object.hasOwn(catalog.products, product) ? catalog.products[product] : undefined;
}

function select(
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

async function readManifest(
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

async function survey(store: MetadataReader, { signal }: TrustOptions = {}): Promise<RepositorySurvey> {
  const catalog = requireCatalog(store, (await readCatalog(store, signal))?.catalog);
  async function* releases(): AsyncGenerator<HeldRelease> {
    for (const [product, { channels, releases: entries }] of Object.entries(catalog.products)) {
      for (const entry of entries) {
        const { manifest, key } = await readManifest(store, product, entry, signal);
        yield { manifest, key, channels: namesOf(channels, entry) };
      }
    }
  }
  return { state: sha256Hex(encodeCatalog(catalog)), releases: releases(), metadata: new Map() };
}

/** The channels that point at a release. */
function namesOf(channels: CatalogProduct['channels'], { version }: CatalogRelease): string[] {
  return Object.keys(channels).filter((name) => channels[name] === version);
}

async function remove(
  store: MetadataWriter,
  product: string,
  versions: readonly string[],
  { signal }: TrustOptions = {},
): Promise<readonly string[]> {
  return await changeCatalog(store, signal, async (found) => {
    const catalog = requireCatalog(store, found);
    const entry = requireProduct(store, catalog, product);
    const { channels } = entry;
    const gone = removable(entry.releases, versions, (release) => namesOf(channels, release).length > 0);
    const releases = entry.releases.filter((release) => !gone.includes(release));
    const result = gone.map(({ version }) => version);
    return {
      next: gone.length === 0 ? undefined : withProduct(catalog, product, { channels, releases }),
      result,
    };
  });
}

async function* all(store: MetadataReader, options: TrustOptions = {}): AsyncGenerator<Manifest> {
  const found = await readCatalog(store, options.signal);
  for (const [product, entry] of Object.entries(found?.catalog.products ?? {})) {
    for (const release of entry.releases) {
      yield (await readManifest(store, product, release, options.signal)).manifest;
    }
  }
}

async function add(
  store: MetadataWriter,
  release: NewRelease,
  { channel, signManifest, signal }: AddOptions = {},
): Promise<Manifest> {
  const { product, version } = release;
  return await changeCatalog(store, signal, async (found) => {
    const catalog = found ?? emptyCatalog;
    const entry = productOf(catalog, product) ?? { channels: {}, releases: [] };
    if (entry.releases.some((other) => other.version === version)) {
      throw new SiltError(
        'RELEASE_EXISTS',
        `${product} ${version} is in ${store.location} already; choose another version`,
        { details: { product, version } },
      );
    }
    const counter = entry.releases.reduce((highest, other) => Math.max(highest, other.counter), 0) + 1;
    const manifest = newManifest(release, counter);
    const bytes = encodeManifest(manifest);
    const record: CatalogRelease = { version, counter, sha256: sha256Hex(bytes), size: bytes.length };
    const key = manifestKey(product, record);
    // A signature that nobody asks for does no harm; a release without the one it needs would.
    if (signManifest !== undefined) await store.putIfAbsent(cmsKey(key), await signManifest(bytes));
    await store.putIfAbsent(key, bytes);
    const channels = channel === undefined ? entry.channels : { ...entry.channels, [channel]: version };
    const next = withProduct(catalog, product, { channels, releases: [...entry.releases, record] });
    return { next, result: manifest };
  });
}

async function point(
  store: MetadataWriter,
  product: string,
  channel: string,
  version: string,
  { allowDowngradeFrom = [], signal }: PointOptions = {},
): Promise<void> {
  if (allowDowngradeFrom.length > 0) {
    throw new SiltError(
      'USAGE',
      'an unsigned repository cannot allow a downgrade: no device would believe it; publish the release again as a newer one',
    );
  }
  await changeCatalog(store, signal, async (catalog) => {
    const entry = requireProduct(store, catalog, product);
    select(entry, product, { version }, store.location);
    if (Object.hasOwn(entry.channels, channel) && entry.channels[channel] === version) {
      return { next: undefined, result: undefined };
    }
    const channels = { ...entry.channels, [channel]: version };
    return { next: withProduct(catalog ?? emptyCatalog, product, { ...entry, channels }), result: undefined };
  });
}

function withProduct(catalog: Catalog, product: string, entry: CatalogProduct): Catalog {
  return { ...catalog, products: { ...catalog.products, [product]: entry } };
}

/**
 * Replaces the catalog by what `change` makes of it, again and again while other publishers are faster:
 * what they did stays, ours comes next. Without a `next` it is left as it is.
 */
async function changeCatalog<T>(
  store: MetadataWriter,
  signal: AbortSignal | undefined,
  change: (catalog: Catalog | undefined) => Promise<{ next: Catalog | undefined; result: T }>,
): Promise<T> {
  for (let race = 0; ; race++) {
    signal?.throwIfAborted();
    const found = await readCatalog(store, signal);
    const { next, result } = await change(found?.catalog);
    if (next === undefined) return result;
    try {
      await store.putIfMatch(CATALOG_KEY, encodeCatalog(next), found?.etag);
      return result;
    } catch (error) {
      if (!isSiltError(error, 'CONFLICT') || race >= MAX_RACES) throw error;
    }
  }
}
