/**
 * Asking again after a transient failure.
 *
 * @module
 */
import { backoffDelay } from './backoff.ts';
import { isSiltError, isTransient } from './errors.ts';
import { sleep as realSleep, type Sleep } from './sleep.ts';

export interface RetryOptions {
  /** Calls in all, the first included. Default 5: with the waits below, a failure of four seconds passes. */
  readonly attempts?: number | undefined;
  /** Default 500 ms, see `core/backoff.ts`. */
  readonly baseMs?: number | undefined;
  /** Default 20,000 ms. */
  readonly capMs?: number | undefined;
  /** Default: the clock. A test gives its own. */
  readonly sleep?: Sleep | undefined;
  /** Chance for the jitter. A test gives its own. */
  readonly random?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Hears of each failure that is not final, before the wait. */
  readonly onRetry?: ((report: RetryReport) => void) | undefined;
}

/** One failure after which the call is repeated. */
export interface RetryReport {
  /** Which call failed, the first being 1. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly error: unknown;
}

/**
 * The result of `action`, called again while it fails with a transient {@link SiltError}.
 *
 * @param action hears which call this is, the first being 1
 * @throws the last failure; the first one that is not transient; the reason of `signal`
 */
export async function retryTransient<T>(
  action: (attempt: number) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  const { attempts = 5, baseMs = 500, capMs = 20_000, random = Math.random, sleep = realSleep } = options;
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    try {
      return await action(attempt);
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) throw error;
      const delayMs = backoffDelay(attempt, { baseMs, capMs, random, retryAfterMs: retryAfterOf(error) });
      options.onRetry?.({ attempt, delayMs, error });
      await sleep(delayMs, options.signal);
    }
  }
}

/** What the server asked for in its answer, in milliseconds, where the error carries it. */
export function retryAfterOf(error: unknown): number | undefined {
  const value = isSiltError(error) ? error.details.retryAfterMs : undefined;
  return typeof value === 'number' ? value : undefined;
}
