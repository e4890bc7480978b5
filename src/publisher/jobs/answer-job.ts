/**
 * Does one job: rebuilds both images from the repository, makes the delta just as a publisher does, and stores it
 * under its digest.
 *
 * A job comes from a queue that others write to, so nothing of it is believed: it can name objects of this repository
 * by their digests, and parameters within limits, and cannot say where anything is read or written besides.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SiltError } from '../../core/errors.ts';
import { formatSize, MiB } from '../../core/sizes.ts';
import { checkDeltaJob, type DeltaResult, type JobImage } from '../../format/delta-job.ts';
import { SourceFile } from '../../io/source-file.ts';
import type { WorkerPool } from '../../pool/pool.ts';
import type { Store } from '../../store/store.ts';
import { type ContentKey, contentKeyOf } from '../../trust/seal/content-key.ts';
import type { MasterSecret } from '../../trust/seal/master-secret.ts';
import { makeImageDelta } from '../image-delta.ts';
import { openIndex, readOrDamaged } from '../known-chunks.ts';
import { UploadQueue } from '../upload-queue.ts';
import type { RestoredImages } from './restored-images.ts';

/** What a worker does its jobs with. */
export interface Workshop {
  readonly store: Store;
  readonly images: RestoredImages;
  readonly pool: WorkerPool;
  /** Where deltas grow; nobody else writes there. */
  readonly directory: string;
  /** Version of this silt. */
  readonly silt: string;
  /** Opens and seals, where there are sealed releases. */
  readonly master: MasterSecret | undefined;
  /** The most that a job may have finding matches take. Default {@link MOST_MEMORY}. */
  readonly mostMemory?: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Hears whenever a piece of the job is done. */
  readonly moved?: (() => void) | undefined;
}

/** Four times the default of a publisher. */
export const MOST_MEMORY: number = 2048 * MiB;

/**
 * The result of a job.
 *
 * @param data of the job, as it came
 * @throws SiltError FORMAT_INVALID, NOT_COMPATIBLE, SEAL_KEY_REQUIRED, SEAL_NOT_RECIPIENT; what rebuilding images,
 *   making the delta and storing it throws
 */
export async function answerJob(data: unknown, workshop: Workshop): Promise<DeltaResult> {
  const job = checkDeltaJob(data);
  const { store, images, pool, directory, silt, signal, mostMemory = MOST_MEMORY } = workshop;
  const moved = workshop.moved ?? (() => {});
  requireSame(job.silt, silt);
  if (job.memory !== undefined && job.memory > mostMemory) {
    throw new SiltError(
      'NOT_COMPATIBLE',
      `the job wants ${formatSize(job.memory)} of memory, this worker gives ${formatSize(mostMemory)}; start it with a larger --memory`,
    );
  }
  const [baseKey, key] = [keyOf(job.base, workshop.master), keyOf(job.target, workshop.master)];
  const base = await images.get(job.base, baseKey, { signal, onProgress: moved });
  const target = await images.get(job.target, key, { signal, onProgress: moved });
  const { index } = job.target;
  const { head, seal } = await openIndex(store, job.target, key, signal);
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    readOrDamaged(store, `indexes/${index.sha256}`, { offset, length }, signal);
  using file = SourceFile.open(base.path);
  const path = join(directory, 'made');
  try {
    const made = await makeImageDelta({
      base: { file, sha256: job.base.sha256, head: base.head },
      target: {
        path: target.path,
        digest: Buffer.from(job.target.sha256, 'hex'),
        index: { head, headBytes: index.head.size, read, seal },
      },
      key,
      pool,
      path,
      memoryBytes: job.memory,
      entropy: job.entropy,
      signal,
      onProgress: moved,
    });
    if (!made.kept) return { ...made, reason: 'no-saving' };
    const { file: delta, ...figures } = made;
    await using uploads = new UploadQueue(store, signal);
    await uploads.put(`deltas/${delta.sha256}`, { path: delta.path, size: delta.size });
    await uploads.finish();
    return { ...figures, sha256: delta.sha256, size: delta.size, head: delta.head };
  } finally {
    for (const kind of ['delta', 'trimmed', 'sealed']) await rm(`${path}.${kind}`, { force: true });
  }
}

function requireSame(wanted: string, silt: string): void {
  if (wanted === silt) return;
  throw new SiltError(
    'NOT_COMPATIBLE',
    `the job is for silt ${wanted}, this worker is silt ${silt}; use the same version on all machines`,
    { details: { expected: wanted, found: silt } },
  );
}

function keyOf({ seal }: JobImage, master: MasterSecret | undefined): ContentKey | undefined {
  if (seal === undefined) return undefined;
  const { product, epoch, keyId } = seal;
  if (master === undefined) {
    throw new SiltError('SEAL_KEY_REQUIRED', `${product} is sealed; start the worker with --seal`);
  }
  const key = contentKeyOf(master.contentKey(product, epoch));
  if (key.id === keyId) return key;
  throw new SiltError(
    'SEAL_NOT_RECIPIENT',
    `${master.name} is not the master secret that ${product} was sealed with; start the worker with that one`,
    { details: { product, expected: keyId, found: key.id } },
  );
}
