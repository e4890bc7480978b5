/**
 * Deletes objects whose grace is over, a turn at a time. What is asked before each: whether its turn is still on,
 * whether anything refers to the object *now*, and when the store got its bytes; a listing is a hint.
 *
 * @module
 */
import type { Moment } from '../../format/prune-times.ts';
import type { Key, Store } from '../../store/store.ts';
import type { LiveObjects } from './live-objects.ts';
import type { PrunedKind } from './object-keys.ts';
import type { Stand } from './pack-standing.ts';
import type { RecordFile } from './record-file.ts';
import type { SweepTurns } from './sweep-turn.ts';

/** Requests to delete at a time. */
const PARALLEL = 8;

/** An object that has been unreferenced for long enough, as far as record and listing know. */
export interface RipeObject {
  readonly key: Key;
  readonly kind: PrunedKind;
  readonly size: number;
  readonly since: Moment;
}

/** `deleted`; `kept` for now; `gone` already, or needed again. */
export type Fate = 'deleted' | 'kept' | 'gone';

export interface SweepOptions {
  readonly store: Store;
  readonly turns: SweepTurns;
  readonly record: RecordFile;
  readonly now: Moment;
  readonly graceMs: number;
  readonly signal: AbortSignal | undefined;
  /** What is referred to at this moment. */
  readonly live: () => Promise<LiveObjects>;
  /** What has to be there for an object to go that a needed pack is left over from. */
  readonly standFor: (key: Key) => Stand | undefined;
  readonly onFate: (object: RipeObject, fate: Fate, size: number) => void;
}

/**
 * Deletes `objects`, or as many as it may.
 *
 * @returns who holds leases; then the rest was kept. Empty when all is done
 * @throws SiltError CONFLICT when another prune is at work, store errors
 */
export async function sweep(objects: readonly RipeObject[], options: SweepOptions): Promise<string[]> {
  const { turns, record, signal, onFate } = options;
  const queue = [...objects];
  while (queue.length > 0) {
    const holders = await turns.begin();
    if (holders.length > 0) {
      for (const object of queue) onFate(object, 'kept', object.size);
      return holders;
    }
    try {
      await record.requireOwn();
      const live = await options.live();
      const worker = async (): Promise<void> => {
        while (turns.isOn) {
          signal?.throwIfAborted();
          const object = queue.shift();
          if (object === undefined) return;
          await removeOne(object, live, options);
        }
      };
      // All of them end before the turn does, also when one of them fails.
      const ends = await Promise.allSettled(Array.from({ length: PARALLEL }, worker));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    } finally {
      await turns.end();
    }
  }
  return [];
}

async function removeOne(object: RipeObject, live: LiveObjects, options: SweepOptions): Promise<void> {
  try {
    await removeUnless(object, live, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!options.turns.signal.aborted) throw error;
    // It took too long for this turn; whether it is gone the next run will see.
    options.onFate(object, 'kept', object.size);
  }
}

async function removeUnless(object: RipeObject, live: LiveObjects, options: SweepOptions): Promise<void> {
  const { store, now, graceMs, onFate, turns } = options;
  const { key } = object;
  const call = { signal: turns.signal };
  const stand = options.standFor(key);
  // What stands for a pack was found out for the releases of a moment ago; the next run sees whether it does for these.
  if (live.has(key)) return onFate(object, stand === undefined ? 'gone' : 'kept', object.size);
  if (stand !== undefined && !(await isThere(stand, options))) return onFate(object, 'kept', object.size);
  const found = await store.has(key, call);
  if (found === undefined) return onFate(object, 'gone', 0);
  const age = (now.store ?? now.own) - (found.modified ?? 0);
  // Stored again since it was marked; or a question that was long under way.
  if (age < graceMs || !turns.isOn) return onFate(object, 'kept', found.size);
  await store.remove(key, call);
  onFate(object, 'deleted', found.size);
}

/** True when readers of the pack find what stands for it. */
async function isThere({ key, size, unseen }: Stand, { store, turns }: SweepOptions): Promise<boolean> {
  const call = { signal: turns.signal };
  for (const other of unseen) if ((await store.has(other, call)) !== undefined) return false;
  return (await store.has(key, call))?.size === size;
}
