/**
 * A draft becomes what clients see. Everything is stored first; then `timestamp.json` is replaced, if it still
 * is the one that the draft was made from. So readers see all of a change or nothing, and of two publishers at
 * once one has to begin anew.
 *
 * @module
 */
import type { Metadata, Snapshot, Timestamp } from '@tufjs/models';
import { cmsKey } from '../releases.ts';
import type { Envelope } from '../tuf/envelope.ts';
import { TIMESTAMP_KEY } from '../tuf/role-files.ts';
import type { Draft, DraftRole, SigningPlan } from './draft.ts';
import { planSigning } from './draft.ts';
import { type LiveMetadata, type RepositoryAccess, ringOf } from './live-metadata.ts';
import {
  envelopeOf,
  lifetimeOf,
  lifetimesOf,
  type MetaPart,
  newPart,
  partOf,
  stamped,
  unsigned,
} from './metadata-parts.ts';
import { type Placed, type Placing, placeFixed, placeRole, signed } from './place-role.ts';
import { isSigned, missingOf, requireNoneMissing } from './sign-envelope.ts';

/** No honest publisher comes so far: a version beyond was set by whoever had the keys. */
const MAX_HONEST_VERSION = 1_000_000_000;

/**
 * Signs, stores and shows the draft.
 *
 * @throws SiltError SIGNATURES_MISSING before anything is stored; CONFLICT when somebody else was faster
 */
export async function goLive(access: RepositoryAccess, live: LiveMetadata, draft: Draft): Promise<void> {
  const change = new Change(access, live, draft);
  change.requireSigners();
  const placed = await change.placeTargets();
  const snapshot = await change.placeSnapshot(placed);
  await change.show(placed, snapshot);
}

/**
 * Demands that the keys at hand suffice for the draft; stores nothing.
 *
 * @throws SiltError SIGNATURES_MISSING
 */
export function requireSigners(access: RepositoryAccess, live: LiveMetadata, draft: Draft): void {
  new Change(access, live, draft).requireSigners();
}

class Change {
  readonly #access: RepositoryAccess;
  readonly #live: LiveMetadata;
  readonly #draft: Draft;
  readonly #plan: SigningPlan;
  readonly #roles: readonly DraftRole[];

  constructor(access: RepositoryAccess, live: LiveMetadata, draft: Draft) {
    this.#access = access;
    this.#live = live;
    this.#draft = draft;
    this.#plan = planSigning(live, draft);
    const { targets } = this.#plan;
    this.#roles = [...(targets ? [targets] : []), ...(draft.products ?? [])];
  }

