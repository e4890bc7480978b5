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
import type { JobAttempt } from '../../src/publisher/jobs/job-attempt.ts';
import { JobBench } from '../../src/publisher/jobs/job-bench.ts';
import type { JobKind } from '../../src/publisher/jobs/job-queue.ts';
import type { QueuePlace } from '../../src/publisher/jobs/redis-connection.ts';
import { workOnJobs } from '../../src/publisher/jobs/redis-worker.ts';
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
  /** How long a job may stand still. */
  readonly patienceMs?: number;
  /** Alters what it answers. */
  readonly lie?: (result: DeltaResult, attempt: JobAttempt) => Promise<DeltaResult> | DeltaResult;
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
  const { store, place, kind = 'plain', master, lockMs, patienceMs, lie = (result) => result } = task;
  const abort = new AbortController();
  const { signal } = abort;
  const directory = await mkdtemp(join(task.directory, 'worker-'));
  const bench = new JobBench({ store, directory, silt: place.silt, master, workers: 1 });
  const results: DeltaResult[] = [];
  const failures: string[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const ended = workOnJobs(place, {
    kind,
    signal,
    lockMs,
    patienceMs,
    answer: async (data, attempt) => await lie(await bench.answer(data, attempt), attempt),
    onReady: resolve,
    onDone: (result) => results.push(result),
    onFailed: ({ message }) => failures.push(message),
  });
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
  const bench = new JobBench({ store, directory, silt: place.silt, master: undefined, workers: 1 });
  await workOnJobs(place, {
    kind: 'plain',
    signal: new AbortController().signal,
    lockMs,
    answer: (data, attempt) => bench.answer(data, attempt),
    onReady: () => process.send?.('ready'),
  });
}
