import test from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { collect } from './collect.ts';
import { type Clock, createTrafficShaper } from './traffic-shaper.ts';

/** A clock that goes on only while somebody sleeps, and always wakes him a little late. */
function slowClock(lateMs: number): Clock & { slept: number } {
  const clock = {
    slept: 0,
    now: () => clock.slept,
    sleep: async (ms: number): Promise<void> => {
      clock.slept += ms + lateMs;
    },
  };
  return clock;
}

async function* body(bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += 64 * KiB) yield new Uint8Array(64 * KiB);
}

test('a shaped body takes as long as its line needs, although timers are late', async (t) => {
  const clock = slowClock(1.5);
  const shaper = createTrafficShaper({ bytesPerSecond: MiB }, clock);
  await collect(shaper.shape(body(10 * MiB)));
  t.true(Math.abs(clock.slept - 10_000) < 50, String(clock.slept));
});

test('an idle line saves nothing up', async (t) => {
  const clock = slowClock(0);
  const shaper = createTrafficShaper({ bytesPerSecond: MiB }, clock);
  clock.slept = 60_000;
  await collect(shaper.shape(body(MiB)));
  t.true(Math.abs(clock.slept - 61_000) < 5, String(clock.slept));
});

test('a new connection costs one round trip more', async (t) => {
  const clock = slowClock(0);
  const shaper = createTrafficShaper({ roundTripMs: 30 }, clock);
  await shaper.roundTrip(true);
  t.is(clock.slept, 60);
  await shaper.roundTrip(false);
  t.is(clock.slept, 90);
});
