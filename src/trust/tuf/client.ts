/**
 * The TUF client: trusted metadata of a repository that is not trusted (TUF 1.0, §5). Signatures are checked
 * before anything signed is read, each file is capped before it is downloaded, and nothing is kept that was
 * refused. When nothing is new it makes two requests: for the next root, and for the timestamp.
 *
 * @module
 */
import type { Metadata, Root, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import type { MetadataReader } from '../releases.ts';
import type { MetadataState } from './metadata-state.ts';
import { readTarget } from './read-target.ts';
import { trustedRoot } from './root-chain.ts';
import { requireFresh, type Session } from './session.ts';
import { trustedSnapshot } from './snapshot.ts';
import { searchTarget, TargetsRoles } from './targets-roles.ts';
import { keptTimestamp, trustedTimestamp } from './timestamp.ts';
import { TrustedTime } from './trusted-time.ts';

export interface TufClientOptions {
  readonly store: MetadataReader;
  readonly state: MetadataState;
  /** The root that came with the device. */
  readonly factoryRoot: Uint8Array;
  /** Default: the clock of the system. */
  readonly now?: (() => Date) | undefined;
  /** For a publisher who is about to sign anew. */
  readonly allowExpired?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a repository says, verified. */
export interface TrustedMetadata {
  readonly root: Metadata<Root>;
  readonly timestamp: Metadata<Timestamp>;
  readonly snapshot: Metadata<Snapshot>;
  readonly targets: Metadata<Targets>;
  /** The validator of `timestamp.json`, for the publisher who replaces it. */
  readonly timestampEtag: string | undefined;
  /** What expiry was held against, fixed once a run (§5.1). */
  readonly time: Date;
  /**
   * The metadata of a delegated role.
   *
   * @param parent who delegates it: `targets`, or a role that `targets` delegates
   * @returns `undefined` where `parent` does not delegate it, or the snapshot does not list it
   * @throws SiltError as {@link refresh}
   */
  delegated(role: string, parent?: string): Promise<Metadata<Targets> | undefined>;
  /**
   * What the first role that knows the target says of it (§5.6.7).
   *
   * @throws SiltError as {@link refresh}
   */
  findTarget(path: string): Promise<TargetFile | undefined>;
  /**
   * The bytes of a target, verified (§5.7).
   *
   * @throws SiltError OBJECT_MISSING (transient), TRUST_TOO_LARGE, MANIFEST_ALTERED
   */
  readTarget(target: TargetFile, options: { readonly maxBytes: number }): Promise<Uint8Array>;
}

/**
 * Brings what is trusted up to date: root, timestamp, snapshot and targets, in this order (§5.3 to §5.6).
 *
 * @throws SiltError NOT_A_REPOSITORY without a timestamp; OBJECT_MISSING (transient) for what metadata names and
 *   the store does not have; TRUST_EXPIRED, TRUST_ROLLBACK (transient for an old timestamp: a cache may be
 *   stale), TRUST_MISMATCH, TRUST_TOO_LARGE, TRUST_MALFORMED, TRUST_THRESHOLD, TRUST_UNKNOWN_KEY,
 *   TRUST_REVOKED_KEY; whatever the store throws
 */
export async function refresh(options: TufClientOptions): Promise<TrustedMetadata> {
  const { store, state, signal } = options;
  const time = new TrustedTime(options.now?.() ?? new Date());
  const session: Session = { store, state, signal, time, allowExpired: options.allowExpired ?? false };

  const chain = await trustedRoot(session, options.factoryRoot);
  const { root } = chain;
  const before = await keptTimestamp(session, root);
  // §5.3.10: of the last root only; those before may have expired.
  requireFresh(session, 'root', root.signed);
  const timestamp = await trustedTimestamp(session, chain, before);
  const snapshot = await trustedSnapshot(session, root, timestamp.metadata);
  const roles = new TargetsRoles(session, root, snapshot);
  const targets = await roles.topLevel();

  return {
    root,
    timestamp: timestamp.metadata,
    snapshot,
    targets,
    timestampEtag: timestamp.etag,
    time: time.now,
    async delegated(role, parent = 'targets') {
      const delegator = parent === 'targets' ? targets : await roles.delegated(targets, parent);
      return delegator && (await roles.delegated(delegator, role));
    },
    findTarget: (path) => searchTarget(roles, path),
    readTarget: (target, { maxBytes }) =>
      readTarget({ store, signal }, target, { maxBytes, consistent: root.signed.consistentSnapshot }),
  };
}
