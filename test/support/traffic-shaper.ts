/**
 * A slow and distant line: one bottleneck that all connections share, and a round trip before each answer.
 *
 * @module
 */
import { KiB } from '../../src/core/sizes.ts';
import { type Sleep, sleep } from '../../src/core/sleep.ts';

export interface Line {
  /** Throughput of the line, all connections together. Default: unlimited. */
  readonly bytesPerSecond?: number;
  /** Milliseconds from a request to the first byte of its answer; twice that on a new connection. Default 0. */
  readonly roundTripMs?: number;
}

/** Blocks are cut to this, or a large one would go out in one burst. */
const GRAIN_BYTES = 16 * KiB;

/** What a timer that fires late, or a slow origin, may be made up for; more would be a burst. */
const CREDIT_MS = 20;

export interface Clock {
  /** Milliseconds from any beginning. */
  readonly now: () => number;
  readonly sleep: Sleep;
}

export interface TrafficShaper {
  /** Waits as long as a request needs to get across and back. */
  roundTrip(connectionIsNew: boolean): Promise<void>;
  /** `body` at the speed that the line has left. */
  shape(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** The line that `line` describes. */
export function createTrafficShaper(
  line: Line,
  clock: Clock = { now: () => performance.now(), sleep },
): TrafficShaper {
  const { bytesPerSecond, roundTripMs = 0 } = line;
  let freeAt = 0;
  let active = 0;
  async function* shape(body: AsyncIterable<Uint8Array>, rate: number): AsyncGenerator<Uint8Array> {
    // A line that was idle has saved nothing up.
    if (active === 0) freeAt = Math.max(freeAt, clock.now());
    active += 1;
    try {
      for await (const block of body) {
        for (let at = 0; at < block.byteLength; at += GRAIN_BYTES) {
          const grain = block.subarray(at, at + GRAIN_BYTES);
          freeAt = Math.max(freeAt, clock.now() - CREDIT_MS) + (grain.byteLength * 1000) / rate;
          const early = freeAt - clock.now();
          // Timers are good to a millisecond.
          if (early >= 1) await clock.sleep(early);
          yield grain;
        }
      }
    } finally {
      active -= 1;
    }
  }
  return {
    async roundTrip(connectionIsNew) {
      if (roundTripMs > 0) await clock.sleep(connectionIsNew ? 2 * roundTripMs : roundTripMs);
    },
    shape: (body) => (bytesPerSecond === undefined ? body : shape(body, bytesPerSecond)),
  };
}
