/**
 * The targets role and those it delegates to (TUF 1.0, §5.6): each in the version that the snapshot lists, and
 * signed as the one who delegates it says.
 *
 * @module
 */
import type { Metadata, Root, Snapshot, TargetFile, Targets } from '@tufjs/models';
import { announced } from './announced.ts';
import { type RoleSigners, signersOf } from './check-signatures.ts';
import { delegatedRoles } from './delegated-paths.ts';
import { MAX_DELEGATIONS, MAX_TARGETS } from './limits.ts';
import { readTargets } from './read-metadata.ts';
import { stateName } from './role-files.ts';
import { keep, kept, mismatch, requireFresh, revokedKeys, type Session } from './session.ts';

type TargetsMetadata = Metadata<Targets>;

/** The targets roles of one run; each is read once for each role that delegates it. */
export class TargetsRoles {
  readonly #session: Session;
  readonly #root: Metadata<Root>;
  readonly #snapshot: Metadata<Snapshot>;
  #topLevel: TargetsMetadata | undefined;
  readonly #known = new Map<TargetsMetadata, Map<string, TargetsMetadata>>();

  constructor(session: Session, root: Metadata<Root>, snapshot: Metadata<Snapshot>) {
    this.#session = session;
    this.#root = root;
    this.#snapshot = snapshot;
  }

  /** @throws SiltError as `refresh` of client.ts */
  async topLevel(): Promise<TargetsMetadata> {
    this.#topLevel ??= await this.#load(signersOf(this.#root, 'targets'));
    if (this.#topLevel === undefined) throw mismatch('targets', 'the snapshot does not list it');
    return this.#topLevel;
  }

  /**
   * The role as `parent` delegates it; `undefined` where it does not, or the snapshot does not list the role.
   *
   * @throws SiltError as `refresh` of client.ts
   */
  async delegated(parent: TargetsMetadata, role: string): Promise<TargetsMetadata | undefined> {
    // Verified for one parent, a role is not verified for another one.
    const known = this.#known.get(parent) ?? new Map<string, TargetsMetadata>();
    this.#known.set(parent, known);
    const loaded = known.get(role) ?? (await this.#load(signersOf(parent, role)));
    if (loaded !== undefined) known.set(role, loaded);
    return loaded;
  }

  async #load(signers: RoleSigners | undefined): Promise<TargetsMetadata | undefined> {
    const { meta } = this.#snapshot.signed;
    const name = `${signers?.role}.json`;
    const file = Object.hasOwn(meta, name) ? meta[name] : undefined;
    if (signers === undefined || file === undefined) return undefined;
    const { role } = signers;
    const { consistentSnapshot } = this.#root.signed;
    const read = (envelope: Parameters<typeof readTargets>[0]) => readTargets(envelope, role);
    const kind = { signers, revoked: revokedKeys(this.#root.signed), read };
    const same = await kept(this.#session, stateName(role), kind, file);
    const found =
      same ?? (await announced(this.#session, kind, file, { maxBytes: MAX_TARGETS, consistentSnapshot }));
    requireFresh(this.#session, role, found.metadata.signed);
    if (same === undefined) await keep(this.#session, stateName(role), found.bytes);
    return found.metadata;
  }
}

/**
 * The target file as the first role says that knows it: depth first, in the order of the delegations, each
 * role once, at most {@link MAX_DELEGATIONS} of them; a terminating delegation is the last (§5.6.7).
 *
 * @throws SiltError as `refresh` of client.ts; TRUST_MISMATCH when a role on the way is not in the snapshot
 */
export async function searchTarget(roles: TargetsRoles, path: string): Promise<TargetFile | undefined> {
  const targets = await roles.topLevel();
  const visited = new Set<string>();
  // The last one is looked at first.
  const ahead: { readonly parent: TargetsMetadata; readonly role: string }[] = [];
  for (let at: TargetsMetadata = targets; ; ) {
    const { signed } = at;
    if (Object.hasOwn(signed.targets, path)) return signed.targets[path];
    const below: typeof ahead = [];
    for (const { role, terminating } of delegatedRoles(signed.delegations, path)) {
      below.push({ parent: at, role });
      if (!terminating) continue;
      ahead.length = 0;
      break;
    }
    ahead.push(...below.reverse());
    let next = ahead.pop();
    while (next !== undefined && visited.has(next.role)) next = ahead.pop();
    if (next === undefined || visited.size === MAX_DELEGATIONS) return undefined;
    visited.add(next.role);
    const found = await roles.delegated(next.parent, next.role);
    // Going on without it would give its targets to the roles behind it.
    if (found === undefined)
      throw mismatch(next.role, 'it is delegated to, but the snapshot does not list it');
    at = found;
  }
}
