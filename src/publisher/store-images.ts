/**
 * Images → chunks → new chunks → frames → packs → indexes, all of them on their way to the store.
 *
 * @module
 */
import { join } from 'node:path';
import type { ChunkerSpec } from '../chunker/chunker.ts';
import { type WindowSpec, windowSpec } from '../chunker/windows.ts';
import type { Compression } from '../format/compression.ts';
import type { Manifest } from '../format/manifest.ts';
import { imageDigest } from '../pool/image-digest.ts';
import type { WorkerPool } from '../pool/pool.ts';
import type { Store } from '../store/store.ts';
import type { ReleaseLedger } from '../trust/releases.ts';
import type { ReleaseTables } from './chunk-intake.ts';
import { ChunkTable } from './chunk-table.ts';
import { FramePacker } from './frame-packer.ts';
import { FrameTable } from './frame-table.ts';
import { indexImage } from './index-image.ts';
import { IndexWriter } from './index-writer.ts';
import { loadKnownChunks, type SharingRelease } from './known-chunks.ts';
import type { SealingPlan } from './plan-sealing.ts';
import type { PublishReport } from './publish-report.ts';
import type { WrittenObject } from './seal-object.ts';
import type { SteadyImage } from './steady-image.ts';
import type { UploadQueue } from './upload-queue.ts';

/** An image on its way into a release. */
export interface NamedImage {
  readonly name: string;
  readonly steady: SteadyImage;
}

/** An image whose chunks and index are stored, or about to be. */
export interface StoredImage extends NamedImage {
  readonly digest: Uint8Array;
  readonly index: WrittenObject;
}

export interface StoreImagesOptions {
  readonly product: string;
  readonly chunker: ChunkerSpec;
  readonly compression: Compression;
  /** How the release is sealed; `undefined` when it is not. */
  readonly sealing: Pick<SealingPlan, 'key' | 'sealing'> | undefined;
  /** As {@link SharingRelease.before}. */
  readonly before: readonly Manifest[];
  readonly pool: WorkerPool;
  readonly uploads: UploadQueue;
  /** Where indexes are written; they must stay until their uploads are done. */
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
  /** Hears how many bytes of the images are cut, packed and indexed. */
  readonly onProgress: (bytesDone: number) => void;
}

export type StoredImages = { readonly images: readonly StoredImage[] } & Pick<
  PublishReport,
  'chunks' | 'newChunks' | 'newBytes' | 'againBytes' | 'storedBytes' | 'knownChunksFull'
>;

/**
 * Stores what the repository does not hold yet.
 *
 * @throws SiltError IMAGE_CHANGED, NO_SPACE, IO_FAILED, store errors
 */
export async function storeImages(
  store: Store,
  ledger: ReleaseLedger,
  images: readonly NamedImage[],
  options: StoreImagesOptions,
): Promise<StoredImages> {
  const { product, chunker, compression, sealing, before, pool, uploads, directory, signal, onProgress } =
    options;
  const key = sealing?.key;
  const chunks = new ChunkTable();
  const frames = new FrameTable();
  await loadKnownChunks(store, ledger, { product, sealing, before }, { chunks, frames }, signal);
  const packer = new FramePacker(pool, frames, {
    compression,
    key,
    onPack: (pack) => uploads.put(`packs/${pack.name}`, pack.bytes),
  });
  const tables: ReleaseTables = { pool, chunks, frames, packer, chunker };
  const totals = { chunks: 0, newChunks: 0, newBytes: 0, againBytes: 0 };
  const indexed: { image: NamedImage; digest: Uint8Array; writer: IndexWriter; windowing: WindowSpec }[] = [];
  let bytesDone = 0;
  await using closers = new AsyncDisposableStack();
  for (const [i, image] of images.entries()) {
    const { file } = image.steady;
    const digest = imageDigest(pool, file);
    digest.catch(() => {});
    const windowing = windowSpec(chunker.max, file.size);
    const writer = await IndexWriter.create(frames, join(directory, `${i}.index`), key);
    closers.defer(() => writer.close());
    const found = await indexImage(file, tables, writer, windowing, (done) => onProgress(bytesDone + done));
    bytesDone += file.size;
    totals.chunks += found.chunks;
    totals.newChunks += found.newChunks;
    totals.newBytes += found.newBytes;
    totals.againBytes += found.againBytes;
    indexed.push({ image, digest: await digest, writer, windowing });
    image.steady.requireUnchanged();
  }
  await packer.finish();
  const stored: StoredImage[] = [];
  for (const { image, digest, writer, windowing } of indexed) {
    const index = await writer.finish({ size: image.steady.file.size, digest, chunker, windowing });
    await uploads.put(`indexes/${index.sha256}`, { path: index.path, size: index.size });
    stored.push({ ...image, digest, index });
  }
  return { images: stored, ...totals, storedBytes: packer.storedBytes, knownChunksFull: chunks.isFull };
}
