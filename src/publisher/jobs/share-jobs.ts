/**
 * Has jobs done by whoever is free: workers take them from the front of the queue, this machine from its end. What
 * a worker answers counts only once it was checked; a job that failed, a result that is refused, a job that stands
 * still at a worker, and whatever is left when the queue is lost, this machine does itself. So it ends with the same
 * results in any case.
 *
 * @module
 */
import { isSiltError } from '../../core/errors.ts';
import { sleep as realSleep, type Sleep } from '../../core/sleep.ts';
import { patienceFor } from './job-attempt.ts';
import type { JobQueue, JobState, NamedJob } from './job-queue.ts';

export interface SharedJob<T> extends NamedJob {
  /** What a worker's answer stands for. @throws SiltError when it is not what it says, or not stored */
  check(result: unknown): Promise<T>;
  /** Does the job here. */
  make(): Promise<T>;
  /** Does it here after an answer was refused, and looks at what is stored once more. */
  makeAgain(): Promise<T>;
}

export interface ShareOptions {
  readonly leave: boolean;
  readonly pollMs: number;
  /** How long a job may stand still at a worker, in milliseconds. Default: {@link PATIENCE} times what that allows. */
  readonly patienceMs?: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onNote: (line: string) => void;
  /** Hears how many jobs are done. */
  readonly onProgress: (done: number) => void;
  readonly sleep?: Sleep | undefined;
  /** Milliseconds by a clock that nobody sets. Default: that of the system. */
  readonly elapsed?: (() => number) | undefined;
}

export interface SharedResults<T> {
  /** In the order of the jobs. */
  readonly results: readonly T[];
  readonly here: number;
  readonly elsewhere: number;
  readonly refused: number;
}

/** Codes that speak of the answer, rather than of a store that cannot be read at the moment. */
const REFUSALS: readonly string[] = [
  'FORMAT_INVALID',
  'FORMAT_UNSUPPORTED',
  'DIGEST_MISMATCH',
  'OBJECT_MISSING',
  'RANGE_INVALID',
  'SEAL_BROKEN',
];

/** A worker gives a job up itself; what it does not give up either, nobody will get back from it. */
const PATIENCE = 2;

/** Asked of the queue at once. */
const PARALLEL = 16;

/** @throws what doing a job here throws; the reason of the signal */
export async function shareJobs<T>(
  queue: JobQueue,
  jobs: readonly SharedJob<T>[],
  options: ShareOptions,
): Promise<SharedResults<T>> {
  return await new Sharing(queue, jobs, options).run();
}

class Sharing<T> {
  readonly #queue: JobQueue;
  readonly #jobs: readonly SharedJob<T>[];
  readonly #options: ShareOptions;
  readonly #results = new Map<string, T>();
  /** Jobs that no worker has or will get. */
  readonly #own = new Map<string, { readonly refused: boolean }>();
  /** Jobs that workers are at: what was last seen of each, and since when. */
  readonly #marks = new Map<string, { readonly mark: string; readonly since: number }>();
  /** When anything changed last. */
  #movedAt: number;
  #leaves: boolean;
  readonly #counts = { here: 0, elsewhere: 0, refused: 0 };
  #isLost = false;

  constructor(queue: JobQueue, jobs: readonly SharedJob<T>[], options: ShareOptions) {
    this.#queue = queue;
    this.#jobs = jobs;
    this.#options = options;
    this.#movedAt = this.#elapsed();
    this.#leaves = options.leave;
  }

