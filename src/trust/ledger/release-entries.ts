/**
 * The releases of a product as its roles list them: which are in the product role, which in the archive, and
 * what a release or a channel changes there. Pure.
 *
 * @module
 */

import type { ListedRelease } from '../tuf/listed-releases.ts';
import { archiveRole, manifestPath, productPaths, productRole } from '../tuf/product-roles.ts';
import { malformed } from '../tuf/strict-json.ts';
import type { DraftRole } from './draft.ts';
import { type DelegatedRole, type Delegations, newPart, type TargetsPart } from './metadata-parts.ts';

/** Releases in the product role: those a device is likely to ask for. */
export const RECENT_RELEASES = 16;

/** A release as a target. */
export type ReleaseEntry = Omit<ListedRelease, 'target'> & {
  readonly length: number;
  readonly sha256: string;
};

/** The roles of a product, as they are. */
export interface ProductParts {
  readonly product: string;
  readonly recent: TargetsPart;
  /** There is none while everything fits in the product role. */
  readonly archive?: TargetsPart | undefined;
}

/** @throws SiltError TRUST_MALFORMED for a manifest without a SHA-256, which no silt made */
export function entryOf({ target, ...release }: ListedRelease): ReleaseEntry {
  const { sha256 } = target.hashes;
  if (sha256 === undefined) throw malformed(target.path, 'expected its sha256, found other hashes');
  return { ...release, length: target.length, sha256 };
}

/** `entries` with `channel` pointing at `version` and at nothing else. */
export function withChannel(
  entries: readonly ReleaseEntry[],
  channel: string,
  version: string,
): ReleaseEntry[] {
  return entries.map((entry) => {
    const others = entry.channels.filter((name) => name !== channel);
    if (entry.version === version) return { ...entry, channels: [...others, channel].sort() };
    return others.length === entry.channels.length ? entry : { ...entry, channels: others };
  });
}

/**
 * The roles of a product that lists `entries`; only those that differ from what is there.
 *
 * @param keys who signs the product role: the archive is delegated to the same
 */
export function productDrafts(
  before: ProductParts,
  entries: readonly ReleaseEntry[],
  keys: Delegations,
): DraftRole<TargetsPart>[] {
  const { product } = before;
  const newest = [...entries].sort((a, b) => b.counter - a.counter).slice(0, RECENT_RELEASES);
  const isRecent = (entry: ReleaseEntry): boolean => entry.channels.length > 0 || newest.includes(entry);
  const old = entries.filter((entry) => !isRecent(entry));
  const archived = before.archive?.targets;
  const drafts: DraftRole<TargetsPart>[] = [];
  // Once listed, a role has to stay (TUF 1.0, §5.5.5), if need be without targets.
  const hasArchive = archived !== undefined || old.length > 0;
  const recent = {
    ...before.recent,
    targets: targetsOf(product, entries.filter(isRecent)),
    ...(hasArchive && { delegations: archiveDelegation(product, keys) }),
  };
  drafts.push({ role: productRole(product), part: recent });
  const targets = targetsOf(product, old);
  if (hasArchive && !(archived !== undefined && sameTargets(archived, targets))) {
    drafts.push({
      role: archiveRole(product),
      part: { ...(before.archive ?? newPart('targets', {})), targets },
    });
  }
  return drafts;
}

/** The delegation of `product-<P>` to `archive-<P>`: same keys, threshold and paths. */
export function archiveDelegation(product: string, { keys, roles }: Delegations): Delegations {
  const own = roles.find(({ name }) => name === productRole(product)) as DelegatedRole;
  const { keyids, threshold } = own;
  return {
    keys: Object.fromEntries(Object.entries(keys).filter(([keyId]) => keyids.includes(keyId))),
    roles: [
      { name: archiveRole(product), keyids, threshold, terminating: true, paths: productPaths(product) },
    ],
  };
}

function targetsOf(product: string, entries: readonly ReleaseEntry[]): TargetsPart['targets'] {
  return Object.fromEntries(
    entries.map(({ version, counter, length, sha256, channels, allowDowngradeFrom }) => {
      const silt = {
        counter,
        ...(channels.length > 0 && { channels }),
        ...(allowDowngradeFrom.length > 0 && { allowDowngradeFrom }),
      };
      return [manifestPath(product, version), { length, hashes: { sha256 }, custom: { silt } }];
    }),
  );
}

function sameTargets(a: TargetsPart['targets'], b: TargetsPart['targets']): boolean {
  const [first, second] = [Object.keys(a), Object.keys(b)];
  return (
    first.length === second.length &&
    first.every(
      (path) =>
        Object.hasOwn(b, path) &&
        JSON.stringify(Object(a[path]?.custom?.silt)) === JSON.stringify(Object(b[path]?.custom?.silt)) &&
        a[path]?.hashes.sha256 === b[path]?.hashes.sha256,
    )
  );
}
