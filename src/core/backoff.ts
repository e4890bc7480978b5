/**
 * How long to wait before asking again. Pure: chance comes in as a function, waiting is the caller's.
 *
 * @module
 */

export interface BackoffOptions {
  /** Wait before the first repetition, in milliseconds; doubles with each. */
  readonly baseMs: number;
  /** Longest wait that doubling leads to, in milliseconds. */
  readonly capMs: number;
  /** What the server asked for, in milliseconds: waited in full, even beyond `capMs`. */
  readonly retryAfterMs?: number | undefined;
  /** A number from 0 up to, not including, 1. */
  readonly random: () => number;
}

/**
 * Milliseconds to wait before repetition number `attempt`, the first being 1.
 *
 * Half of the doubled wait is fixed and half is chance, so that devices which failed together do not come back
 * together, and none comes back at once. A server's Retry-After is the least wait; chance comes on top of it,
 * for the same reason.
 */
export function backoffDelay(attempt: number, options: BackoffOptions): number {
  const doubled = Math.min(options.capMs, options.baseMs * 2 ** Math.max(0, attempt - 1));
  const jittered = (doubled / 2) * (1 + options.random());
  const asked = options.retryAfterMs ?? 0;
  return Math.round(asked > 0 ? asked + jittered - doubled / 2 : jittered);
}