  async run(): Promise<SharedResults<T>> {
    const { signal, pollMs, onProgress, sleep = realSleep } = this.#options;
    await this.#ask(() => this.#queue.offer(this.#jobs));
    while (this.#results.size < this.#jobs.length) {
      signal?.throwIfAborted();
      await this.#gather();
      onProgress(this.#results.size);
      const next = await this.#next();
      if (next !== undefined) await this.#make(next);
      else if (this.#results.size < this.#jobs.length) await sleep(pollMs, signal);
    }
    onProgress(this.#results.size);
    return { results: this.#jobs.map(({ id }) => this.#results.get(id) as T), ...this.#counts };
  }

  #elapsed(): number {
    return (this.#options.elapsed ?? (() => performance.now()))();
  }

  #patience({ job }: SharedJob<T>): number {
    return this.#options.patienceMs ?? PATIENCE * patienceFor(job);
  }

  #open(): SharedJob<T>[] {
    return this.#jobs.filter(({ id }) => !this.#results.has(id) && !this.#own.has(id));
  }

  /** Takes what workers have answered. */
  async #gather(): Promise<void> {
    const open = this.#open();
    for (let at = 0; at < open.length && !this.#isLost; at += PARALLEL) {
      const some = open.slice(at, at + PARALLEL);
      const states = await this.#ask(() => Promise.all(some.map(({ id }) => this.#queue.state(id))));
      for (const [i, state] of (states ?? []).entries()) await this.#take(some[i] as SharedJob<T>, state);
    }
  }

  async #take(job: SharedJob<T>, state: JobState): Promise<void> {
    const { signal, onNote } = this.#options;
    if (state.kind === 'open') return this.#watch(job, state.mark);
    this.#movedAt = this.#elapsed();
    if (state.kind === 'gone') this.#own.set(job.id, { refused: false });
    if (state.kind === 'failed') {
      onNote(`a worker could not make a delta, this machine does: ${state.reason}`);
      this.#counts.refused += 1;
      this.#own.set(job.id, { refused: false });
    }
    if (state.kind !== 'done') return;
    try {
      this.#results.set(job.id, await job.check(state.result));
      this.#counts.elsewhere += 1;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isSiltError(error) || !REFUSALS.includes(error.code)) throw error;
      onNote(`the result of a worker is refused, this machine makes the delta itself: ${error.message}`);
      this.#counts.refused += 1;
      this.#own.set(job.id, { refused: true });
      // So that nobody else is told the same.
      await this.#ask(() => this.#queue.claim(job.id));
    }
  }

  /** Takes a job over that a worker holds and does not go on with. */
  #watch(job: SharedJob<T>, mark: string | undefined): void {
    const now = this.#elapsed();
    const seen = this.#marks.get(job.id);
    if (mark === undefined) {
      this.#marks.delete(job.id);
    } else if (seen?.mark !== mark) {
      this.#marks.set(job.id, { mark, since: now });
      this.#movedAt = now;
    } else if (now - seen.since >= this.#patience(job)) {
      this.#options.onNote('a worker stands still over a delta, this machine makes it');
      this.#counts.refused += 1;
      this.#own.set(job.id, { refused: false });
    }
  }

  /** Whether what is left is still for the workers. */
  async #isForWorkers(open: readonly SharedJob<T>[]): Promise<boolean> {
    if (!this.#leaves || open.length === 0) return false;
    if ((await this.#ask(() => this.#queue.workers())) === 0) return false;
    const patience = Math.max(...open.map((job) => this.#patience(job)));
    if (this.#elapsed() - this.#movedAt < patience) return true;
    this.#leaves = false;
    this.#options.onNote(
      'workers are connected and take no jobs, this machine makes the deltas that are left',
    );
    return false;
  }

  /** A job for this machine. */
  async #next(): Promise<SharedJob<T> | undefined> {
    const own = this.#jobs.find(({ id }) => this.#own.has(id) && !this.#results.has(id));
    if (own !== undefined) return own;
    const open = this.#open();
    if (this.#isLost) return open[0];
    if (await this.#isForWorkers(open)) return undefined;
    for (const job of open.reverse()) {
      if ((await this.#ask(() => this.#queue.claim(job.id))) !== true) continue;
      this.#own.set(job.id, { refused: false });
      return job;
    }
    return undefined;
  }

  async #make(job: SharedJob<T>): Promise<void> {
    const again = this.#own.get(job.id)?.refused === true;
    this.#results.set(job.id, await (again ? job.makeAgain() : job.make()));
    this.#counts.here += 1;
    this.#movedAt = this.#elapsed();
  }

  /** What the queue says; `undefined` once it is lost, which is told once. */
  async #ask<R>(question: () => Promise<R>): Promise<R | undefined> {
    if (this.#isLost) return undefined;
    try {
      return await question();
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      this.#isLost = true;
      const why = error instanceof Error ? error.message : String(error);
      this.#options.onNote(
        `the queue of jobs cannot be used, this machine makes the deltas that are left: ${why}`,
      );
      return undefined;
    }
  }
}
