/**
 * A signed repository as a publisher sees it: releases are added and channels moved by signing new metadata, or
 * by leaving a stage for others to sign.
 *
 * @module
 */

import { inOrder } from '../../core/in-order.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { Signer } from '../keys/signer.ts';
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
import { refresh } from '../tuf/client.ts';
import { memoryState } from '../tuf/metadata-state.ts';
import { archivedReleases, delegatedProducts, recentReleases } from '../tuf/product-releases.ts';
import { openListedRelease, openTufReleases } from '../tuf/tuf-releases.ts';
import { changeRepository } from './change-repository.ts';
import type { Draft } from './draft.ts';
import { draftAgain, draftPoint, draftRelease, draftRemoval, type ReleaseDraft } from './draft-release.ts';
import { requireSigners } from './go-live.ts';
import { type LiveMetadata, type RepositoryAccess, readLive } from './live-metadata.ts';
import { makeStage } from './make-stage.ts';
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
  // Of the present each time; what did not change is not read again.
  const releases = (given: TrustOptions = {}): Releases => openTufReleases(clientOptions(access, given));
  const change = async (
    draftOf: (live: LiveMetadata) => Promise<Draft | undefined>,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    if (stage === undefined) return await changeRepository(access, draftOf, signal);
    const live = await readLive(access, signal);
    const draft = await draftOf(live);
    if (draft !== undefined) await stage(await makeStage(access, live, draft));
  };
  return {
    open: (product, selector, given) => releases(given).open(product, selector, given),
    find: (product, selector, given) => releases(given).find(product, selector, given),
    all: (given) => all(access, given),
    async requireReady(product, given) {
      const live = await readLive(access, given?.signal);
      const draft = await draftAgain(live, product);
      // What is staged others will sign.
      if (stage === undefined) requireSigners(access, live, draft);
    },
    add: (release, given) => add(change, release, given),
    point: (product, channel, version, { allowDowngradeFrom, signal }: PointOptions = {}) =>
      change((live) => draftPoint(live, product, { channel, version, allowDowngradeFrom }), signal),
    survey: (given): Promise<RepositorySurvey> => surveyRepository(access, given),
    async remove(product, versions, { signal } = {}) {
      let removed: readonly string[] = [];
      await change(async (live) => {
        const drafted = await draftRemoval(live, product, versions);
        ({ removed } = drafted);
        return drafted.draft;
      }, signal);
      return removed;
    },
  };
}

type Change = (
  draftOf: (live: LiveMetadata) => Promise<Draft | undefined>,
  signal: AbortSignal | undefined,
) => Promise<void>;

async function add(change: Change, release: NewRelease, options: AddOptions = {}): Promise<Manifest> {
  let made: ReleaseDraft | undefined;
  await change(async (live) => {
    made = await draftRelease(live, release, options);
    return made.draft;
  }, options.signal);
  return (made as ReleaseDraft).manifest;
}

async function* all(access: RepositoryAccess, { signal }: TrustOptions = {}): AsyncGenerator<Manifest> {
  const options = clientOptions(access, { signal });
  const trusted = await refresh(options);
  for (const product of delegatedProducts(trusted)) {
    const recent = await recentReleases(trusted, product, access.store.location);
    const releases = [...(await archivedReleases(trusted, product)), ...recent];
    const read = inOrder(releases, READ_AHEAD, async (release) => {
      signal?.throwIfAborted();
      return await openListedRelease(trusted, options, product, release);
    });
    for await (const { manifest } of read) yield manifest;
  }
}

function clientOptions({ store, root, now, state }: RepositoryAccess, { signal }: TrustOptions) {
  return { store, state, factoryRoot: root, now, allowExpired: true, signal };
}
