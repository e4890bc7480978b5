/**
 * The drafts that change who may sign what. Each says how it is to be in the end, so that made twice it changes
 * nothing more.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { NAME_PATTERN } from '../../format/manifest.ts';
import { tufKey } from '../keys/public-key.ts';
import type { PublicKey } from '../keys/signer.ts';
import { archiveRole, productOfRole, productPaths, productRole } from '../tuf/product-roles.ts';
import type { Draft, DraftRole } from './draft.ts';
import { readProduct } from './draft-release.ts';
import type { LiveMetadata } from './live-metadata.ts';
import {
  type Delegations,
  type Keys,
  newPart,
  partOf,
  type RoleKeys,
  type RootPart,
  revokedOf,
  siltOf,
  type TargetsPart,
  type TopRole,
  topRoles,
} from './metadata-parts.ts';
import { archiveDelegation } from './release-entries.ts';

/** The keys of a role: from those it has to those it is to have. */
export type ChangeKeys = (now: RoleKeys) => {
  readonly keyIds: readonly string[];
  readonly threshold: number;
};

/**
 * @param role a top-level role, or `product-<P>`, which is delegated if it was not
 * @param added keys that `change` may name
 * @throws SiltError USAGE for a threshold that the keys cannot meet, or a key that was revoked
 */
export async function draftRoleKeys(
  live: LiveMetadata,
  role: string,
  added: readonly PublicKey[],
  change: ChangeKeys,
): Promise<Draft | undefined> {
  const root = partOf(live.root);
  const product = productOfRole(role);
  const listed = product === undefined ? root : delegationsOf(live);
  const now = product === undefined ? root.roles[role] : roleIn(delegationsOf(live), role);
  const next = change(now ?? { keyids: [], threshold: 1 });
  requireUsable(role, next, revokedOf(root));
  if (now !== undefined && next.threshold === now.threshold && sameIds(next.keyIds, now.keyids))
    return undefined;
  const roleKeys = { keyids: next.keyIds, threshold: next.threshold };
  const keys = { ...listed.keys, ...Object.fromEntries(added.map((key) => [key.keyId, tufKey(key)])) };
  if (product !== undefined) return await delegate(live, product, roleKeys, keys);
  return { root: nextRoot(root, { roles: { ...root.roles, [role]: roleKeys }, keys }) };
}

/**
 * A new version with the same keys: a new life.
 *
 * @param done the version of root above which it has its new life already
 */
export async function draftRenewal(
  live: LiveMetadata,
  role: string,
  done: number = Number.POSITIVE_INFINITY,
): Promise<Draft | undefined> {
  const { root, trusted } = live;
  if (role === 'root') return root.signed.version > done ? undefined : { root: nextRoot(partOf(root), {}) };
  const product = productOfRole(role);
  if (product !== undefined) {
    const { recent, archive } = await readProduct(live, product);
    const archived = archive && { role: archiveRole(product), part: archive };
    return { products: [{ role: productRole(product), part: recent }, ...(archived ? [archived] : [])] };
  }
  if (role === 'targets') return trusted && { targets: { role, part: partOf(trusted.targets) } };
  return { renewSnapshot: role === 'snapshot' };
}

/** Takes a key away from every role, and remembers it. @throws SiltError USAGE when a role could not sign any more */
export async function draftRevocation(live: LiveMetadata, keyId: string): Promise<Draft | undefined> {
  const root = partOf(live.root);
  const revoked = revokedOf(root);
  const delegations = delegationsOf(live);
  const products = delegations.roles.filter(({ keyids }) => keyids.includes(keyId));
  const isListed = topRoles.some((role) => root.roles[role]?.keyids.includes(keyId));
  if (revoked.includes(keyId) && !isListed && products.length === 0) return undefined;
  const without = (keys: RoleKeys) => ({ ...keys, keyids: keys.keyids.filter((other) => other !== keyId) });
  const top = Object.entries(root.roles).map(([role, keys]) => [role, without(keys)] as const);
  for (const [role, { keyids, threshold }] of [
    ...top,
    ...products.map((own) => [own.name, without(own)] as const),
  ]) {
    requireUsable(role, { keyIds: keyids, threshold }, []);
  }
  const roles = Object.fromEntries(top);
  const nextRevoked = [...new Set([...revoked, keyId])].sort();
  const draft: Draft = {
    root: nextRoot(root, { roles, silt: { ...siltOf(root), revoked: nextRevoked } }),
  };
  if (products.length === 0) return draft;
  const all: Delegations = {
    ...delegations,
    roles: delegations.roles.map((own) => ({ ...own, ...without(own) })),
  };
  const drafts = await Promise.all(
    products.map(({ name }) => resigned(live, productOfRole(name) as string, all)),
  );
  return { ...draft, targets: targetsWith(live, all), products: drafts.flat() };
}

