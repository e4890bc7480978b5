/**
 * Deltas of a release: for each image one from every different image of its name in the releases that were
 * chosen as bases, of which those are stored that spare a device bytes.
 *
 * Here one after another, for each keeps all workers busy by itself; or shared with other machines, see `jobs/`.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../core/digest.ts';
import { droppedPhase } from '../core/drop-buffers.ts';
import type { Entropy } from '../delta/window-encoder.ts';
import { decodeIndexHead, type IndexHead } from '../format/index-head.ts';
import type { Manifest, ManifestDelta } from '../format/manifest.ts';
import { SourceFile } from '../io/source-file.ts';
import type { WorkerPool } from '../pool/pool.ts';
import type { ReadStore } from '../store/store.ts';
import { type ContentKey, contentKeyFor, type OpenContentKey } from '../trust/seal/content-key.ts';
import { openHead } from '../trust/seal/sealed-head.ts';
import { type BaseImage, baseImages } from './base-releases.ts';
import { makeImageDelta, type TargetIndex } from './image-delta.ts';
import { openIndex } from './known-chunks.ts';
import type { DeltaReport, PublishProgress, PublishReport } from './publish-report.ts';
import { restoreImage } from './restore-image.ts';
import type { SteadyImage } from './steady-image.ts';
import type { StoredImage } from './store-images.ts';
import type { UploadQueue } from './upload-queue.ts';

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
  /** Has the deltas made elsewhere too; default: all of them here, in order. */
  readonly share?: ((pairs: readonly DeltaPair[]) => Promise<SharedOutcomes>) | undefined;
}

/** A delta that is to be made. */
export interface DeltaPair {
  readonly target: StoredImage;
  readonly base: BaseImage;
  /** Makes it here, and has it stored. */
  make(): Promise<Outcome>;
}

export interface SharedOutcomes {
  /** In the order of the pairs. */
  readonly outcomes: readonly Outcome[];
  readonly jobs: NonNullable<PublishReport['jobs']>;
}

export interface PublishedDeltas {
  /** For the manifest, by the name of the image. */
  readonly byImage: ReadonlyMap<string, readonly ManifestDelta[]>;
  readonly report: readonly DeltaReport[];
  /** Where they were made, when they were shared. */
  readonly jobs?: PublishReport['jobs'];
}

/** What came of one pair of images, whatever they are called. */
export type Outcome = OutcomeOf<DeltaReport>;
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
  // The tables of chunks and frames are done with.
  if (work.bases.length > 0) droppedPhase();
  const pairs = differentPairs(images, work);
  const { outcomes, jobs } = await makeAll([...pairs.values()], work);
  const found = new Map([...pairs.keys()].map((name, i) => [name, outcomes[i] as Outcome]));
  const byImage = new Map<string, ManifestDelta[]>();
  const report: DeltaReport[] = [];
  for (const stored of images) {
    for (const base of baseImages(work.bases, stored.name)) {
      const { sha256, size } = base.image;
      const outcome = found.get(nameOf(stored, base)) ?? SAME_IMAGE;
      report.push({ image: stored.name, base: { versions: base.versions, sha256, size }, ...outcome });
      if (!outcome.kept) continue;
      const deltas = byImage.get(stored.name) ?? [];
      byImage.set(stored.name, deltas);
      deltas.push({ base: { sha256, size }, sha256: outcome.sha256, size: outcome.size, head: outcome.head });
    }
  }
  return { byImage, report, jobs };
}

const SAME_IMAGE: Outcome = { kept: false, reason: 'same-image' };

/** Each pair of images once, in order. */
function differentPairs(images: readonly StoredImage[], work: DeltaWork): Map<string, DeltaPair> {
  const pairs = new Map<string, DeltaPair>();
  for (const target of images) {
    for (const base of baseImages(work.bases, target.name)) {
      const name = nameOf(target, base);
      if (pairs.has(name) || base.image.sha256 === toHex(target.digest)) continue;
      const path = join(work.directory, `${pairs.size}`);
      pairs.set(name, { target, base, make: () => new DeltaMaker(target, base, path, work).make() });
    }
  }
  return pairs;
}

function nameOf(target: StoredImage, base: BaseImage): string {
  return `${base.image.sha256} ${toHex(target.digest)}`;
}

async function makeAll(
  pairs: readonly DeltaPair[],
  { share }: DeltaWork,
): Promise<{ readonly outcomes: readonly Outcome[]; readonly jobs?: PublishReport['jobs'] }> {
  if (share !== undefined && pairs.length > 0) return await share(pairs);
  const outcomes: Outcome[] = [];
  for (const pair of pairs) outcomes.push(await pair.make());
  return { outcomes };
}

/** The index of an image of this release, from the file that it was written to. */
export function writtenIndex(target: StoredImage, key: ContentKey | undefined): TargetIndex & Disposable {
  const index = SourceFile.open(target.index.path);
  const read = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    index.read(offset, bytes);
    return bytes;
  };
  const headBytes = target.index.head.size;
  const { plain, seal } = openHead('index', read(0, headBytes), key, index.path);
  const head = decodeIndexHead(plain, headBytes);
  return { head, headBytes, read, seal, [Symbol.dispose]: () => index.close() };
}

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
    const { pool, key, memoryBytes, entropy, signal, uploads } = this.#work;
    using index = writtenIndex(this.#target, key);
    const made = await makeImageDelta({
      base: { file: base, sha256: this.#base.image.sha256, head: baseHead },
      target: { path: this.#target.steady.file.path, digest: this.#target.digest, index },
      key,
      pool,
      path: this.#path,
      memoryBytes,
      entropy,
      signal,
      onProgress: (phase, bytesDone, bytesTotal) => this.#progress(phase, bytesDone, bytesTotal),
    });
    this.#target.steady.requireUnchanged();
    if (!made.kept) return made;
    const { file, ...figures } = made;
    const { path, size, sha256, head } = file;
    await uploads.put(`deltas/${sha256}`, { path, size });
    return { size, sha256, head, ...figures };
  }

  #progress(phase: string, bytesDone: number, bytesTotal: number): void {
    const about = `${this.#target.name} from ${this.#base.versions[0]}`;
    this.#work.onProgress({ phase, about, bytesDone, bytesTotal });
  }
}
