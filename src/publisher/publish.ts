/**
 * Publishes a release: images → chunks → new chunks → frames → packs → indexes → manifest, in the order
 * that a reader needs. The manifest becomes visible last, in one step; killed anywhere before, the
 * repository is as it was, and the next run finds the packs that have been stored already.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChunkerSpec, chunkerSpec } from '../chunker/chunker.ts';
import { type WindowSpec, windowSpec } from '../chunker/windows.ts';
import { toHex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { type Compression, defaultCompression } from '../format/compression.ts';
import { MAX_RELEASE_IMAGES } from '../format/limits.ts';
import { type Manifest, NAME_PATTERN } from '../format/manifest.ts';
import { ioError } from '../io/io-error.ts';
import type { SourceFile } from '../io/source-file.ts';
import { defaultWorkers, openPool, type WorkerPool } from '../pool/pool.ts';
import type { Store } from '../store/store.ts';
import type { NewRelease, ReleaseLedger } from '../trust/releases.ts';
import type { ReleaseTables } from './chunk-intake.ts';
import { ChunkTable } from './chunk-table.ts';
import { FramePacker } from './frame-packer.ts';
import { FrameTable } from './frame-table.ts';
import { indexImage } from './index-image.ts';
import { IndexWriter, type WrittenIndex } from './index-writer.ts';
import { loadKnownChunks } from './known-chunks.ts';
import type { PublishProgress, PublishReport } from './publish-report.ts';
import { SteadyImage } from './steady-image.ts';
import { UploadQueue } from './upload-queue.ts';

/** docs/decisions/0003-chunk-and-window-size.md has the figures. */
export const defaultChunker: ChunkerSpec = chunkerSpec('fastcdc-1', 4 * KiB);

export interface ImageSource {
  /** Names the image within the release. */
  readonly name: string;
  /** A regular file or a block device. */
  readonly path: string;
}

export interface PublishOptions {
  readonly product: string;
  readonly version: string;
  readonly images: readonly ImageSource[];
  /** Points this channel at the release. */
  readonly channel?: string | undefined;
  readonly chunker?: ChunkerSpec | undefined;
  readonly compression?: Compression | undefined;
  /** Threads; changes the speed and nothing else. Default: one a processor, four at most. */
  readonly workers?: number | undefined;
  /** Time of the release. Default: now. */
  readonly created?: Date | undefined;
  /** Where indexes grow until they are stored: some 0.3 % of the images. Default: the system's. */
  readonly temporaryDirectory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PublishProgress) => void) | undefined;
}

/**
 * Publishes a release into the repository behind `store`.
 *
 * @returns what was read, stored and made visible; `unchanged` when this very release was there already
 * @throws SiltError USAGE, IMAGE_UNREADABLE, IMAGE_CHANGED, RELEASE_EXISTS, CONFLICT, NO_SPACE, store errors
 */
export async function publish(
  store: Store,
  ledger: ReleaseLedger,
  options: PublishOptions,
): Promise<PublishReport> {
  const started = performance.now();
  checkNames(options);
  const { signal } = options;
  await using stack = new AsyncDisposableStack();
  const images = options.images.map(({ path }) => stack.use(SteadyImage.open(path)));
  const pool = stack.use(openPool(options.workers ?? defaultWorkers(), signal));
  const existing = await findRelease(ledger, options);
  if (existing !== undefined) {
    const digests = await Promise.all(images.map(({ file }) => imageDigest(pool, file)));
    requireSame(
      existing,
      options.images.map(({ name }, i) => ({ name, sha256: toHex(digests[i] as Uint8Array) })),
    );
    await pointChannel(ledger, options);
    return emptyReport(existing, images, (performance.now() - started) / 1000);
  }
  const directory = await makeTemporary(options.temporaryDirectory ?? tmpdir());
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  return await publishNew(store, ledger, options, { images, pool, directory, started });
}

interface Workshop {
  readonly images: readonly SteadyImage[];
  readonly pool: WorkerPool;
  readonly directory: string;
  readonly started: number;
}

