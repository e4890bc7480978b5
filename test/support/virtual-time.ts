/**
 * Time that passes when a test says so: whoever sleeps is woken in order, at once.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import type { Sleep } from '../../src/core/sleep.ts';

/** So often is somebody woken until a test is thought to wait for what never comes. */
const MAX_WAKES = 100_000;

export interface VirtualTime {
  readonly sleep: Sleep;
  /** Milliseconds since the beginning. */
  readonly uptime: () => number;
  /** What the clock shows, which {@link setClock} may change. */
  readonly now: () => Date;
  setClock(time: Date): void;
  /** Lets time pass until `isSo`, and no longer. @throws Error when that never comes */
  until(isSo: () => boolean): Promise<void>;
  /** Lets so many milliseconds pass. */
  pass(ms: number): Promise<void>;
  /** Who sleeps now. */
  readonly sleepers: () => number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export function virtualTime(start = new Date('2026-03-04T12:00:00Z')): VirtualTime {
  const sleepers = new Set<Sleeper>();
  let uptime = 0;
  let offset = start.getTime();
  const sleep: Sleep = (ms, signal) =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        sleepers.delete(sleeper);
        signal?.removeEventListener('abort', stop);
      };
      const stop = (): void => {
        end();
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        at: uptime + ms,
        wake: () => {
          end();
          resolve();
        },
      };
      sleepers.add(sleeper);
      signal?.addEventListener('abort', stop);
      if (signal?.aborted) stop();
    });
  const first = (): Sleeper | undefined => [...sleepers].sort((one, other) => one.at - other.at)[0];
  return {
    sleep,
    uptime: () => uptime,
    now: () => new Date(offset + uptime),
    setClock(time) {
      offset = time.getTime() - uptime;
    },
    async until(isSo) {
      for (let wakes = 0; wakes < MAX_WAKES; ) {
        await setImmediate();
        if (isSo()) return;
        const next = first();
        // Somebody is at work, on a file perhaps.
        if (next === undefined) continue;
        wakes += 1;
        uptime = Math.max(uptime, next.at);
        next.wake();
      }
      throw new Error('what the test waits for never came');
    },
    async pass(ms) {
      const end = uptime + ms;
      for (;;) {
        await setImmediate();
        const next = first();
        if (next === undefined || next.at > end) break;
        uptime = Math.max(uptime, next.at);
        next.wake();
      }
      uptime = end;
    },
    sleepers: () => sleepers.size,
  };
}
