/**
 * Several parties that work on one store in memory, call by call, in an order drawn from a seed.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/publisher/prune/clock.ts';
import type { Store } from '../../src/store/store.ts';
import type { MemoryStore } from './memory-store.ts';

/** Whoever takes part sees the store and the clock through this. */
export interface Party {
  readonly store: Store;
  readonly clock: Clock;
}

/**
 * Runs the parties to their ends. Each call of the store and each wait is held until it is drawn; nothing else
 * takes time, so the same seed gives the same order.
 *
 * @param random a number from 0 up to, not including, 1
 */
export async function interleave<T>(
  store: MemoryStore,
  clock: Clock,
  random: () => number,
  parties: readonly ((party: Party) => Promise<T>)[],
): Promise<PromiseSettledResult<T>[]> {
  const held: { readonly weight: number; readonly release: () => void }[] = [];
  let running = parties.length;
  const ends = parties.map(async (party) => {
    // Some are slow: else the one with the fewest calls would always be the first.
    const weight = random() ** 4;
    const hold = (): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held.push({ weight, release: resolve });
      return promise;
    };
    try {
      return await party({
        store: store.scripted(hold),
        clock: {
          now: () => clock.now(),
          elapsed: () => clock.elapsed(),
          async sleep(ms, signal) {
            await hold();
            await clock.sleep(ms, signal);
          },
        },
      });
    } finally {
      running -= 1;
    }
  });
  const settled = Promise.allSettled(ends);
  while (running > 0) {
    await setImmediate();
    const total = held.reduce((sum, { weight }) => sum + weight, 0);
    let drawn = random() * total;
    const at = held.findIndex(({ weight }) => {
      drawn -= weight;
      return drawn < 0;
    });
    if (at >= 0) held.splice(at, 1)[0]?.release();
  }
  return await settled;
}