async function publishNew(
  store: Store,
  ledger: ReleaseLedger,
  options: PublishOptions,
  { images, pool, directory, started }: Workshop,
): Promise<PublishReport> {
  const { signal } = options;
  await using uploads = new UploadQueue(store, signal);
  const chunks = new ChunkTable();
  const frames = new FrameTable();
  await loadKnownChunks(store, ledger, options.product, { chunks, frames }, signal);
  const packer = new FramePacker(pool, frames, {
    compression: options.compression ?? defaultCompression,
    onPack: (pack) => uploads.put(`packs/${pack.name}`, pack.bytes),
  });
  const chunker = options.chunker ?? defaultChunker;
  const tables: ReleaseTables = {
    pool,
    chunks,
    frames,
    packer,
    chunker,
  };
  const windowings = images.map(({ file }) => windowSpec(chunker.max, file.size));
  const bytesTotal = images.reduce((sum, { file }) => sum + file.size, 0);
  const totals = { chunks: 0, newChunks: 0, newBytes: 0 };
  const digests: Uint8Array[] = [];
  const writers: IndexWriter[] = [];
  let bytesDone = 0;
  await using closers = new AsyncDisposableStack();
  for (const [i, steady] of images.entries()) {
    const { file } = steady;
    const digest = imageDigest(pool, file);
    digest.catch(() => {});
    const writer = await IndexWriter.create(frames, join(directory, `${i}.index`));
    closers.defer(() => writer.close());
    const image = await indexImage(file, tables, writer, windowings[i] as WindowSpec, (done) => {
      const { bytesUploaded } = uploads.totals;
      options.onProgress?.({ bytesDone: bytesDone + done, bytesTotal, bytesUploaded });
    });
    bytesDone += file.size;
    totals.chunks += image.chunks;
    totals.newChunks += image.newChunks;
    totals.newBytes += image.newBytes;
    digests.push(await digest);
    steady.requireUnchanged();
    writers.push(writer);
  }
  await packer.finish();
  const indexes: WrittenIndex[] = [];
  for (const [i, writer] of writers.entries()) {
    const index = await writer.finish({
      size: (images[i] as SteadyImage).file.size,
      digest: digests[i] as Uint8Array,
      chunker,
      windowing: windowings[i] as WindowSpec,
    });
    await uploads.put(`indexes/${index.sha256}`, { path: index.path, size: index.size });
    indexes.push(index);
  }
  // Everything a reader may ask for is stored before the release can be seen.
  await uploads.finish();
  const added = await addRelease(ledger, options, {
    product: options.product,
    version: options.version,
    created: (options.created ?? new Date()).toISOString(),
    images: options.images.map(({ name }, i) => {
      const { size, sha256, head } = indexes[i] as WrittenIndex;
      return {
        name,
        size: (images[i] as SteadyImage).file.size,
        sha256: toHex(digests[i] as Uint8Array),
        index: { sha256, size, head },
      };
    }),
  });
  return {
    ...added,
    bytesRead: bytesTotal,
    ...uploads.totals,
    ...totals,
    storedBytes: packer.storedBytes,
    knownChunksFull: chunks.isFull,
    deltas: [],
    seconds: (performance.now() - started) / 1000,
  };
}

function checkNames(options: PublishOptions): void {
  const names: [string, string][] = [
    ['product', options.product],
    ['version', options.version],
    ...options.images.map(({ name }): [string, string] => ['image name', name]),
  ];
  if (options.channel !== undefined) names.push(['channel', options.channel]);
  for (const [what, name] of names) {
    if (!NAME_PATTERN.test(name)) {
      throw new SiltError(
        'USAGE',
        `expected a ${what} of 1 to 128 letters, digits and . _ + ~ - that begins with a letter or digit, found "${name}"`,
      );
    }
  }
  const count = options.images.length;
  if (count === 0 || count > MAX_RELEASE_IMAGES) {
    throw new SiltError('USAGE', `expected 1 to ${MAX_RELEASE_IMAGES} images to publish, found ${count}`);
  }
  const distinct = new Set(options.images.map(({ name }) => name));
  if (distinct.size !== count) {
    throw new SiltError('USAGE', 'two images have the same name; name them with --image NAME=PATH');
  }
}

async function makeTemporary(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, 'silt-publish-'));
  } catch (error) {
    throw ioError(error, 'create a temporary directory in', parent);
  }
}

function imageDigest(pool: WorkerPool, file: SourceFile): Promise<Uint8Array> {
  return pool.digests({
    path: file.path,
    offsets: Float64Array.of(0),
    lengths: Float64Array.of(file.size),
  });
}

async function findRelease(ledger: ReleaseLedger, options: PublishOptions): Promise<Manifest | undefined> {
  try {
    return await ledger.find(options.product, { version: options.version }, { signal: options.signal });
  } catch (error) {
    if (isSiltError(error, 'RELEASE_NOT_FOUND') || isSiltError(error, 'NOT_A_REPOSITORY')) return undefined;
    throw error;
  }
}

/** Makes the release visible, unless another publisher has just done so with the same images. */
async function addRelease(
  ledger: ReleaseLedger,
  options: PublishOptions,
  release: NewRelease,
): Promise<Pick<PublishReport, 'manifest' | 'unchanged'>> {
  const { signal, channel } = options;
  try {
    return { manifest: await ledger.add(release, { signal, channel }), unchanged: false };
  } catch (error) {
    if (!isSiltError(error, 'RELEASE_EXISTS')) throw error;
    const manifest = await ledger.find(release.product, release, { signal });
    requireSame(manifest, release.images);
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

function emptyReport(manifest: Manifest, images: readonly SteadyImage[], seconds: number): PublishReport {
  return {
    manifest,
    unchanged: true,
    bytesRead: images.reduce((sum, { file }) => sum + file.size, 0),
    bytesUploaded: 0,
    objectsUploaded: 0,
    chunks: 0,
    newChunks: 0,
    newBytes: 0,
    storedBytes: 0,
    knownChunksFull: false,
    deltas: [],
    seconds,
  };
}
