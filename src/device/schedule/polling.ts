/**
 * How long a device waits before it asks for updates. Chance is part of it, since a fleet that asks at the same time
 * takes its server down.
 *
 * @module
 */

/** From 0 to below 1, as `Math.random`. */
export type Random = () => number;

/** In seconds, as configured. */
export interface Polling {
  readonly interval: number;
  readonly jitter: number;
}

/** Longest wait for the first check after a start, in milliseconds. */
export const FIRST_CHECK_WITHIN_MS = 5 * 60_000;

/** Milliseconds from one check to the next: the interval and a part of the jitter. */
export function untilNextCheck({ interval, jitter }: Polling, random: Random): number {
  return Math.floor((interval + random() * jitter) * 1000);
}

/**
 * Milliseconds from the start of a device to its first check: not long, since some are switched on for minutes only,
 * but not the same for a fleet whose power comes back. None without jitter.
 */
export function untilFirstCheck({ jitter }: Polling, random: Random): number {
  return Math.floor(random() * Math.min(jitter * 1000, FIRST_CHECK_WITHIN_MS));
}
