/**
 * A worker: takes jobs out of the queue in Redis, one at a time, until it is told to stop. Killed in the middle of a
 * job, it loses its hold on that within {@link LOCK_MS}, and another worker, or the publisher, takes the job. A job
 * that stands still it gives back itself.
 *
 * @module
 */
import { once } from 'node:events';
import type { Job } from 'bullmq';
import { isSiltError } from '../../core/errors.ts';
import { checkDeltaJob, type DeltaResult } from '../../format/delta-job.ts';
import { attemptJob, type JobAttempt, patienceFor } from './job-attempt.ts';
import type { JobKind } from './job-queue.ts';
import {
  connect,
  DEFAULT_PREFIX,
  loadBullmq,
  type QueuePlace,
  queueError,
  queueLocation,
  queueName,
} from './redis-connection.ts';

/** How long a worker that is not heard of keeps its job. It is heard of every half of it. */
export const LOCK_MS = 60_000;
/** Times that a job is taken from a worker which died of it, or so it seems, before it fails. */
const MOST_STALLS = 2;
/** Codes that another worker would only find again: they speak of the job, or of the repository. */
const FINAL: readonly string[] = [
  'FORMAT_INVALID',
  'FORMAT_UNSUPPORTED',
  'DIGEST_MISMATCH',
  'OBJECT_MISSING',
  'SEAL_BROKEN',
];
const CONNECT_MS = 10_000;
const MOST_WAIT_MS = 10_000;

/** So often the publisher is told, at most, that a job moves. */
const TELL_MS = 30_000;

export interface WorkerOptions {
  readonly kind: JobKind;
  /** Does a job; what it throws goes to the publisher as the reason, in its words. */
  readonly answer: (data: unknown, attempt: JobAttempt) => Promise<DeltaResult>;
  /** Ends the worker; the job that it is at must end soon by itself. */
  readonly signal: AbortSignal;
  readonly onReady?: (() => void) | undefined;
  readonly onDone?: ((result: DeltaResult) => void) | undefined;
  readonly onFailed?: ((error: Error) => void) | undefined;
  /** Hears, once, that Redis cannot be reached; the worker tries again until it can. */
  readonly onTrouble?: ((error: Error) => void) | undefined;
  /** Default {@link LOCK_MS}; tests make it small. */
  readonly lockMs?: number | undefined;
  /** How long a job may stand still. Default {@link patienceFor}; tests make it small. */
  readonly patienceMs?: number | undefined;
}

/**
 * Works until the signal aborts.
 *
 * @throws SiltError NETWORK when there is no Redis at the beginning; USAGE for a location that is none
 */
export async function workOnJobs(place: QueuePlace, options: WorkerOptions): Promise<void> {
  const { kind, answer, signal, lockMs = LOCK_MS } = options;
  const location = queueLocation(place);
  const { UnrecoverableError, Worker } = await loadBullmq();
  const { redis: connection, trouble } = await connect(place, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    // What BullMQ asks for: a worker waits for its Redis.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(MOST_WAIT_MS, 250 * 2 ** Math.min(times, 10)),
  });
  try {
    await connection.connect();
  } catch (error) {
    connection.disconnect();
    throw queueError(location, error, trouble());
  }
  const processJob = async (job: Job): Promise<DeltaResult> => {
    try {
      const patienceMs = options.patienceMs ?? patienceFor(checkDeltaJob(job.data));
      return await attemptJob((attempt) => answer(job.data, attempt), {
        patienceMs,
        signal,
        onMove: progressTeller(job),
      });
    } catch (error) {
      const isFinal = isSiltError(error) && FINAL.includes(error.code);
      throw isFinal ? new UnrecoverableError(error.message) : error;
    }
  };
  const worker = new Worker(queueName(place, kind), processJob, {
    connection,
    prefix: place.prefix ?? DEFAULT_PREFIX,
    lockDuration: lockMs,
    stalledInterval: Math.ceil(lockMs / 2),
    maxStalledCount: MOST_STALLS,
  });
  worker.on('completed', (_job, result: DeltaResult) => options.onDone?.(result));
  worker.on('failed', (_job, error) => options.onFailed?.(error));
  // Said once for each time that Redis is lost.
  let isSaid = false;
  connection.on('ready', () => {
    isSaid = false;
  });
  worker.on('error', (error) => {
    if (signal.aborted || isSaid) return;
    isSaid = true;
    options.onTrouble?.(queueError(location, error));
  });
  worker.on('ready', () => options.onReady?.());
  if (!signal.aborted) await once(signal, 'abort');
  // What it is at ends by the same signal; with Redis gone nobody can be told of it.
  await worker.close(connection.status !== 'ready');
  connection.disconnect();
}

/** Tells the publisher now and then that the job moves. That it cannot is no reason to end the job. */
function progressTeller(job: Job): (moves: number) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (moves) => {
    const now = performance.now();
    if (now - toldAt < TELL_MS) return;
    toldAt = now;
    job.updateProgress(moves).catch(() => {});
  };
}