  /** Nothing is stored when the keys at hand do not suffice. */
  requireSigners(): void {
    const { root } = this.#draft;
    const names = this.#needsSnapshot() ? (['snapshot', 'timestamp'] as const) : (['timestamp'] as const);
    const online = names.map((role) => ({ role, part: newPart(role, { meta: {} }) }));
    const all: readonly DraftRole[] = [...(root ? [root] : []), ...this.#roles, ...online];
    requireNoneMissing(
      all.flatMap(({ role, part, staged }) =>
        this.#plan
          .ringsOf(role)
          .flatMap((ring) => missingOf(staged ?? unsigned(part), ring, this.#access.signers) ?? []),
      ),
    );
  }

  async placeTargets(): Promise<Placed[]> {
    const { manifest } = this.#draft;
    const { store } = this.#access;
    const storeManifest = async (): Promise<void> => {
      if (manifest === undefined) return;
      // A signature that nobody asks for does no harm; a release without the one it needs would.
      if (manifest.cms !== undefined) await store.putIfAbsent(cmsKey(manifest.key), manifest.cms);
      await store.putIfAbsent(manifest.key, manifest.bytes);
    };
    const [placed] = await Promise.all([
      Promise.all(
        this.#roles.map(({ role, ...draft }) =>
          placeRole({ role, ...draft }, this.#placing(role, this.#listedVersion(role) + 1)),
        ),
      ),
      storeManifest(),
    ]);
    return placed;
  }

  /** The snapshot that lists what was placed; the one there is when that would say nothing new. */
  async placeSnapshot(placed: readonly Placed[]): Promise<Placed | undefined> {
    if (!this.#needsSnapshot()) return undefined;
    const { snapshot } = this.#live.trusted ?? {};
    const before = snapshot === undefined ? newPart('snapshot', { meta: {} }) : partOf(snapshot);
    const entries = placed.map(({ role, entry }) => [`${role}.json`, entry] as const);
    const part = { ...before, meta: { ...(before as MetaPart).meta, ...Object.fromEntries(entries) } };
    return await placeRole({ role: 'snapshot', part }, this.#placing('snapshot', this.#next(snapshot)));
  }

  async show(placed: readonly Placed[], snapshot: Placed | undefined): Promise<void> {
    const { timestamp } = this.#live.trusted ?? {};
    const before =
      timestamp === undefined ? newPart('timestamp', { meta: {} }) : (partOf(timestamp) as MetaPart);
    const meta = snapshot === undefined ? before.meta : { 'snapshot.json': snapshot.entry };
    const placing = this.#placing('timestamp', this.#next(timestamp));
    const part = stamped({ ...before, meta }, placing.first, placing.time, placing.days);
    const done = await signed('timestamp', unsigned(part), placing);
    const replace = async (): Promise<void> => {
      await this.#access.store.putIfMatch(TIMESTAMP_KEY, done.bytes, this.#live.trusted?.timestampEtag);
    };
    if (this.#draft.root === undefined) return await replace();
    const files = [
      ...placed,
      ...(snapshot ? [snapshot] : []),
      { role: 'timestamp', envelope: done.envelope },
    ];
    if (this.#suitsOldRoot(files) && !this.#beginsAnew()) {
      // Signed by old and new keys: clients of either root accept it at every moment.
      await replace();
      await this.#placeRoot(this.#draft.root);
    } else {
      await this.#placeRoot(this.#draft.root);
      await replace();
    }
  }

  #needsSnapshot(): boolean {
    const { snapshot } = this.#live.trusted ?? {};
    if (snapshot === undefined || this.#roles.length > 0 || this.#draft.renewSnapshot) return true;
    return !isSigned(envelopeOf(snapshot), ringOf(this.#plan.root, 'snapshot'));
  }

  async #placeRoot({ role, part, staged }: DraftRole): Promise<void> {
    const { version } = part;
    const placing = this.#placing(role, version);
    const envelope = staged ?? unsigned(stamped(part, version, placing.time, placing.days));
    await placeFixed(role, version, envelope, placing);
  }

  #suitsOldRoot(files: readonly { readonly role: string; readonly envelope: Envelope }[]): boolean {
    return (
      files.every(({ role, envelope }) => {
        const ring = this.#plan.oldRingOf(role);
        return ring === undefined || isSigned(envelope, ring);
      }) && this.#live.trusted !== undefined
    );
  }

  /**
   * Whoever had the online keys may have set versions that no others can follow. Clients forget them when the
   * keys are taken away (TUF 1.0, §5.3.11), so the count begins anew.
   */
  #beginsAnew(): boolean {
    const { trusted } = this.#live;
    const highest = Math.max(trusted?.snapshot.signed.version ?? 0, trusted?.timestamp.signed.version ?? 0);
    if (trusted === undefined || highest <= MAX_HONEST_VERSION) return false;
    return ['snapshot', 'timestamp'].some((role) => {
      const now = ringOf(this.#plan.root, role).keyIds;
      return ringOf(trusted.root, role).keyIds.some((keyId) => !now.includes(keyId));
    });
  }

  #next(live: Metadata<Snapshot> | Metadata<Timestamp> | undefined): number {
    const version = live?.signed.version ?? 0;
    return version > MAX_HONEST_VERSION && this.#beginsAnew() ? 1 : version + 1;
  }

  #listedVersion(role: string): number {
    const { meta } = this.#live.trusted?.snapshot.signed ?? {};
    const name = `${role}.json`;
    return meta !== undefined && Object.hasOwn(meta, name) ? (meta[name]?.version ?? 0) : 0;
  }

  #placing(role: string, first: number): Placing {
    const { root, oldRingOf, ringsOf } = this.#plan;
    const { store, signers } = this.#access;
    const days = lifetimeOf(role, lifetimesOf(partOf(root)));
    return {
      store,
      signers,
      time: this.#live.time,
      days,
      rings: ringsOf(role),
      oldRing: oldRingOf(role),
      first,
    };
  }
}
