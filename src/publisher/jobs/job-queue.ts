/**
 * What a publisher asks of a queue of jobs that several machines share. `redis-queue.ts` is one; a publisher that
 * shares nothing loads none.
 *
 * @module
 */
import type { DeltaJob } from '../../format/delta-job.ts';

/** A job with the name of all its inputs. */
export interface NamedJob {
  readonly id: string;
  readonly job: DeltaJob;
}

export type JobState =
  /** It waits; or a worker is at it, and `mark` is another one as long as the job moves. */
  | { readonly kind: 'open'; readonly mark?: string | undefined }
  /** What a worker answered: anything, until it is checked. */
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'gone' };

/** Every call throws when the queue cannot be reached; the caller then does without it. */
export interface JobQueue {
  /** Offers jobs to workers. One that is known stays what it is, done for instance; one that failed is offered again. */
  offer(jobs: readonly NamedJob[]): Promise<void>;
  state(id: string): Promise<JobState>;
  /** Takes a job out of the queue, unless a worker is at it. True when no worker has it or will get it. */
  claim(id: string): Promise<boolean>;
  /** Workers that are connected. */
  workers(): Promise<number>;
  /** Never throws. */
  close(): Promise<void>;
}

/** Whether keys are needed for the jobs, so that only workers which have them take them. */
export type JobKind = 'plain' | 'sealed';

/** How deltas are shared with other machines. */
export interface JobOptions {
  /** Connects when it is first used. */
  readonly open: (kind: JobKind) => Promise<JobQueue>;
  /** Version of this silt; a worker of another one leaves its jobs alone. */
  readonly silt: string;
  /** Leave deltas to the workers as long as there is one. Default: this machine makes some too. */
  readonly leave?: boolean | undefined;
  /** Hears, in a sentence, why less is shared than was asked for. */
  readonly onNote?: ((line: string) => void) | undefined;
  /** How long a worker may be at a job that does not move, in milliseconds. Default: twice what it allows itself. */
  readonly patienceMs?: number | undefined;
  /** Milliseconds between two looks at the queue while there is nothing else to do. Default 500. */
  readonly pollMs?: number | undefined;
}
