/**
 * Releases of a repository without signatures: the catalog names each manifest by its SHA-256, and the
 * manifest names everything else by theirs, so damage is found. Who wrote the catalog is not checked.
 *
 * @module
 */
import { sha256Hex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { inOrder } from '../core/in-order.ts';
import {
  CATALOG_KEY,
  type Catalog,
  type CatalogProduct,
  type CatalogRelease,
  emptyCatalog,
  encodeCatalog,
  manifestKey,
} from '../format/catalog.ts';
import { encodeManifest, type Manifest, newManifest } from '../format/manifest.ts';
import { productOf, readManifest, requireCatalog, requireProduct, select } from './catalog-entries.ts';
import { readCatalog } from './read-catalog.ts';
import { mayHavePassed, RecentRead } from './recent-read.ts';
import {
  type AddOptions,
  cmsKey,
  type HeldRelease,
  isUnheardConflict,
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

/** Manifests read at once. */
const READ_AHEAD = 8;

/** Times a publisher tries again after another one changed the catalog under it. */
const MAX_RACES = 20;

/** What a device sees of an unsigned repository. */
export function openReleases(store: MetadataReader): Releases {
  return releasesOf(accessTo(store));
}

/** What a publisher sees of one. */
export function openLedger(store: MetadataWriter): ReleaseLedger {
  const access = accessTo(store);
  return {
    ...releasesOf(access),
    all: (options) => all(access, options),
    newest: (product, count, options) => newest(access, product, count, options),
    // Nobody signs anything.
    requireReady: async () => {},
    add: (release, options) => add(access, release, options),
    point: (product, channel, version, options) => point(access, product, channel, version, options),
    survey: (options) => survey(access, options),
    remove: (product, versions, options) => remove(access, product, versions, options),
  };
}

interface CatalogAccess<S extends MetadataReader> {
  readonly store: S;
  /** Its catalog, if there is one. */
  readonly catalog: RecentRead<Awaited<ReturnType<typeof readCatalog>>>;
}

function accessTo<S extends MetadataReader>(store: S): CatalogAccess<S> {
  return { store, catalog: new RecentRead(({ signal }) => readCatalog(store, signal)) };
}

function releasesOf(access: CatalogAccess<MetadataReader>): Releases {
  return {
    open: (product, selector, options) => open(access, product, selector, options),
    find: async (product, selector, options) => (await open(access, product, selector, options)).manifest,
  };
}

async function open(
  { store, catalog }: CatalogAccess<MetadataReader>,
  product: string,
  selector: ReleaseSelector,
  options: TrustOptions = {},
): Promise<TrustedRelease> {
  const found = await catalog.get(options);
  const entry = requireProduct(store, found?.catalog, product);
  return readManifest(store, product, select(entry, product, selector, store.location), options.signal);
}

async function survey(
  access: CatalogAccess<MetadataReader>,
  options: TrustOptions = {},
): Promise<RepositorySurvey> {
  const { store } = access;
  const catalog = requireCatalog(store, (await access.catalog.get(options))?.catalog);
  async function* releases(): AsyncGenerator<HeldRelease> {
    const read = inOrder(listedIn(catalog), READ_AHEAD, async ({ product, entry, channels }) => {
      const { manifest, key } = await readManifest(store, product, entry, options.signal);
      return { manifest, key, channels: namesOf(channels, entry) };
    });
    yield* read;
  }
  return { state: sha256Hex(encodeCatalog(catalog)), releases: releases(), metadata: new Map() };
}

interface ListedEntry extends Pick<CatalogProduct, 'channels'> {
  readonly product: string;
  readonly entry: CatalogRelease;
}

/** Every release of every product. */
function listedIn(catalog: Catalog): ListedEntry[] {
  return Object.entries(catalog.products).flatMap(([product, { channels, releases }]) =>
    releases.map((entry) => ({ product, channels, entry })),
  );
}

/** The channels that point at a release. */
function namesOf(channels: CatalogProduct['channels'], { version }: CatalogRelease): string[] {
  return Object.keys(channels).filter((name) => channels[name] === version);
}

async function remove(
  access: CatalogAccess<MetadataWriter>,
  product: string,
  versions: readonly string[],
  options: TrustOptions = {},
): Promise<readonly string[]> {
  const { store } = access;
  return await changeCatalog(access, options, async (found) => {
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

async function* all(
  { store, catalog }: CatalogAccess<MetadataReader>,
  options: TrustOptions = {},
): AsyncGenerator<Manifest> {
  const listed = listedIn((await catalog.get(options))?.catalog ?? emptyCatalog);
  const read = inOrder(listed, READ_AHEAD, ({ product, entry }) =>
    readManifest(store, product, entry, options.signal),
  );
  for await (const { manifest } of read) yield manifest;
}

async function newest(
  { store, catalog }: CatalogAccess<MetadataReader>,
  product: string,
  count: number,
  options: TrustOptions = {},
): Promise<readonly Manifest[]> {
  const found = await catalog.get(options);
  const { releases = [] } = (found && productOf(found.catalog, product)) ?? {};
  const wanted = releases.toSorted((a, b) => b.counter - a.counter).slice(0, count);
  const read = wanted.map((entry) => readManifest(store, product, entry, options.signal));
  return (await Promise.all(read)).map(({ manifest }) => manifest);
}

async function add(
  access: CatalogAccess<MetadataWriter>,
  release: NewRelease,
  options: AddOptions = {},
): Promise<Manifest> {
  const { store } = access;
  const { channel, signManifest } = options;
  const { product, version } = release;
  const tried = new Map<string, Manifest>();
  return await changeCatalog(access, options, async (found, isUnheard) => {
    const catalog = found ?? emptyCatalog;
    const entry = productOf(catalog, product) ?? { channels: {}, releases: [] };
    const there = entry.releases.find((other) => other.version === version);
    // Our own, by a request whose answer was lost; of two publishers of the very same release it may be the other's.
    const own = there && isUnheard ? tried.get(there.sha256) : undefined;
    if (own !== undefined) return { next: undefined, result: own };
    if (there !== undefined) {
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
    tried.set(record.sha256, manifest);
    // A signature that nobody asks for does no harm; a release without the one it needs would.
    if (signManifest !== undefined) await store.putIfAbsent(cmsKey(key), await signManifest(bytes));
    await store.putIfAbsent(key, bytes);
    const channels = channel === undefined ? entry.channels : { ...entry.channels, [channel]: version };
    const next = withProduct(catalog, product, { channels, releases: [...entry.releases, record] });
    return { next, result: manifest };
  });
}

async function point(
  access: CatalogAccess<MetadataWriter>,
  product: string,
  channel: string,
  version: string,
  { allowDowngradeFrom = [], ...options }: PointOptions = {},
): Promise<void> {
  const { store } = access;
  if (allowDowngradeFrom.length > 0) {
    throw new SiltError(
      'USAGE',
      'an unsigned repository cannot allow a downgrade: no device would believe it; publish the release again as a newer one',
    );
  }
  await changeCatalog(access, options, async (catalog) => {
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
 *
 * @param change hears whether an earlier try may have been carried out, its answer lost
 */
async function changeCatalog<T>(
  { store, catalog }: CatalogAccess<MetadataWriter>,
  options: TrustOptions,
  change: (
    catalog: Catalog | undefined,
    isUnheard: boolean,
  ) => Promise<{ next: Catalog | undefined; result: T }>,
): Promise<T> {
  let isUnheard = false;
  const known = options.recent === true ? catalog.known() : undefined;
  for (let race = known === undefined ? 0 : -1; ; race++) {
    options.signal?.throwIfAborted();
    const isKnown = known !== undefined && race < 0;
    const found = isKnown ? known.value : await catalog.get({ signal: options.signal });
    try {
      const { next, result } = await change(found?.catalog, isUnheard);
      if (next === undefined && isKnown) continue;
      if (next === undefined) return result;
      catalog.forget();
      await store.putIfMatch(CATALOG_KEY, encodeCatalog(next), found?.etag);
      return result;
    } catch (error) {
      if (isUnheardConflict(error)) isUnheard = true;
      if (isKnown && mayHavePassed(error)) continue;
      if (!isSiltError(error, 'CONFLICT') || race >= MAX_RACES) throw error;
    }
  }
}
