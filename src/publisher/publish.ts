/**
 * Publishes a release: images → chunks → new chunks → frames → packs → indexes → deltas → manifest, in the
 * order that a reader needs. The manifest becomes visible last, in one step; killed anywhere before, the
 * repository is as it was, and the next run finds what has been stored already.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChunkerSpec, chunkerSpec } from '../chunker/chunker.ts';
import { toHex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import type { Entropy } from '../delta/window-encoder.ts';
import { type Compression, defaultCompression } from '../format/compression.ts';
import type { Manifest } from '../format/manifest.ts';
import { ioError } from '../io/io-error.ts';
import { imageDigest } from '../pool/image-digest.ts';
import { defaultWorkers, openPool, type WorkerPool } from '../pool/pool.ts';
import type { Store } from '../store/store.ts';
import type { AddOptions, NewRelease, ReleaseLedger } from '../trust/releases.ts';
import { masterKeys } from '../trust/seal/master-secret.ts';
import { envelopeKey } from '../trust/seal/recipient-keys.ts';
import { type BaseCopy, type BaseSelector, findBases, openCopies, requireRoom } from './base-releases.ts';
import { checkNames } from './check-names.ts';
import { findRelease } from './find-release.ts';
import type { JobOptions } from './jobs/job-queue.ts';
import type { SharedRelease, SharingWork } from './jobs/share-deltas.ts';
import { planSealing, requireSameSealing, type SealingOptions } from './plan-sealing.ts';
import { holdLease } from './prune/lease.ts';
import { type DeltaWork, publishDeltas } from './publish-deltas.ts';
import type { PublishProgress, PublishReport } from './publish-report.ts';
import { type ReleaseRules, type RuleRequest, requireSameRules, resolveRules } from './release-rules.ts';
import { releasesBefore } from './releases-before.ts';
import { SteadyImage } from './steady-image.ts';
import { type NamedImage, storeImages } from './store-images.ts';
import { UploadQueue } from './upload-queue.ts';

/** docs/decisions/0003-chunk-and-window-size.md has the figures. */
export const defaultChunker: ChunkerSpec = chunkerSpec('fastcdc-1', 4 * KiB);

export interface ImageSource {
  /** Names the image within the release. */
  readonly name: string;
  /** A regular file or a block device. */
  readonly path: string;
}

export interface PublishOptions extends RuleRequest {
  readonly product: string;
  readonly version: string;
  readonly images: readonly ImageSource[];
  /** Points this channel at the release. */
  readonly channel?: string | undefined;
  readonly chunker?: ChunkerSpec | undefined;
  readonly compression?: Compression | undefined;
  /** Earlier releases to make deltas from. Default: none. */
  readonly bases?: BaseSelector | undefined;
  /** Local copies of their images; what is not here is rebuilt from the repository. */
  readonly baseCopies?: readonly BaseCopy[] | undefined;
  /** Bound in bytes for what finding matches for a delta takes; a small one may make the delta larger. */
  readonly memoryBytes?: number | undefined;
  /** What codes deltas: `model` (default) is smaller, `general` patches faster. */
  readonly deltaEntropy?: Entropy | undefined;
  /** Has deltas made by other machines too; changes the speed and nothing else. Default: all are made here. */
  readonly jobs?: JobOptions | undefined;
  /** Threads; changes the speed and nothing else. Default: one a processor, four at most. */
  readonly workers?: number | undefined;
  /** Makes the detached CMS signature of the manifest, in DER. */
  readonly signManifest?: AddOptions['signManifest'];
  /** Seals the release for its recipients; default: anybody may read it. */
  readonly sealing?: SealingOptions | undefined;
  /** Time of the release. Default: now. */
  readonly created?: Date | undefined;
  /**
   * Where indexes (some 0.3 % of the images) and deltas grow until they are stored, and where images that
   * deltas start from are rebuilt, one at a time and as large as they are. Default: the system's.
   */
  readonly temporaryDirectory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined;
}

