/**
 * What a device fetches to come from one release to another: planned by the planner of `silt fetch` itself, from
 * indexes and the heads of deltas alone.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchImage } from '../fetcher/fetch.ts';
import type { ChunkerParameters, IndexHead } from '../format/index-head.ts';
import type { Manifest, ManifestImage } from '../format/manifest.ts';
import { openIndex } from '../publisher/known-chunks.ts';
import { readLevel2 } from '../publisher/read-level2.ts';
import { readRange } from '../store/read-range.ts';
import type { ReadStore } from '../store/store.ts';
import type { Releases, TrustedRelease } from '../trust/releases.ts';
import { contentKeyFor, type OpenContentKey } from '../trust/seal/content-key.ts';
import { type VirtualSeed, virtualSeed } from './virtual-seed.ts';

export interface PlanOptions {
  /** Opens sealed releases; a release that it does not open is none that a device has. */
  readonly contentKey?: OpenContentKey | undefined;
  /** For files of holes and seed indexes (some 0.3 % of an image), one at a time. Default: the system's. */
  readonly temporaryDirectory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What comes over the network, metadata left out. */
export interface DevicePlan {
  readonly requests: number;
  readonly bytes: number;
  readonly indexBytes: number;
  readonly deltaBytes: number;
  readonly dataBytes: number;
}

const NOTHING: DevicePlan = { requests: 0, bytes: 0, indexBytes: 0, deltaBytes: 0, dataBytes: 0 };

/**
 * What it takes to bring all images of `base` (`undefined`: none) to those of `release`.
 *
 * @returns `undefined` where this cannot be told: an image of the base was cut otherwise, so a device cuts it again
 * @throws SiltError DIGEST_MISMATCH, OBJECT_MISSING, FORMAT_INVALID, SEAL_*, NO_SPACE, store errors
 */
export async function planDevice(
  store: ReadStore,
  base: Manifest | undefined,
  release: Manifest,
  options: PlanOptions = {},
): Promise<DevicePlan | undefined> {
  let sum = NOTHING;
  for (const image of release.images) {
    const before = base?.images.find(({ name }) => name === image.name);
    if (before?.sha256 === image.sha256) continue;
    const plan = await planImage(
      store,
      before && base && { manifest: base, image: before },
      release,
      image,
      options,
    );
    if (plan === undefined) return undefined;
    sum = addPlans(sum, plan);
  }
  return sum;
}

async function planImage(
  store: ReadStore,
  base: { readonly manifest: Manifest; readonly image: ManifestImage } | undefined,
  release: Manifest,
  image: ManifestImage,
  { contentKey, temporaryDirectory = tmpdir(), signal }: PlanOptions,
): Promise<DevicePlan | undefined> {
  const directory = await mkdtemp(join(temporaryDirectory, 'silt-costs-'));
  try {
    let seed: VirtualSeed | undefined;
    if (base !== undefined) {
      const key = await contentKeyFor(release, contentKey, store);
      const { head } = await openIndex(store, image, key, signal);
      seed = await seedOf(store, directory, base, head, { contentKey, signal });
      if (seed === undefined) return undefined;
    }
    const report = await fetchImage(store, () => only(release), {
      product: release.product,
      selector: { version: release.version },
      image: image.name,
      output: join(directory, 'target'),
      dryRun: true,
      // A device may try a delta from another image of the same size; what that costs, no index tells.
      delta: image.deltas?.some(({ base: { sha256 } }) => sha256 === base?.image.sha256) === true,
      contentKey,
      signal,
      ...(seed && { seeds: [seed.path], stateDirectory: seed.stateDirectory }),
    });
    const { requests, bytesFetched, metadataBytes, indexBytes, deltaBytes, dataBytes } = report;
    // An envelope counts with what the device asks for; of the manifest `only` asks for nothing.
    return { requests, bytes: bytesFetched, indexBytes: indexBytes + metadataBytes, deltaBytes, dataBytes };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function seedOf(
  store: ReadStore,
  directory: string,
  { manifest, image }: { readonly manifest: Manifest; readonly image: ManifestImage },
  next: IndexHead,
  { contentKey, signal }: Pick<PlanOptions, 'contentKey' | 'signal'>,
): Promise<VirtualSeed | undefined> {
  const key = await contentKeyFor(manifest, contentKey, store);
  const { head, seal } = await openIndex(store, image, key, signal);
  if (!isCutAlike(head, next)) return undefined;
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    readRange(store, `indexes/${image.index.sha256}`, { offset, length }, { signal });
  return await virtualSeed(directory, head, readLevel2(head, read, seal));
}

function isCutAlike(a: IndexHead, b: IndexHead): boolean {
  const sizes = ({ min, average, max }: Pick<ChunkerParameters, 'min' | 'average' | 'max'>): string =>
    [min, average, max].join();
  return (
    a.chunker.name === b.chunker.name &&
    sizes(a.chunker) === sizes(b.chunker) &&
    sizes(a.windowing) === sizes(b.windowing)
  );
}

/** Releases of which there is one, verified already. */
function only(manifest: Manifest): Releases {
  const release: TrustedRelease = { manifest, bytes: new Uint8Array(), key: '', allowDowngradeFrom: [] };
  return { open: async () => release, find: async () => manifest };
}

/** Both, one after the other. */
export function addPlans(a: DevicePlan, b: DevicePlan): DevicePlan {
  return {
    requests: a.requests + b.requests,
    bytes: a.bytes + b.bytes,
    indexBytes: a.indexBytes + b.indexBytes,
    deltaBytes: a.deltaBytes + b.deltaBytes,
    dataBytes: a.dataBytes + b.dataBytes,
  };
}
