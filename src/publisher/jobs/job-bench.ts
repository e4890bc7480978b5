/**
 * Where a worker does its jobs: threads and files of their own for each, so that of one which was given up in the
 * middle nothing is used again. Images that are rebuilt stay for the next job.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeltaResult } from '../../format/delta-job.ts';
import { ioError } from '../../io/io-error.ts';
import { openPool } from '../../pool/pool.ts';
import { answerJob, type Workshop } from './answer-job.ts';
import type { JobAttempt } from './job-attempt.ts';
import { RestoredImages } from './restored-images.ts';

export interface JobBenchOptions extends Pick<Workshop, 'store' | 'silt' | 'master' | 'mostMemory'> {
  /** All files go below it; whoever made it removes it. */
  readonly directory: string;
  /** Threads. */
  readonly workers: number;
}

export class JobBench {
  readonly #options: JobBenchOptions;
  /** `undefined` while a job is at work with them. */
  #images: RestoredImages | undefined;

  constructor(options: JobBenchOptions) {
    this.#options = options;
  }

  /**
   * Does a job.
   *
   * @param data of the job, as it came
   * @throws SiltError what {@link answerJob} throws
   */
  async answer(data: unknown, { signal, moved }: JobAttempt): Promise<DeltaResult> {
    const { workers, ...common } = this.#options;
    const directory = await this.#makeDirectory('job');
    // Taken behind all that fails on a full disk: images that are forgotten would stay there.
    const images = this.#images ?? new RestoredImages(common.store, await this.#makeDirectory('images'));
    this.#images = undefined;
    const pool = openPool(workers, signal);
    // A job that is given up may never come to its end; its threads do.
    signal.addEventListener('abort', () => void pool.close().catch(() => {}), { once: true });
    try {
      return await answerJob(data, { ...common, images, pool, directory, signal, moved });
    } finally {
      await pool.close();
      await rm(directory, { recursive: true, force: true });
      // After one that was given up, the next has begun with others.
      if (signal.aborted) await images.remove();
      else this.#images = images;
    }
  }

  async #makeDirectory(name: string): Promise<string> {
    const { directory } = this.#options;
    try {
      return await mkdtemp(join(directory, `${name}-`));
    } catch (error) {
      throw ioError(error, 'create a temporary directory in', directory);
    }
  }
}
