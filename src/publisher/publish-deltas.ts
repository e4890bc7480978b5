/**
 * Deltas of a release: for each image one from every different image of its name in the releases that were
 * chosen as bases, of which those are stored that spare a device bytes.
 *
 * One after another, for each keeps all workers busy by itself.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../core/digest.ts';
import { droppedPhase } from '../core/drop-buffers.ts';
import type { Entropy } from '../delta/window-encoder.ts';
import { makeDelta } from '../differ/make-delta.ts';
import type { DeltaHead } from '../format/delta-file.ts';
import { decodeIndexHead, type IndexHead } from '../format/index-head.ts';
import type { Manifest, ManifestDelta } from '../format/manifest.ts';
import { SourceFile } from '../io/source-file.ts';
import type { WorkerPool } from '../pool/pool.ts';
import type { ReadStore } from '../store/store.ts';
import { type ContentKey, contentKeyFor, type OpenContentKey } from '../trust/seal/content-key.ts';
import { openHead } from '../trust/seal/sealed-head.ts';
import { type BaseImage, baseImages } from './base-releases.ts';
import { pays, windowsToDrop } from './choose-windows.ts';
import { ChunkCost } from './chunk-cost.ts';
import { holdingsOf } from './held-chunks.ts';
import { openIndex } from './known-chunks.ts';
import type { DeltaReport, PublishProgress } from './publish-report.ts';
import { restoreImage } from './restore-image.ts';
import { sealDelta } from './seal-delta.ts';
import type { SteadyImage } from './steady-image.ts';
import type { StoredImage } from './store-images.ts';
import { type DeltaFile, readDeltaHead, trimDelta } from './trim-delta.ts';
import type { UploadQueue } from './upload-queue.ts';

/**
 * What a delta must spare a device at least: it makes every device read a longer manifest (some 350 bytes), and
 * takes room on the server.
 */
export const LEAST_SAVING = 1024;

export interface DeltaWork {
  readonly store: ReadStore;
  /** Of the release, when it is sealed. */
  readonly key: ContentKey | undefined;
  /** Opens bases that are sealed. */
  readonly contentKey: OpenContentKey | undefined;
  readonly pool: WorkerPool;
  readonly uploads: UploadQueue;
  /** Where base images are rebuilt and deltas grow; deltas must stay until their uploads are done. */
  readonly directory: string;
  /** The newest first. */
  readonly bases: readonly Manifest[];
  /** Local copies of base images, by SHA-256. */
  readonly copies: ReadonlyMap<string, SteadyImage>;
  readonly memoryBytes: number | undefined;
  readonly entropy: Entropy | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: Omit<PublishProgress, 'bytesUploaded'>) => void;
}

export interface PublishedDeltas {
  /** For the manifest, by the name of the image. */
  readonly byImage: ReadonlyMap<string, readonly ManifestDelta[]>;
  readonly report: readonly DeltaReport[];
}

/** What came of one pair of images, whatever they are called. */
type Outcome = OutcomeOf<DeltaReport>;
type OutcomeOf<T> = T extends unknown ? Omit<T, 'image' | 'base'> : never;

/**
 * Makes the deltas and stores those that pay.
 *
 * @throws SiltError IMAGE_CHANGED, NO_SPACE, IO_FAILED, what {@link restoreImage} throws, store errors
 */
export async function publishDeltas(
  images: readonly StoredImage[],
  work: DeltaWork,
): Promise<PublishedDeltas> {
  const outcomes = new Map<string, Outcome>();
  const byImage = new Map<string, ManifestDelta[]>();
  const report: DeltaReport[] = [];
  // The tables of chunks and frames are done with.
  if (work.bases.length > 0) droppedPhase();
  for (const stored of images) {
    const target = toHex(stored.digest);
    for (const base of baseImages(work.bases, stored.name)) {
      const { sha256, size } = base.image;
      const pair = `${sha256} ${target}`;
      const path = join(work.directory, `${outcomes.size}`);
      const outcome =
        outcomes.get(pair) ??
        (sha256 === target ? SAME_IMAGE : await new DeltaMaker(stored, base, path, work).make());
      outcomes.set(pair, outcome);
      report.push({ image: stored.name, base: { versions: base.versions, sha256, size }, ...outcome });
      if (!outcome.kept) continue;
      const deltas = byImage.get(stored.name) ?? [];
      byImage.set(stored.name, deltas);
      deltas.push({ base: { sha256, size }, sha256: outcome.sha256, size: outcome.size, head: outcome.head });
    }
  }
  return { byImage, report };
}

const SAME_IMAGE: Outcome = { kept: false, reason: 'same-image' };

/** One delta: from one base image to one image of the release. */
class DeltaMaker {
  readonly #target: StoredImage;
  readonly #base: BaseImage;
  /** Beginning of the paths of temporary files. */
  readonly #path: string;
  readonly #work: DeltaWork;

  constructor(target: StoredImage, base: BaseImage, path: string, work: DeltaWork) {
    this.#target = target;
    this.#base = base;
    this.#path = path;
    this.#work = work;
  }

