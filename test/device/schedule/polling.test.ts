import test from 'ava';
import fc from 'fast-check';
import {
  FIRST_CHECK_WITHIN_MS,
  untilFirstCheck,
  untilNextCheck,
} from '../../../src/device/schedule/polling.ts';

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const seconds = fc.integer({ min: 0, max: 30 * 86_400 });

/** Numbers as if by chance, the same for every run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('the next check is after the interval and within the jitter', (t) => {
  fc.assert(
    fc.property(seconds, seconds, chance, (interval, jitter, random) => {
      const wait = untilNextCheck({ interval, jitter }, () => random);
      t.true(wait >= interval * 1000 && wait <= (interval + jitter) * 1000);
    }),
    { seed: 63 },
  );
});

test('the first check is soon, and at once without jitter', (t) => {
  fc.assert(
    fc.property(seconds, chance, (jitter, random) => {
      const wait = untilFirstCheck({ interval: 3600, jitter }, () => random);
      t.true(wait >= 0 && wait <= Math.min(jitter * 1000, FIRST_CHECK_WITHIN_MS));
    }),
    { seed: 64 },
  );
  t.is(
    untilFirstCheck({ interval: 3600, jitter: 0 }, () => 0.9),
    0,
  );
});

test('the checks of a fleet are spread over the jitter, and so are its first ones', (t) => {
  const polling = { interval: 3600, jitter: 600 };
  const waits: Readonly<Record<string, (random: () => number) => number>> = {
    next: (random) => (untilNextCheck(polling, random) - 3_600_000) / 600_000,
    first: (random) => untilFirstCheck(polling, random) / FIRST_CHECK_WITHIN_MS,
  };
  for (const [name, wait] of Object.entries(waits)) {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const random = seededRandom(seed);
        const tenths = Array.from({ length: 10 }, () => 0);
        for (let device = 0; device < 1000; device += 1) {
          const tenth = Math.min(9, Math.floor(wait(random) * 10));
          tenths[tenth] = (tenths[tenth] ?? 0) + 1;
        }
        // 100 in each would be even; six times the deviation of chance leaves room for every seed.
        for (const count of tenths) t.true(count > 40 && count < 160, `${name} ${tenths}`);
      }),
      { numRuns: 20, seed: 65 },
    );
  }
});
