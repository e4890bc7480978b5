/**
 * The drafts that add a release and that point a channel.
 *
 * @module
 */
import { sha256Hex } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import { manifestKey } from '../../format/catalog.ts';
import { MAX_EXCEPTIONS } from '../../format/limits.ts';
import { encodeManifest, type Manifest, newManifest } from '../../format/manifest.ts';
import { type AddOptions, type NewRelease, removable } from '../releases.ts';
import { archivedReleases, recentReleases } from '../tuf/product-releases.ts';
import { archiveRole, productRole } from '../tuf/product-roles.ts';
import type { Draft, DraftRole } from './draft.ts';
import type { LiveMetadata } from './live-metadata.ts';
import { type Delegations, partOf, type TargetsPart } from './metadata-parts.ts';
import {
  entryOf,
  type ProductParts,
  productDrafts,
  type ReleaseEntry,
  withChannel,
} from './release-entries.ts';

/** The roles of a product as they are live. */
export interface LiveProduct extends ProductParts {
  readonly delegations: Delegations;
  /** Every release, oldest first. */
  readonly entries: readonly ReleaseEntry[];
}

/** @throws SiltError TRUST_NO_DELEGATION when `targets` does not delegate the product */
export async function readProduct(
  { trusted, location }: LiveMetadata,
  product: string,
): Promise<LiveProduct> {
  const role = productRole(product);
  const recent = await trusted?.delegated(role);
  if (trusted === undefined || recent === undefined) throw notDelegated(product);
  const archive = await trusted.delegated(archiveRole(product), role);
  const listed = [
    ...(await archivedReleases(trusted, product)),
    ...(await recentReleases(trusted, product, location)),
  ];
  return {
    product,
    recent: partOf(recent),
    ...(archive && { archive: partOf(archive) }),
    delegations: partOf(trusted.targets).delegations ?? { keys: {}, roles: [] },
    entries: listed.map(entryOf).sort((a, b) => a.counter - b.counter),
  };
}

export function notDelegated(product: string): SiltError {
  return new SiltError(
    'TRUST_NO_DELEGATION',
    `no key may sign releases of "${product}"; delegate the product with "silt keys add --role product:${product} --generate FILE"`,
    { details: { product } },
  );
}

/** A release with the counter it gets, and what makes it live. */
export interface ReleaseDraft {
  readonly manifest: Manifest;
  readonly sha256: string;
  /** `undefined` when it is live already. */
  readonly draft: Draft | undefined;
}

/**
 * @param tried drafts of this very release that may be live, since answers were lost; of two publishers of the same
 *   release it may be the other's
 * @throws SiltError RELEASE_EXISTS, TRUST_NO_DELEGATION, FORMAT_INVALID
 */
export async function draftRelease(
  live: LiveMetadata,
  release: NewRelease,
  { channel, signManifest }: Pick<AddOptions, 'channel' | 'signManifest'>,
  tried: readonly ReleaseDraft[] = [],
): Promise<ReleaseDraft> {
  const { product, version } = release;
  const before = await readProduct(live, product);
  const { entries } = before;
  const there = entries.find((entry) => entry.version === version);
  const own = tried.find((draft) => draft.sha256 === there?.sha256);
  if (own !== undefined) return { ...own, draft: undefined };
  if (there !== undefined) {
    throw new SiltError(
      'RELEASE_EXISTS',
      `${product} ${version} is in the repository already; choose another version`,
      { details: { product, version } },
    );
  }
  const counter = (entries.at(-1)?.counter ?? 0) + 1;
  const manifest = newManifest(release, counter);
  const bytes = encodeManifest(manifest);
  const sha256 = sha256Hex(bytes);
  const { length } = bytes;
  const entry: ReleaseEntry = { version, counter, length, sha256, channels: [], allowDowngradeFrom: [] };
  const all = [...entries, entry];
  return {
    manifest,
    sha256,
    draft: {
      products: draftsOf(before, channel === undefined ? all : withChannel(all, channel, version)),
      manifest: {
        key: manifestKey(product, { sha256, version }),
        bytes,
        ...(signManifest && { cms: await signManifest(bytes) }),
      },
    },
  };
}

/** Signs a product anew as it is: to find out who would have to. @throws SiltError TRUST_NO_DELEGATION */
export async function draftAgain(live: LiveMetadata, product: string): Promise<Draft> {
  const before = await readProduct(live, product);
  return { products: draftsOf(before, before.entries) };
}

/** `undefined` when all is so already. @throws SiltError RELEASE_NOT_FOUND, TRUST_NO_DELEGATION */
export async function draftPoint(
  live: LiveMetadata,
  product: string,
  to: {
    readonly channel: string;
    readonly version: string;
    readonly allowDowngradeFrom?: readonly string[] | undefined;
  },
): Promise<Draft | undefined> {
  const before = await readProduct(live, product);
  const { entries } = before;
  const { channel, version, allowDowngradeFrom } = to;
  const entry = requireEntry(entries, product, version);
  const exceptions = allowDowngradeFrom?.map((from) => requireEntry(entries, product, from).counter);
  const counters =
    exceptions === undefined ? entry.allowDowngradeFrom : [...new Set(exceptions)].sort((a, b) => a - b);
  if (counters.length > MAX_EXCEPTIONS) {
    throw new SiltError(
      'USAGE',
      `expected at most ${MAX_EXCEPTIONS} versions to go down from, found ${counters.length}`,
    );
  }
  const isSame = entry.channels.includes(channel) && counters.join() === entry.allowDowngradeFrom.join();
  if (isSame) return undefined;
  const changed = entries.map((other) =>
    other === entry ? { ...entry, allowDowngradeFrom: counters } : other,
  );
  return { products: draftsOf(before, withChannel(changed, channel, version)) };
}

/** A draft that lists fewer releases, and which are left out. */
export interface RemovalDraft {
  readonly removed: readonly string[];
  /** `undefined` when none is. */
  readonly draft: Draft | undefined;
}

/** @throws SiltError TRUST_NO_DELEGATION */
export async function draftRemoval(
  live: LiveMetadata,
  product: string,
  versions: readonly string[],
): Promise<RemovalDraft> {
  const before = await readProduct(live, product);
  const gone = removable(before.entries, versions, ({ channels }) => channels.length > 0);
  if (gone.length === 0) return { removed: [], draft: undefined };
  const left = before.entries.filter((entry) => !gone.includes(entry));
  return { removed: gone.map(({ version }) => version), draft: { products: draftsOf(before, left) } };
}

function draftsOf(before: LiveProduct, entries: readonly ReleaseEntry[]): DraftRole<TargetsPart>[] {
  return productDrafts(before, entries, before.delegations);
}

function requireEntry(entries: readonly ReleaseEntry[], product: string, version: string): ReleaseEntry {
  const found = entries.find((entry) => entry.version === version);
  if (found !== undefined) return found;
  const known = entries.map((entry) => entry.version).slice(-10);
  const list = known.length === 0 ? 'none' : known.join(', ');
  throw new SiltError(
    'RELEASE_NOT_FOUND',
    `there is no version "${version}" of "${product}"; there is: ${list}`,
    {
      details: { product, version },
    },
  );
}
