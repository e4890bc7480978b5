/**
 * Waiting. Whoever waits takes a {@link Sleep} as an option, so that tests do not.
 *
 * @module
 */
import { setTimeout as wait } from 'node:timers/promises';

/** Waits `ms` milliseconds; throws the reason of `signal` as soon as that aborts. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** The real one. */
export const sleep: Sleep = async (ms, signal) => {
  try {
    await wait(ms, undefined, signal && { signal });
  } catch (error) {
    // Node throws an AbortError of its own around the reason.
    signal?.throwIfAborted();
    throw error;
  }
};
