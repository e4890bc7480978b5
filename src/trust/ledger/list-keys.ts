/**
 * Who may sign what in a repository, as a list for people.
 *
 * @module
 */

import { productOfRole, productRole } from '../tuf/product-roles.ts';
import { delegationsOf } from './draft-keys.ts';
import type { LiveMetadata } from './live-metadata.ts';
import { type Keys, partOf, type RoleKeys, topRoles } from './metadata-parts.ts';

export interface ListedRole {
  readonly role: string;
  readonly threshold: number;
  readonly keys: readonly { readonly keyId: string; readonly scheme: string }[];
  readonly version: number;
  readonly expires: string;
}

/** Every role, root first, products last. */
export async function listKeys(live: LiveMetadata): Promise<ListedRole[]> {
  const { trusted } = live;
  if (trusted === undefined) return [];
  const root = partOf(live.root);
  const delegations = delegationsOf(live);
  const files = {
    root: live.root,
    targets: trusted.targets,
    snapshot: trusted.snapshot,
    timestamp: trusted.timestamp,
  };
  const top = topRoles.flatMap((role) => {
    const keys = root.roles[role];
    return keys === undefined ? [] : [{ role, ...listed(keys, root.keys), ...lifeIn(files[role]) }];
  });
  const products: ListedRole[] = [];
  for (const { name, ...keys } of delegations.roles) {
    const metadata = await trusted.delegated(name);
    if (metadata === undefined) continue;
    products.push({ role: name, ...listed(keys, delegations.keys), ...lifeIn(metadata) });
  }
  return [...top, ...products];
}

/** The keys of one role; `undefined` when there is no such role. */
export function keysOfRole(live: LiveMetadata, role: string): RoleKeys | undefined {
  const product = productOfRole(role);
  if (product === undefined) return partOf(live.root).roles[role];
  return delegationsOf(live).roles.find(({ name }) => name === productRole(product));
}

/** Every key id that some role lists. */
export function keyIdsOf(live: LiveMetadata): string[] {
  const roles = [...Object.values(partOf(live.root).roles), ...delegationsOf(live).roles];
  return [...new Set(roles.flatMap(({ keyids }) => keyids))];
}

function listed({ keyids, threshold }: RoleKeys, keys: Keys) {
  return { threshold, keys: keyids.map((keyId) => ({ keyId, scheme: keys[keyId]?.scheme ?? 'unknown' })) };
}

function lifeIn({ signed }: { readonly signed: { readonly version: number; readonly expires: string } }) {
  return { version: signed.version, expires: signed.expires };
}
