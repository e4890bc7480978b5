/**
 * The first metadata of a repository: root, targets and the products it begins with, as a stage.
 *
 * @module
 */

import { tufKey } from '../keys/public-key.ts';
import type { PublicKey, Signer } from '../keys/signer.ts';
import { productPaths, productRole } from '../tuf/product-roles.ts';
import { readRoot } from '../tuf/read-metadata.ts';
import type { Draft } from './draft.ts';
import { makeStage } from './make-stage.ts';
import {
  defaultLifetimes,
  type Keys,
  type Lifetimes,
  newPart,
  type RoleKeys,
  type TopRole,
  topRoles,
  unsigned,
} from './metadata-parts.ts';
import type { Stage } from './stage.ts';

/** Keys of a role, and how many of them must sign. */
export interface RoleSetup {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

export interface RepositorySetup {
  readonly roles: Readonly<Record<TopRole, RoleSetup>>;
  /** By name. */
  readonly products: ReadonlyMap<string, RoleSetup>;
  /** Days; the usual ones by default. */
  readonly lifetimes?: Partial<Lifetimes> | undefined;
}

/**
 * The stage of a new repository, signed as far as `signers` go; `releaseStage` makes it live.
 *
 * @throws SiltError SIGNER_FAILED
 */
export async function stageFirstMetadata(
  setup: RepositorySetup,
  { signers, now = () => new Date() }: { readonly signers: readonly Signer[]; readonly now?: () => Date },
): Promise<Stage> {
  const { products } = setup;
  const rootPart = newPart('root', {
    version: 1,
    consistent_snapshot: true,
    keys: keysOf(Object.values(setup.roles)),
    roles: Object.fromEntries(topRoles.map((role) => [role, roleKeys(setup.roles[role])])),
    silt: { lifetimeDays: { ...defaultLifetimes, ...setup.lifetimes }, revoked: [] },
  });
  const delegations = {
    keys: keysOf([...products.values()]),
    roles: Array.from(products, ([product, keys]) => ({
      name: productRole(product),
      ...roleKeys(keys),
      terminating: true,
      paths: productPaths(product),
    })),
  };
  const draft: Draft = {
    root: { role: 'root', part: rootPart },
    targets: { role: 'targets', part: newPart('targets', { targets: {}, delegations }) },
    products: Array.from(products.keys(), (product) => ({
      role: productRole(product),
      part: newPart('targets', { targets: {} }),
    })),
  };
  const root = readRoot(unsigned({ ...rootPart, expires: '2000-01-01T00:00:00Z' }));
  const live = { root, trusted: undefined, time: now(), location: 'a new repository' };
  return await makeStage({ store: undefined, signers }, live, draft);
}

function roleKeys({ keys, threshold }: RoleSetup): RoleKeys {
  return { keyids: keys.map(({ keyId }) => keyId), threshold };
}

function keysOf(setups: readonly RoleSetup[]): Keys {
  return Object.fromEntries(
    setups.flatMap(({ keys }) => keys).map((key) => [key.keyId, tufKey(key)] as const),
  );
}