/**
 * Publishes a release into the repository behind `store`.
 *
 * @returns what was read, stored and made visible; `unchanged` when this very release was there already
 * @throws SiltError USAGE, IMAGE_UNREADABLE, IMAGE_CHANGED, RELEASE_EXISTS, CONFLICT, NO_SPACE, store errors;
 *   RELEASE_NOT_FOUND for a base that there is not, DIGEST_MISMATCH for a local copy of another image
 */
export async function publish(
  store: Store,
  ledger: ReleaseLedger,
  options: PublishOptions,
): Promise<PublishReport> {
  const started = performance.now();
  checkNames(options);
  const { product, signal } = options;
  await using stack = new AsyncDisposableStack();
  const images = options.images.map(({ name, path }) => {
    return { name, steady: stack.use(SteadyImage.open(path)) };
  });
  const existing = await findRelease(store, ledger, options);
  // All of this is asked of the repository as it was a moment ago; whatever counts is asked again later.
  const asked = { signal, recent: true };
  const bases = await findBases(ledger, product, options.bases ?? { last: 0 }, asked);
  const names = images.map(({ name }) => name);
  requireRoom(bases, names);
  const rules = await resolveRules(ledger, options, options, asked);
  const pool = stack.use(openPool(options.workers ?? defaultWorkers(), signal));
  if (existing !== undefined) {
    requireSameRules(existing, rules);
    await requireSameSealing(store, existing, options.sealing, signal);
    const digests = await Promise.all(images.map(({ steady }) => imageDigest(pool, steady.file)));
    requireSame(
      existing,
      images.map(({ name }, i) => ({ name, sha256: toHex(digests[i] as Uint8Array) })),
    );
    await pointChannel(ledger, options);
    return emptyReport(existing, images, (performance.now() - started) / 1000);
  }
  // Before hours of work, rather than after.
  await ledger.requireReady(product, asked);
  const directory = await makeTemporary(options.temporaryDirectory ?? tmpdir());
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  return await publishNew(store, ledger, options, { images, bases, rules, pool, directory, started });
}

interface Workshop {
  readonly images: readonly NamedImage[];
  readonly bases: readonly Manifest[];
  readonly rules: ReleaseRules;
  readonly pool: WorkerPool;
  readonly directory: string;
  readonly started: number;
}

async function publishNew(
  store: Store,
  ledger: ReleaseLedger,
  options: PublishOptions,
  { images, bases, rules, pool, directory, started }: Workshop,
): Promise<PublishReport> {
  const { product, version, signal, memoryBytes, deltaEntropy: entropy, onProgress } = options;
  await using copies = await openCopies(bases, options.baseCopies ?? [], pool);
  // Before anything is relied on that is in the repository already.
  await using lease = await holdLease(store, `publish ${product} ${version}`, { signal });
  await using uploads = new UploadQueue(store, signal);
  const tell = (progress: Omit<PublishProgress, 'bytesUploaded'>): void =>
    onProgress?.({ ...progress, bytesUploaded: uploads.totals.bytesUploaded });
  const common = { pool, uploads, directory, signal };
  const plan = options.sealing && (await planSealing(store, ledger, product, options.sealing, signal));
  const bytesTotal = sizeOf(images);
  const { images: stored, ...totals } = await storeImages(store, ledger, images, {
    ...common,
    product,
    chunker: options.chunker ?? defaultChunker,
    compression: options.compression ?? defaultCompression,
    sealing: plan,
    before: await releasesBefore(ledger, options, bases, { signal, recent: true }),
    onProgress: (bytesDone) => tell({ phase: 'images', bytesDone, bytesTotal }),
  });
  const work = { ...common, store, key: plan?.key, memoryBytes, entropy, onProgress: tell };
  const deltas = await publishDeltas(stored, {
    ...work,
    contentKey: options.sealing && masterKeys(options.sealing.master),
    bases,
    copies: copies.byDigest,
    share: await sharing(options.jobs, { product, ...(plan && { sealing: plan.sealing }) }, work),
  });
  if (plan?.envelope !== undefined) await uploads.put(envelopeKey(plan.sealing), plan.envelope);
  // Everything a reader may ask for is stored before the release can be seen.
  await uploads.finish();
  await lease.requireHeld();
  const added = await addRelease(store, ledger, options, {
    product,
    version,
    created: (options.created ?? new Date()).toISOString(),
    ...rules,
    ...(plan && { sealing: plan.sealing }),
    images: stored.map(({ name, steady, digest, index: { sha256, size, head } }) => {
      const found = deltas.byImage.get(name);
      return {
        name,
        size: steady.file.size,
        sha256: toHex(digest),
        index: { sha256, size, head },
        ...(found === undefined ? {} : { deltas: [...found] }),
      };
    }),
  });
  return {
    ...added,
    bytesRead: bytesTotal,
    ...uploads.totals,
    ...totals,
    deltas: deltas.report,
    ...(deltas.jobs && { jobs: deltas.jobs }),
    deltasKept: deltas.report.filter(({ kept }) => kept).length,
    deltasDropped: deltas.report.filter(({ kept }) => !kept).length,
    seconds: (performance.now() - started) / 1000,
  };
}

