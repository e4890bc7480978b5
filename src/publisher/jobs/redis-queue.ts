/**
 * A {@link JobQueue} in Redis, by BullMQ: the side of the publisher. A Redis that does not answer is given up within
 * seconds, since the publisher can do without.
 *
 * @module
 */
import type { Job, Queue } from 'bullmq';
import type { JobKind, JobQueue, JobState, NamedJob } from './job-queue.ts';
import {
  connect,
  DEFAULT_PREFIX,
  loadBullmq,
  type QueuePlace,
  queueError,
  queueLocation,
  queueName,
  type RedisConnection,
} from './redis-connection.ts';

/** Seconds for which results are kept: for a publisher that was killed and is run again. */
const KEEP_RESULTS = 7 * 24 * 3600;
const KEEP_FAILURES = 24 * 3600;
/** Starts of one job, each by whichever worker is free. */
const ATTEMPTS = 3;
const COMMAND_MS = 10_000;

/**
 * Opens the queue; connects in the background.
 *
 * @throws SiltError USAGE for a location that is none, or without the optional packages
 */
export async function openRedisQueue(place: QueuePlace, kind: JobKind): Promise<JobQueue> {
  const location = queueLocation(place);
  const { Queue } = await loadBullmq();
  const connected = await connect(place, {
    connectTimeout: COMMAND_MS,
    commandTimeout: COMMAND_MS,
    maxRetriesPerRequest: 2,
    retryStrategy: (times) => (times > 3 ? null : 250 * times),
  });
  const prefix = place.prefix ?? DEFAULT_PREFIX;
  const queue = new Queue(queueName(place, kind), { connection: connected.redis, prefix });
  queue.on('error', () => {});
  return new RedisQueue(location, queue, connected);
}

class RedisQueue implements JobQueue {
  readonly #location: string;
  readonly #queue: Queue;
  readonly #connection: RedisConnection;

  constructor(location: string, queue: Queue, connection: RedisConnection) {
    this.#location = location;
    this.#queue = queue;
    this.#connection = connection;
  }

  async offer(jobs: readonly NamedJob[]): Promise<void> {
    await this.#ask(async () => {
      for (const { id } of jobs) {
        if ((await this.#queue.getJobState(id)) === 'failed') await this.#queue.remove(id);
      }
      await this.#queue.addBulk(
        jobs.map(({ id, job }) => ({
          name: 'delta',
          data: job,
          opts: {
            jobId: id,
            attempts: ATTEMPTS,
            removeOnComplete: { age: KEEP_RESULTS },
            removeOnFail: { age: KEEP_FAILURES },
            stackTraceLimit: 0,
          },
        })),
      );
    });
  }

  async state(id: string): Promise<JobState> {
    return await this.#ask(async () => {
      const job = await this.#queue.getJob(id);
      if (job === undefined) return { kind: 'gone' };
      const state = await this.#queue.getJobState(id);
      if (state === 'unknown') return { kind: 'gone' };
      if (state === 'active') return { kind: 'open', mark: markOf(job) };
      if (state !== 'completed' && state !== 'failed') return { kind: 'open' };
      // The end may have come after the job was read.
      const done = await this.#queue.getJob(id);
      if (done === undefined) return { kind: 'gone' };
      if (state === 'failed') return { kind: 'failed', reason: oneLine(done.failedReason) };
      return { kind: 'done', result: done.returnvalue };
    });
  }

  async claim(id: string): Promise<boolean> {
    return await this.#ask(async () => (await this.#queue.remove(id)) === 1);
  }

  async workers(): Promise<number> {
    return await this.#ask(() => this.#queue.getWorkersCount());
  }

  async close(): Promise<void> {
    await this.#queue.close().catch(() => {});
    this.#connection.redis.disconnect();
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw queueError(this.#location, error, this.#connection.trouble());
    }
  }
}

/** Which try it is, and how far that says it has come. */
function markOf({ attemptsStarted, progress }: Job): string {
  return `${attemptsStarted} ${typeof progress === 'number' ? progress : 0}`;
}

/** Words of a worker, for people. */
function oneLine(reason: unknown): string {
  const printable = String(reason ?? 'no reason given').replaceAll(/[^\x20-\x7e]+/g, ' ');
  return printable.length > 300 ? `${printable.slice(0, 300)}...` : printable;
}
