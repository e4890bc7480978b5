/**
 * Changes of the list of leases: read, change, replace if it is still what was read. Whoever has changed it knows
 * what everybody did before, without trusting a listing or a clock. docs/format/pruning.md.
 *
 * @module
 */
import { backoffDelay } from '../../core/backoff.ts';
import { isSiltError, SiltError } from '../../core/errors.ts';
import {
  decodeLeaseList,
  encodeLeaseList,
  LEASE_LIST_KEY,
  type LeaseList,
  noLeases,
} from '../../format/lease-list.ts';
import { MAX_LEASE_LIST } from '../../format/limits.ts';
import type { Store } from '../../store/store.ts';
import type { Clock } from './clock.ts';

/** Times that others may be faster: more than publishers begin and end at the same moment. */
const MAX_RACES = 200;
const RACE_BASE_MS = 20;
const RACE_CAP_MS = 2000;
/** How often somebody looks whose turn to delete it is. */
const POLL_MS = 1000;
/** Longer than a turn lasts, see `sweep-turn.ts`, and a request on its way. */
export const STALE_TURN_MS = 60_000;
/** For so long the list is mostly still what one has written; longer, and asking is cheaper than a refusal. */
const RECENT_MS = 60_000;

export interface LeaseAccess {
  readonly store: Store;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Of whoever changes the list several times: saves reading what is still as it was written. */
  readonly memory?: LeaseMemory | undefined;
}

/** The list as it was written last. Nothing is believed of it that a conditional write does not confirm. */
export interface LeaseMemory {
  written?: { readonly list: LeaseList; readonly etag: string; readonly at: number } | undefined;
}

/** The list at present. @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED, store errors */
export async function readLeases({
  store,
  signal,
}: LeaseAccess): Promise<{ list: LeaseList; etag?: string }> {
  const found = await store.get(LEASE_LIST_KEY, { maxBytes: MAX_LEASE_LIST, ...(signal && { signal }) });
  if (found === undefined) return { list: noLeases };
  const { etag } = found;
  return { list: decodeLeaseList(found.bytes), ...(etag !== undefined && { etag }) };
}

/**
 * Makes of the list what `change` says, again while others are faster.
 *
 * @param change gives the next list, and what is then true; without a `next` nothing is written
 * @throws SiltError CONFLICT after losing too many races, what `change` throws, store errors
 */
export async function changeLeases<T>(
  access: LeaseAccess,
  change: (list: LeaseList) => { readonly next: LeaseList | undefined; readonly result: T },
): Promise<T> {
  const { store, clock, signal, memory = {} } = access;
  for (let race = 1; ; ) {
    signal?.throwIfAborted();
    const { written } = memory;
    memory.written = undefined;
    const isRecent = written !== undefined && clock.elapsed() - written.at < RECENT_MS;
    const { list, etag } = isRecent ? written : await readLeases(access);
    const { next, result } = change(list);
    if (next === undefined && isRecent) continue;
    if (next === undefined) return result;
    try {
      const bytes = encodeLeaseList(next);
      const now = await store.putIfMatch(LEASE_LIST_KEY, bytes, etag, signal && { signal });
      memory.written = { list: next, etag: now, at: clock.elapsed() };
      return result;
    } catch (error) {
      if (!isSiltError(error, 'CONFLICT') || race >= MAX_RACES) throw error;
      if (isRecent) continue;
      const delay = { baseMs: RACE_BASE_MS, capMs: RACE_CAP_MS, random: Math.random };
      await clock.sleep(backoffDelay(race, delay), signal);
      race += 1;
    }
  }
}

/**
 * Waits until nobody's turn to delete is on. One that does not end was left behind by a prune that was killed: it
 * is taken away once it has not changed for {@link STALE_TURN_MS} by the clock of whoever waits.
 */
export async function waitForTurn(access: LeaseAccess): Promise<void> {
  const { clock, signal } = access;
  let seen = '';
  let since = clock.elapsed();
  for (;;) {
    const { sweep } = (await readLeases(access)).list;
    if (sweep === undefined) return;
    const found = `${sweep.id} ${sweep.turn}`;
    if (found !== seen) {
      seen = found;
      since = clock.elapsed();
    } else if (clock.elapsed() - since >= STALE_TURN_MS) {
      await changeLeases(access, (list) => {
        const isSame = list.sweep?.id === sweep.id && list.sweep.turn === sweep.turn;
        return { next: isSame ? { leases: list.leases } : undefined, result: undefined };
      });
      continue;
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** The error of a list that has no room. */
export function tooManyLeases(location: string, count: number): SiltError {
  return new SiltError(
    'LOCKED',
    `${location}: ${count} publishers are at work, or were killed at it; wait, or run "silt prune" twice, some hours apart`,
    { details: { location, count } },
  );
}