  async make(): Promise<Outcome> {
    const { image, release } = this.#base;
    const { store, signal, contentKey } = this.#work;
    const key = await contentKeyFor(release, contentKey);
    const copy = this.#work.copies.get(image.sha256);
    if (copy !== undefined) {
      const { head } = await openIndex(store, image, key, signal);
      const outcome = await this.#makeFrom(copy.file, head);
      copy.requireUnchanged();
      return outcome;
    }
    const restored = `${this.#path}.base`;
    const head = await restoreImage(store, image, restored, {
      key,
      signal,
      onProgress: (bytesDone) => this.#progress('base', bytesDone, image.size),
    });
    using file = SourceFile.open(restored);
    const outcome = await this.#makeFrom(file, head);
    await rm(restored);
    return outcome;
  }

  async #makeFrom(base: SourceFile, baseHead: IndexHead): Promise<Outcome> {
    const { pool, key } = this.#work;
    using index = SourceFile.open(this.#target.index.path);
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      index.read(offset, bytes);
      return bytes;
    };
    const headBytes = this.#target.index.head.size;
    const { plain, seal } = openHead('index', read(0, headBytes), key, index.path);
    const head = decodeIndexHead(plain, headBytes);
    const held = await holdingsOf(base, baseHead, head.chunker, pool);
    const cost = await ChunkCost.of(head, headBytes, read, held, seal);
    const chunkBytes = cost.total;
    if (chunkBytes < LEAST_SAVING) return { kept: false, reason: 'no-saving', chunkBytes };
    const made = await this.#encode(base, head, cost);
    this.#target.steady.requireUnchanged();
    const { delta, fetchBytes } = made;
    // Never more than a full download either: that is every frame of the image, and more than `chunkBytes`.
    if (fetchBytes + LEAST_SAVING > chunkBytes || !pays(fetchBytes, chunkBytes)) {
      await rm(delta.path);
      return { kept: false, reason: 'no-saving', chunkBytes, fetchBytes };
    }
    const { path, size, sha256, head: front } = await this.#sealed(delta);
    await this.#work.uploads.put(`deltas/${sha256}`, { path, size });
    const grown = { fetchBytes: fetchBytes + size - delta.size, chunkBytes };
    return { kept: true, size, sha256, head: front, ...made.figures, ...grown };
  }

  async #sealed(delta: DeltaFile): Promise<DeltaFile> {
    const { key } = this.#work;
    if (key === undefined) return delta;
    const sealed = await sealDelta(delta, key, `${this.#path}.sealed`);
    await rm(delta.path);
    return sealed;
  }

  /** Makes the delta file, and leaves out of it what does not pay. */
  async #encode(base: SourceFile, head: IndexHead, cost: ChunkCost) {
    const { pool, memoryBytes, entropy, signal } = this.#work;
    const path = `${this.#path}.delta`;
    const made = await makeDelta(pool, path, {
      basePath: base.path,
      targetPath: this.#target.steady.file.path,
      windowLengths: head.windows.map(({ length }) => length),
      // The index has the digest of each window.
      checkBytes: 0,
      costWithout: (window) => cost.alone(window),
      baseDigest: Buffer.from(this.#base.image.sha256, 'hex'),
      targetDigest: this.#target.digest,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(entropy === undefined ? {} : { entropy }),
      ...(signal === undefined ? {} : { signal }),
      onProgress: ({ phase, bytesDone, bytesTotal }) => this.#progress(phase, bytesDone, bytesTotal),
    });
    const whole: DeltaFile = { path, size: made.size, sha256: made.sha256, head: made.head };
    const wholeHead = readDeltaHead(whole);
    const dropped = new Set(windowsToDrop(payloadsOf(wholeHead), windowsOfKind(wholeHead, 'none'), cost));
    const figures = { windows: made.windows, bytes: made.bytes, seconds: made.seconds };
    if (dropped.size === 0) {
      return {
        delta: whole,
        fetchBytes: whole.size + cost.together(windowsOfKind(wholeHead, 'none')),
        figures,
      };
    }
    const { delta, bytes } = trimDelta(whole, wholeHead, dropped, `${this.#path}.trimmed`);
    await rm(path);
    const missing = [...windowsOfKind(wholeHead, 'none'), ...dropped];
    const { none, coded } = made.windows;
    const windows = { ...made.windows, none: none + dropped.size, coded: coded - dropped.size };
    const fetchBytes = delta.size + cost.together(missing);
    return {
      delta,
      fetchBytes,
      figures: { ...figures, windows, bytes: { ...bytes, head: delta.head.size } },
    };
  }

  #progress(phase: string, bytesDone: number, bytesTotal: number): void {
    const about = `${this.#target.name} from ${this.#base.versions[0]}`;
    this.#work.onProgress({ phase, about, bytesDone, bytesTotal });
  }
}

function payloadsOf(head: DeltaHead): (number | undefined)[] {
  return head.windows.map(({ source }) => (source.kind === 'coded' ? source.payload.length : undefined));
}

function windowsOfKind(head: DeltaHead, kind: DeltaHead['windows'][number]['source']['kind']): number[] {
  return head.windows.flatMap(({ source }, i) => (source.kind === kind ? [i] : []));
}
