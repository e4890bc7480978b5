import test from 'ava';
import { AdaptiveLimit, type Admission } from '../../src/store/adaptive-limit.ts';

/** A store that answers `rate(n)` requests a second when n are under way; time is counted, not waited for. */
async function drive(
  limit: AdaptiveLimit,
  clock: { now: number },
  rounds: number,
  rate: (n: number) => number,
) {
  const seen: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const count = limit.limit;
    const admitted = await Promise.all(Array.from({ length: count }, () => limit.admit()));
    clock.now += (count / rate(count)) * 1000;
    for (const admission of admitted) admission.end('fine', 0);
    seen.push(limit.limit);
  }
  return seen;
}

function limitWithClock(first = 8, most = 64) {
  const clock = { now: 0 };
  return { clock, limit: new AdaptiveLimit({ elapsed: () => clock.now, first, most }) };
}

test('it grows while more comes through, up to its bound', async (t) => {
  const { limit, clock } = limitWithClock();
  const seen = await drive(limit, clock, 40, (n) => 100 * n);
  t.deepEqual(seen.slice(0, 3), [12, 16, 20]);
  t.is(Math.max(...seen), 64);
  t.is(seen.at(-1), 64);
});

test('it stays where more does not help, and tries again now and then', async (t) => {
  const { limit, clock } = limitWithClock();
  const seen = await drive(limit, clock, 16, (n) => 100 * Math.min(n, 16));
  t.deepEqual(seen.slice(0, 3), [12, 16, 20]);
  t.true(
    seen.slice(3, 9).every((found) => found === 20),
    String(seen),
  );
  t.true((seen.at(-1) ?? 0) <= 24, String(seen));
  t.true((seen.at(-1) ?? 0) > 20, String(seen));
});

test('it halves once for a burst that is refused together, and never below one', async (t) => {
  const { limit } = limitWithClock(16);
  const burst = await Promise.all(Array.from({ length: 16 }, () => limit.admit()));
  for (const admission of burst) admission.end('crowded', 0);
  t.is(limit.limit, 8);
  for (let halvings = 0; halvings < 6; halvings += 1) (await limit.admit()).end('crowded', 0);
  t.is(limit.limit, 1);
});

test('whoever asks for little learns nothing of what the store can take', async (t) => {
  const { limit, clock } = limitWithClock();
  for (let at = 0; at < 100; at += 1) {
    const admission = await limit.admit();
    clock.now += 1;
    admission.end('fine', 1_000_000);
  }
  t.is(limit.limit, 8);
});

test('those that wait are let in in turn, and one that gives up is forgotten', async (t) => {
  const limit = new AdaptiveLimit({ first: 1, most: 1, elapsed: () => 0 });
  const first = await limit.admit();
  const order: string[] = [];
  const waits = (name: string, signal?: AbortSignal): Promise<Admission> =>
    limit.admit(signal).then((admission) => {
      order.push(name);
      return admission;
    });
  const stop = new AbortController();
  const [second, gone, third] = [waits('second'), waits('gone', stop.signal), waits('third')];
  const reason = new Error('enough');
  stop.abort(reason);
  t.is(await t.throwsAsync(gone), reason);
  t.deepEqual(order, []);
  first.end('fine', 0);
  (await second).end('fine', 0);
  (await third).end('fine', 0);
  t.deepEqual(order, ['second', 'third']);
  (await limit.admit()).end('fine', 0);
});
