/**
 * Workers in the test's own process, and one in another that stops in the middle of its job: `fork(jobWorker, [TASK])`,
 * where TASK is a {@link StuckTask} as JSON.
 *
 * @module
 */
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import type { DeltaResult } from '../../src/format/delta-job.ts';
import { openPool } from '../../src/pool/pool.ts';
import { answerJob } from '../../src/publisher/jobs/answer-job.ts';
import type { JobKind } from '../../src/publisher/jobs/job-queue.ts';
import type { QueuePlace } from '../../src/publisher/jobs/redis-connection.ts';
import { workOnJobs } from '../../src/publisher/jobs/redis-worker.ts';
import { RestoredImages } from '../../src/publisher/jobs/restored-images.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import type { MasterSecret } from '../../src/trust/seal/master-secret.ts';
import { withBeforePut } from './with-before-put.ts';

export interface WorkerTask {
  readonly place: QueuePlace;
  readonly store: Store;
  /** Its files go below. */
  readonly directory: string;
  readonly kind?: JobKind;
  readonly master?: MasterSecret;
  readonly lockMs?: number;
  /** Alters what it answers. */
  readonly lie?: (result: DeltaResult) => Promise<DeltaResult> | DeltaResult;
}

export interface RunningWorker {
  /** What it has answered. */
  readonly results: readonly DeltaResult[];
  /** Why jobs failed. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

/** Starts a worker of one thread and waits until it is connected; it is stopped when the test ends. */
export async function startWorker(t: ExecutionContext<unknown>, task: WorkerTask): Promise<RunningWorker> {
  const { store, place, kind = 'plain', master, lockMs, lie = (result) => result } = task;
  const abort = new AbortController();
  const { signal } = abort;
  const directory = await mkdtemp(join(task.directory, 'worker-'));
  const pool = openPool(1, signal);
  const images = new RestoredImages(store, directory);
  const workshop = { store, images, pool, directory, silt: place.silt, master, signal };
  const results: DeltaResult[] = [];
  const failures: string[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const ended = workOnJobs(place, {
    kind,
    signal,
    lockMs,
    answer: async (data) => await lie(await answerJob(data, workshop)),
    onReady: resolve,
    onDone: (result) => results.push(result),
    onFailed: ({ message }) => failures.push(message),
  }).finally(() => pool.close());
  await Promise.race([ready, ended]);
  const stop = async (): Promise<void> => {
    abort.abort();
    await ended;
  };
  t.teardown(stop);
  return { results, failures, stop };
}

export interface StuckTask {
  readonly place: QueuePlace;
  readonly repository: string;
  readonly directory: string;
  readonly lockMs: number;
}

/** The path of this file. */
export const jobWorker: string = fileURLToPath(import.meta.url);

if (import.meta.main) {
  const { place, repository, directory, lockMs } = JSON.parse(process.argv[2] ?? '') as StuckTask;
  const store = withBeforePut(await openDirectoryStore(repository), async () => {
    // The delta is made, and not yet stored.
    process.send?.('stuck');
    await once(process, 'message');
  });
  const pool = openPool(1);
  const images = new RestoredImages(store, directory);
  const workshop = { store, images, pool, directory, silt: place.silt, master: undefined, signal: undefined };
  await workOnJobs(place, {
    kind: 'plain',
    signal: new AbortController().signal,
    lockMs,
    answer: (data) => answerJob(data, workshop),
    onReady: () => process.send?.('ready'),
  });
}
