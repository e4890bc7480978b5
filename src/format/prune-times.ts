/**
 * A moment as pruning writes it down: by two clocks, for neither of them is trusted alone. docs/format/pruning.md.
 *
 * @module
 */
import * as v from 'valibot';

/** Milliseconds since 1970. */
const milliseconds = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const momentSchema = v.object({
  /** By the clock of the machine that pruned. */
  own: milliseconds,
  /** By the clock of the store, where it tells when it stored something. */
  store: v.exactOptional(milliseconds),
});

export type Moment = v.InferOutput<typeof momentSchema>;

/**
 * Milliseconds that have passed between two moments for sure: the fewer of what the two clocks say, never below 0.
 * A clock that was set forward by mistake so cannot make anything older than the other clock says it is.
 */
export function elapsedBetween(since: Moment, now: Moment): number {
  const own = now.own - since.own;
  if (since.store === undefined || now.store === undefined) return Math.max(0, own);
  return Math.max(0, Math.min(own, now.store - since.store));
}

/** True when `moment` lies ahead of `now` by either clock: one of them was wrong at the time. */
export function liesAhead(moment: Moment, now: Moment): boolean {
  const ahead = moment.store !== undefined && now.store !== undefined && moment.store > now.store;
  return moment.own > now.own || ahead;
}
