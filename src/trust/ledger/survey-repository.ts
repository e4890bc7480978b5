/**
 * All that a signed repository refers to, for whoever keeps it in order.
 *
 * @module
 */
import { sha256Hex } from '../../core/digest.ts';
import { inOrder } from '../../core/in-order.ts';
import { canonicalJson, type Json } from '../../format/canonical-json.ts';
import type { HeldRelease, RepositorySurvey, TrustOptions } from '../releases.ts';
import { archivedReleases, delegatedProducts, recentReleases } from '../tuf/product-releases.ts';
import { metadataKey } from '../tuf/role-files.ts';
import { openListedRelease } from '../tuf/tuf-releases.ts';
import { type ReadMetadata, type RepositoryAccess, readLive } from './live-metadata.ts';
import { envelopeOf } from './metadata-parts.ts';

/** Manifests read at once. */
const READ_AHEAD = 8;

/** @throws SiltError as `readLive`; as `openListedRelease` once a release is reached */
export async function surveyRepository(
  access: RepositoryAccess,
  { signal }: TrustOptions = {},
): Promise<RepositorySurvey> {
  const live = await readLive(access, signal);
  const { timestamp, snapshot } = live.trusted;
  const metadata = new Map([['snapshot', timestamp.signed.snapshotMeta.version]]);
  for (const [file, { version }] of Object.entries(snapshot.signed.meta)) {
    metadata.set(fileName(file.replace(/\.json$/, '')), version);
  }
  const state = sha256Hex(Buffer.from(canonicalJson(envelopeOf(timestamp) as unknown as Json)));
  return { state, releases: releasesOf(access, live, signal), metadata };
}

/** What a role is called in the keys of its files. */
function fileName(role: string): string {
  return metadataKey(role, undefined).slice('metadata/'.length, -'.json'.length);
}

async function* releasesOf(
  { state, store }: RepositoryAccess,
  { trusted }: ReadMetadata,
  signal: AbortSignal | undefined,
): AsyncGenerator<HeldRelease> {
  for (const product of delegatedProducts(trusted)) {
    const recent = await recentReleases(trusted, product, store.location);
    const listed = [...(await archivedReleases(trusted, product)), ...recent];
    yield* inOrder(listed, READ_AHEAD, async (release) => {
      signal?.throwIfAborted();
      const { manifest, key } = await openListedRelease(trusted, { state }, product, release);
      return { manifest, key, channels: release.channels };
    });
  }
}