function nextRoot(root: RootPart, members: Partial<RootPart>): DraftRole<RootPart> {
  const next = { ...root, ...members } as RootPart;
  const used = new Set(Object.values(next.roles).flatMap(({ keyids }) => keyids));
  return { role: 'root', part: { ...next, version: root.version + 1, keys: only(next.keys, used) } };
}

/** Delegates the product to these keys, and has them sign its roles anew. */
async function delegate(live: LiveMetadata, product: string, keys: RoleKeys, listed: Keys): Promise<Draft> {
  const { roles } = delegationsOf(live);
  const name = productRole(product);
  const own = { name, ...keys, terminating: true, paths: productPaths(product) };
  const isNew = !roles.some((role) => role.name === name);
  const all = isNew
    ? [...roles, own]
    : roles.map((role) => (role.name === name ? { ...role, ...own } : role));
  const used = new Set(all.flatMap(({ keyids }) => keyids));
  const delegations = { keys: only(listed, used), roles: all };
  const products = isNew
    ? [{ role: name, part: newPart('targets', { targets: {} }) }]
    : await resigned(live, product, delegations);
  return { targets: targetsWith(live, delegations), products };
}

async function resigned(
  live: LiveMetadata,
  product: string,
  delegations: Delegations,
): Promise<DraftRole<TargetsPart>[]> {
  const { recent, archive } = await readProduct(live, product);
  const role = productRole(product);
  if (archive === undefined) return [{ role, part: recent }];
  return [
    { role, part: { ...recent, delegations: archiveDelegation(product, delegations) } },
    { role: archiveRole(product), part: archive },
  ];
}

function targetsWith({ trusted }: LiveMetadata, delegations: Delegations): DraftRole<TargetsPart> {
  const part = trusted === undefined ? newPart('targets', { targets: {} }) : partOf(trusted.targets);
  const used = new Set(delegations.roles.flatMap(({ keyids }) => keyids));
  return {
    role: 'targets',
    part: { ...part, delegations: { ...delegations, keys: only(delegations.keys, used) } },
  };
}

/** What `targets` delegates. */
export function delegationsOf({ trusted }: LiveMetadata): Delegations {
  return (trusted && partOf(trusted.targets).delegations) ?? { keys: {}, roles: [] };
}

function roleIn({ roles }: Delegations, name: string): RoleKeys | undefined {
  return roles.find((role) => role.name === name);
}

function requireUsable(
  role: string,
  { keyIds, threshold }: ReturnType<ChangeKeys>,
  revoked: readonly string[],
): void {
  if (threshold > new Set(keyIds).size || threshold < 1) {
    throw new SiltError(
      'USAGE',
      `${role} would have ${keyIds.length} keys and need ${threshold} signatures; add a key first, or give --threshold`,
      { details: { role, keys: keyIds.length, threshold } },
    );
  }
  const again = keyIds.find((keyId) => revoked.includes(keyId));
  if (again === undefined) return;
  throw new SiltError(
    'USAGE',
    `the key ${again} was revoked and cannot come back; use a new one for ${role}`,
    {
      details: { role, keyId: again },
    },
  );
}

function only(keys: Keys, used: ReadonlySet<string>): Keys {
  return Object.fromEntries(Object.entries(keys).filter(([keyId]) => used.has(keyId)));
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

/** Roles as the command line names them: `product:P` for a product. @throws SiltError USAGE */
export function roleNamed(text: string): string {
  const product = /^product[:-](.+)$/.exec(text)?.[1];
  if (product !== undefined && NAME_PATTERN.test(product)) return productRole(product);
  if (topRoles.includes(text as TopRole)) return text;
  throw new SiltError('USAGE', `expected a role: ${topRoles.join(', ')} or product:NAME; found "${text}"`);
}
