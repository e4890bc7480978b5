/**
 * A signed repository as a publisher sees it: releases are added and channels moved by signing new metadata, or
 * by leaving a stage for others to sign.
 *
 * @module
 */

import { inOrder } from '../../core/in-order.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { Signer } from '../keys/signer.ts';
import { RecentRead } from '../recent-read.ts';
import type {
  AddOptions,
  MetadataWriter,
  NewRelease,
  PointOptions,
  ReleaseLedger,
  Releases,
  RepositorySurvey,
  TrustOptions,
} from '../releases.ts';
import { refresh, type TrustedMetadata } from '../tuf/client.ts';
import { memoryState } from '../tuf/metadata-state.ts';
import {
  archivedReleases,
  delegatedProducts,
  recentReleases,
  selectRelease,
} from '../tuf/product-releases.ts';
import { openListedRelease } from '../tuf/tuf-releases.ts';
import { changeRepository, type DraftOf } from './change-repository.ts';
import { draftAgain, draftPoint, draftRelease, draftRemoval, type ReleaseDraft } from './draft-release.ts';
import { requireSigners } from './go-live.ts';
import { liveFrom, type RepositoryAccess, readLive } from './live-metadata.ts';
import { makeStage } from './make-stage.ts';
import { RECENT_RELEASES } from './release-entries.ts';
import type { Stage } from './stage.ts';
import { surveyRepository } from './survey-repository.ts';

export interface TufLedgerOptions {
  /** A root that the publisher trusts. */
  readonly root: Uint8Array;
  readonly signers: readonly Signer[];
  readonly now?: (() => Date) | undefined;
  /** Gets the change instead of clients. */
  readonly stage?: ((stage: Stage) => Promise<void>) | undefined;
}

/** Manifests read at once. */
const READ_AHEAD = 4;

/** What a publisher sees of a signed repository. */
export function openTufLedger(store: MetadataWriter, options: TufLedgerOptions): ReleaseLedger {
  const { root, signers, now, stage } = options;
  const access: RepositoryAccess = { store, root, signers, now, state: memoryState() };
  // Of the present each time, unless asked otherwise; what did not change is not read again.
  const seen = new RecentRead((given) => refresh(clientOptions(access, given)));
  const open: Releases['open'] = async (product, selector, given = {}) => {
    const trusted = await seen.get(given);
    const release = await selectRelease(trusted, product, selector, store.location);
    return await openListedRelease(trusted, access, product, release);
  };
  const change: Change = async (draftOf, { signal, recent }) => {
    const known = recent === true ? seen.known() : undefined;
    seen.forget();
    if (stage === undefined) {
      return await changeRepository(access, draftOf, signal, known && liveFrom(known.value, store.location));
    }
    const live = await readLive(access, signal);
    const draft = await draftOf(live, false);
    if (draft !== undefined) await stage(await makeStage(access, live, draft));
  };
  return {
    open,
    find: async (product, selector, given) => (await open(product, selector, given)).manifest,
    all: (given) => all(access, seen, given),
    newest: (product, count, given) => newest(access, seen, product, count, given),
    async requireReady(product, given = {}) {
      const known = given.recent === true ? seen.known() : undefined;
      const live = known ? liveFrom(known.value, store.location) : await readLive(access, given.signal);
      const draft = await draftAgain(live, product);
      // What is staged others will sign.
      if (stage === undefined) requireSigners(access, live, draft);
    },
    add: (release, given) => add(change, release, given),
    point: (product, channel, version, { allowDowngradeFrom, signal }: PointOptions = {}) =>
      change((live) => draftPoint(live, product, { channel, version, allowDowngradeFrom }), { signal }),
    survey: (given): Promise<RepositorySurvey> => surveyRepository(access, given),
    async remove(product, versions, { signal } = {}) {
      let removed: readonly string[] = [];
      await change(
        async (live) => {
          const drafted = await draftRemoval(live, product, versions);
          ({ removed } = drafted);
          return drafted.draft;
        },
        { signal },
      );
      return removed;
    },
  };
}

type Change = (draftOf: DraftOf, options: TrustOptions) => Promise<void>;

async function add(change: Change, release: NewRelease, options: AddOptions = {}): Promise<Manifest> {
  const drafts: ReleaseDraft[] = [];
  await change(async (live, isUnheard) => {
    const made = await draftRelease(live, release, options, isUnheard ? drafts : []);
    drafts.push(made);
    return made.draft;
  }, options);
  return (drafts.at(-1) as ReleaseDraft).manifest;
}

async function* all(
  access: RepositoryAccess,
  seen: RecentRead<TrustedMetadata>,
  options: TrustOptions = {},
): AsyncGenerator<Manifest> {
  const trusted = await seen.get(options);
  for (const product of delegatedProducts(trusted)) {
    const recent = await recentReleases(trusted, product, access.store.location);
    const releases = [...(await archivedReleases(trusted, product)), ...recent];
    const read = inOrder(releases, READ_AHEAD, async (release) => {
      options.signal?.throwIfAborted();
      return await openListedRelease(trusted, access, product, release);
    });
    for await (const { manifest } of read) yield manifest;
  }
}

async function newest(
  access: RepositoryAccess,
  seen: RecentRead<TrustedMetadata>,
  product: string,
  count: number,
  options: TrustOptions = {},
): Promise<readonly Manifest[]> {
  const trusted = await seen.get(options);
  if (count === 0 || !delegatedProducts(trusted).includes(product)) return [];
  const recent = await recentReleases(trusted, product, access.store.location);
  const older = count > RECENT_RELEASES ? await archivedReleases(trusted, product) : [];
  const wanted = [...recent, ...older].sort((a, b) => b.counter - a.counter).slice(0, count);
  const read = wanted.map((release) => openListedRelease(trusted, access, product, release));
  return (await Promise.all(read)).map(({ manifest }) => manifest);
}

function clientOptions({ store, root, now, state }: RepositoryAccess, { signal }: TrustOptions) {
  return { store, state, factoryRoot: root, now, allowExpired: true, signal };
}
