/**
 * Who is asked for a target (TUF 1.0, §4.5 and §5.6.7): the roles that are delegated its path, in the order in
 * which they stand in the metadata. The models of `@tufjs/models` know the roles by name only, which loses the
 * order of names such as `10` and `2`.
 *
 * @module
 */
import type { Targets } from '@tufjs/models';
import { sha256Hex } from '../../core/digest.ts';
import { matchesPattern } from './path-pattern.ts';

type Delegations = NonNullable<Targets['delegations']>;
type DelegatedRole = NonNullable<Delegations['roles']>[string];

const orders = new WeakMap<Delegations, readonly string[]>();

/** Remembers in which order the roles stand. @param names of all roles, as they come */
export function rememberOrder(delegations: Delegations, names: readonly string[]): void {
  orders.set(delegations, names);
}

/** The roles to search for `path`, in order; a terminating one ends the search behind it. */
export function delegatedRoles(
  delegations: Delegations | undefined,
  path: string,
): { readonly role: string; readonly terminating: boolean }[] {
  const { roles, succinctRoles } = delegations ?? {};
  if (delegations === undefined) return [];
  if (roles === undefined) {
    // TAP 15: each bin is terminating.
    return succinctRoles ? [{ role: succinctRoles.getRoleForTarget(path), terminating: true }] : [];
  }
  const names = orders.get(delegations) ?? Object.keys(roles);
  return names
    .map((name) => roles[name] as DelegatedRole)
    .filter((role) => isDelegated(role, path))
    .map(({ name, terminating }) => ({ role: name, terminating }));
}

/** True when `role` is delegated `path`, by a pattern or by the beginning of its hash. */
export function isDelegated({ paths, pathHashPrefixes }: DelegatedRole, path: string): boolean {
  if (paths !== undefined) return paths.some((pattern) => matchesPattern(path, pattern));
  const hash = sha256Hex(Buffer.from(path));
  return pathHashPrefixes?.some((prefix) => hash.startsWith(prefix)) ?? false;
}
