/**
 * Deltas of a release as jobs that other machines may take.
 *
 * A worker rebuilds both images from the repository, so all of the images must be stored before jobs are offered.
 * What it answers is held against the manifest's own terms: the object is read back whole from the repository, and
 * must have its digest, name these two images, and be made of payloads that match their tags. That it makes the
 * image, a device checks window by window.
 *
 * @module
 */
import { toHex } from '../../core/digest.ts';
import {
  checkDeltaResult,
  type DeltaJob,
  type DeltaResult,
  deltaJobId,
  jobImage,
  newDeltaJob,
} from '../../format/delta-job.ts';
import type { Manifest } from '../../format/manifest.ts';
import { checkDelta } from '../check-delta.ts';
import { readOrDamaged } from '../known-chunks.ts';
import {
  type DeltaPair,
  type DeltaWork,
  type Outcome,
  type SharedOutcomes,
  writtenIndex,
} from '../publish-deltas.ts';
import type { JobOptions } from './job-queue.ts';
import { type SharedJob, shareJobs } from './share-jobs.ts';

/** The release whose deltas they are. */
export type SharedRelease = Pick<Manifest, 'product' | 'sealing'>;

export type SharingWork = Pick<
  DeltaWork,
  'store' | 'uploads' | 'key' | 'entropy' | 'memoryBytes' | 'signal' | 'onProgress'
>;

const POLL_MS = 500;

/**
 * Makes the deltas of `pairs` here and elsewhere.
 *
 * @throws SiltError what making one here throws, store errors
 */
export async function shareDeltas(
  pairs: readonly DeltaPair[],
  release: SharedRelease,
  work: SharingWork,
  options: JobOptions,
): Promise<SharedOutcomes> {
  const { uploads, signal, onProgress } = work;
  // Workers read the images from there.
  await uploads.finish();
  const jobs = pairs.map((pair) => new DeltaOfPair(pair, release, work, options.silt));
  const kind = jobs.some(({ job }) => job.base.seal ?? job.target.seal) ? 'sealed' : 'plain';
  const queue = await options.open(kind);
  const bytesTotal = pairs.reduce((sum, { target }) => sum + target.steady.file.size, 0);
  const notes: string[] = [];
  try {
    const { results, ...counts } = await shareJobs<Outcome>(queue, jobs, {
      leave: options.leave ?? false,
      pollMs: options.pollMs ?? POLL_MS,
      patienceMs: options.patienceMs,
      signal,
      onNote(line) {
        notes.push(line);
        options.onNote?.(line);
      },
      onProgress: (done) =>
        onProgress({
          phase: 'deltas',
          about: `${done} of ${pairs.length}`,
          bytesDone: (bytesTotal / pairs.length) * done,
          bytesTotal,
        }),
    });
    return { outcomes: results, jobs: { ...counts, notes } };
  } finally {
    await queue.close();
  }
}

class DeltaOfPair implements SharedJob<Outcome> {
  readonly job: DeltaJob;
  readonly id: string;
  readonly #pair: DeltaPair;
  readonly #work: SharingWork;

  constructor(pair: DeltaPair, release: SharedRelease, work: SharingWork, silt: string) {
    const { target, base } = pair;
    const { entropy = 'model', memoryBytes } = work;
    const image = { size: target.steady.file.size, sha256: toHex(target.digest), index: target.index };
    this.job = newDeltaJob({
      silt,
      base: jobImage(base.image, base.release),
      target: jobImage(image, release),
      entropy,
      ...(memoryBytes !== undefined && { memory: memoryBytes }),
    });
    this.id = deltaJobId(this.job);
    this.#pair = pair;
    this.#work = work;
  }

  make(): Promise<Outcome> {
    return this.#pair.make();
  }

  async makeAgain(): Promise<Outcome> {
    const outcome = await this.make();
    // An altered object of that name is not replaced by putting it: better no release than one with it.
    await this.#work.uploads.finish();
    if (outcome.kept) await this.#requireStored(outcome);
    return outcome;
  }

  async check(value: unknown): Promise<Outcome> {
    const result = checkDeltaResult(value);
    if (!result.kept) return result;
    await this.#requireStored(result);
    return result;
  }

  async #requireStored({
    sha256,
    size,
    head,
  }: Pick<DeltaResult & { kept: true }, 'sha256' | 'size' | 'head'>): Promise<void> {
    const { store, key, signal } = this.#work;
    const { base, target } = this.job;
    using index = writtenIndex(this.#pair.target, key);
    await checkDelta(
      { ...target, name: this.#pair.target.name },
      { base: { sha256: base.sha256, size: base.size }, sha256, size, head },
      index.head.windows.map(({ length }) => length),
      (offset, length) => readOrDamaged(store, `deltas/${sha256}`, { offset, length }, signal),
      key,
    );
  }
}
