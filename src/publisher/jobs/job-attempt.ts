/**
 * One try at a job, which lasts for as long as the job moves. A worker that hangs, in a thread or on a disk that does
 * not answer, would else renew its hold on the job for ever, and a publisher wait for it as long.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { GiB } from '../../core/sizes.ts';
import type { DeltaJob } from '../../format/delta-job.ts';

const MINUTE_MS = 60_000;

/**
 * How long a job may stand still, in milliseconds: a quarter of an hour, and two minutes for each GiB of both images,
 * since a step that tells nothing until it is done may look at all of them.
 */
export function patienceFor({ base, target }: Pick<DeltaJob, 'base' | 'target'>): number {
  return Math.round(15 * MINUTE_MS + ((base.size + target.size) / GiB) * 2 * MINUTE_MS);
}

export interface JobAttempt {
  /** Ends with the worker, and with this try. */
  readonly signal: AbortSignal;
  /** To be called whenever another piece of the job is done. */
  readonly moved: () => void;
}

export interface AttemptOptions {
  readonly patienceMs: number;
  /** Of the worker. */
  readonly signal: AbortSignal;
  /** Hears how many pieces are done. */
  readonly onMove?: ((moves: number) => void) | undefined;
}

/** For a job to end by itself, cleaning up, when its worker is told to. */
const END_MS = 5000;

/**
 * The result of `work`. When it stands still for `patienceMs` its signal is aborted, and it is waited for no longer:
 * what it does after that is its own business. When the worker ends it has some seconds.
 *
 * @throws SiltError IO_FAILED for one that stands still; the reason of the signal for one that does not end with it;
 *   what `work` throws
 */
export async function attemptJob<T>(
  work: (attempt: JobAttempt) => Promise<T>,
  { patienceMs, signal, onMove }: AttemptOptions,
): Promise<T> {
  const stop = new AbortController();
  const stuck = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const wait = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const error = signal.aborted ? signal.reason : standsStill(patienceMs);
      stuck.reject(error);
      stop.abort(error);
    }, ms);
  };
  wait(patienceMs);
  const onEnd = (): void => wait(Math.min(patienceMs, END_MS));
  signal.addEventListener('abort', onEnd, { once: true });
  if (signal.aborted) onEnd();
  let moves = 0;
  let hasEnded = false;
  const moved = (): void => {
    if (hasEnded || stop.signal.aborted || signal.aborted) return;
    wait(patienceMs);
    moves += 1;
    onMove?.(moves);
  };
  const result = work({ signal: AbortSignal.any([signal, stop.signal]), moved });
  // What comes of it after it was given up nobody wants to hear.
  result.catch(() => {});
  try {
    return await Promise.race([result, stuck.promise]);
  } finally {
    hasEnded = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', onEnd);
  }
}

function standsStill(patienceMs: number): SiltError {
  const minutes = Math.ceil(patienceMs / MINUTE_MS);
  return new SiltError(
    'IO_FAILED',
    `the job stood still for ${minutes} min and was given up; look at the worker's disk, memory and network`,
    { details: { patienceMs } },
  );
}