async function sharing(
  jobs: JobOptions | undefined,
  release: SharedRelease,
  work: SharingWork,
): Promise<DeltaWork['share']> {
  if (jobs === undefined) return undefined;
  // Loaded when needed: most publishers share nothing.
  const { shareDeltas } = await import('./jobs/share-deltas.ts');
  return (pairs) => shareDeltas(pairs, release, work, jobs);
}

function sizeOf(images: readonly NamedImage[]): number {
  return images.reduce((sum, { steady }) => sum + steady.file.size, 0);
}

async function makeTemporary(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, 'silt-publish-'));
  } catch (error) {
    throw ioError(error, 'create a temporary directory in', parent);
  }
}

/** Makes the release visible, unless another publisher has just done so with the same images. */
async function addRelease(
  store: Store,
  ledger: ReleaseLedger,
  options: PublishOptions,
  release: NewRelease,
): Promise<Pick<PublishReport, 'manifest' | 'unchanged'>> {
  const { signal, channel, signManifest } = options;
  try {
    // What was read since the lease was taken; in a long publish that is too long ago, and is read again.
    const added = { signal, channel, signManifest, recent: true };
    return { manifest: await ledger.add(release, added), unchanged: false };
  } catch (error) {
    if (!isSiltError(error, 'RELEASE_EXISTS')) throw error;
    const manifest = await ledger.find(release.product, release, { signal });
    requireSame(manifest, release.images);
    await requireSameSealing(store, manifest, options.sealing, signal);
    await pointChannel(ledger, options);
    return { manifest, unchanged: true };
  }
}

async function pointChannel(ledger: ReleaseLedger, options: PublishOptions): Promise<void> {
  const { product, version, channel, signal } = options;
  if (channel !== undefined) await ledger.point(product, channel, version, { signal });
}

/** A version means one thing for ever: publishing it again must be publishing the same. */
function requireSame(existing: Manifest, images: readonly { name: string; sha256: string }[]): void {
  const { product, version } = existing;
  const namesOf = (list: typeof images) => list.map(({ name, sha256 }) => `${name} ${sha256}`).join();
  if (namesOf(images) === namesOf(existing.images)) return;
  throw new SiltError(
    'RELEASE_EXISTS',
    `${product} ${version} is published already, with other images; choose another version`,
    { details: { product, version } },
  );
}

function emptyReport(manifest: Manifest, images: readonly NamedImage[], seconds: number): PublishReport {
  return {
    manifest,
    unchanged: true,
    bytesRead: sizeOf(images),
    bytesUploaded: 0,
    objectsUploaded: 0,
    chunks: 0,
    newChunks: 0,
    newBytes: 0,
    againBytes: 0,
    storedBytes: 0,
    knownChunksFull: false,
    deltas: [],
    deltasKept: 0,
    deltasDropped: 0,
    seconds,
  };
}
