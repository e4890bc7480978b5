/**
 * The clocks that leases and pruning go by, as one option, so that tests have theirs.
 *
 * @module
 */
import { type Sleep, sleep } from '../../core/sleep.ts';

export interface Clock {
  /** Time of day, in milliseconds since 1970; anybody may set it. */
  now(): number;
  /** Milliseconds since some moment; nobody sets it, and it never goes back. */
  elapsed(): number;
  readonly sleep: Sleep;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep,
};
