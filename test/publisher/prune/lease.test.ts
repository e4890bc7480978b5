import test from 'ava';
import { isSiltError } from '../../../src/core/errors.ts';
import { decodeLeaseList, LEASE_LIST_KEY } from '../../../src/format/lease-list.ts';
import { readLeases, STALE_TURN_MS } from '../../../src/publisher/prune/change-leases.ts';
import { holdLease, LEASE_LIFE_MS } from '../../../src/publisher/prune/lease.ts';
import { SweepTurns, TURN_MS } from '../../../src/publisher/prune/sweep-turn.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { TestClock } from '../../support/prune-bench.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

function scene() {
  const clock = new TestClock();
  const store = memoryStore(() => clock.store);
  const access = { store, clock };
  /** The turns of a prune that begins now. */
  const turns = () => new SweepTurns(access, { own: clock.own, store: clock.store ?? 0 });
  return { clock, store, access, turns };
}

test('nobody has a turn to delete while a lease is held', async (t) => {
  const { store, clock, access, turns } = scene();
  const lease = await holdLease(store, 'publish os 1', { clock });
  const second = await holdLease(store, 'publish os 2', { clock });
  const own = turns();
  t.deepEqual(await own.begin(), ['publish os 1', 'publish os 2']);
  await lease[Symbol.asyncDispose]();
  t.deepEqual(await own.begin(), ['publish os 2']);
  await second.requireHeld();
  await second[Symbol.asyncDispose]();
  t.deepEqual(await own.begin(), []);
  t.true(own.isOn);
  await own.end();
  t.false(own.isOn);
  t.deepEqual((await readLeases(access)).list.leases, []);
});

test('a lease that is taken during a turn waits for its end', async (t) => {
  const { store, clock, turns } = scene();
  const own = turns();
  await own.begin();
  let waited = 0;
  const patient = {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    async sleep(ms: number) {
      waited += 1;
      clock.pass(ms);
      if (waited === 3) await own.end();
    },
  };
  const lease = await holdLease(store, 'publish os 1', { clock: patient });
  t.is(waited, 3);
  // The lease was there first, so another turn does not begin in between.
  t.deepEqual(await turns().begin(), ['publish os 1']);
  await lease[Symbol.asyncDispose]();
});

test('a turn ends by itself before others may take it for over, and a killed prune stops nobody for long', async (t) => {
  const { store, clock, turns } = scene();
  const killed = turns();
  await killed.begin();
  clock.pass(TURN_MS - 1);
  t.true(killed.isOn);
  clock.pass(1);
  t.false(killed.isOn);
  t.true(2 * TURN_MS < STALE_TURN_MS);
  const before = clock.elapsed();
  const lease = await holdLease(store, 'publish os 1', { clock });
  t.is(clock.elapsed() - before, STALE_TURN_MS);
  await lease.requireHeld();
  // Its late end takes nothing away from anybody.
  await killed.end();
  t.deepEqual(await turns().begin(), ['publish os 1']);
});

test('the lease of a killed publisher goes when two prunes have seen the same of it, an hour apart', async (t) => {
  const { store, clock, turns } = scene();
  const killed = await holdLease(store, 'publish os 1', { clock });
  clock.pass(10 * LEASE_LIFE_MS);
  t.deepEqual(await turns().begin(), ['publish os 1']);
  clock.pass(LEASE_LIFE_MS - 1);
  t.deepEqual(await turns().begin(), ['publish os 1']);
  clock.pass(1);
  const own = turns();
  t.deepEqual(await own.begin(), []);
  await own.end();
  // It was not dead after all: it must not show anything.
  await throwsSilt(t, () => killed.requireHeld(), 'CONFLICT');
  await killed[Symbol.asyncDispose]();
});

test('a lease that is renewed lives, and a wrong clock kills none', async (t) => {
  const { store, clock, turns } = scene();
  const lease = await holdLease(store, 'publish os 1', { clock });
  for (let hours = 0; hours < 3; hours += 1) {
    t.deepEqual(await turns().begin(), ['publish os 1']);
    clock.pass(LEASE_LIFE_MS);
    await lease.requireHeld();
  }
  await turns().begin();
  clock.own += 1000 * LEASE_LIFE_MS;
  t.deepEqual(await turns().begin(), ['publish os 1']);
  clock.own = 0;
  t.deepEqual(await turns().begin(), ['publish os 1']);
  await lease[Symbol.asyncDispose]();
});

test('many that begin and end at once all get their leases, and leave none', async (t) => {
  const { store, clock, access } = scene();
  const leases = await Promise.all(
    Array.from({ length: 40 }, (_, at) => holdLease(store, `publish os ${at}`, { clock })),
  );
  t.is((await readLeases(access)).list.leases.length, 40);
  await Promise.all(leases.map((lease) => lease[Symbol.asyncDispose]()));
  t.deepEqual((await readLeases(access)).list.leases, []);
});

test('of two prunes one has its turn, the other waits', async (t) => {
  const { clock, turns } = scene();
  const first = turns();
  await first.begin();
  const before = clock.elapsed();
  const second = turns();
  const waiting = second.begin();
  await waiting;
  // Nobody ended the first.
  t.is(clock.elapsed() - before, STALE_TURN_MS);
  t.false(first.isOn);
  t.true(second.isOn);
});

test('a list that is damaged, or full, stops publishers and prunes', async (t) => {
  const { store, clock, turns } = scene();
  store.objects.set(LEASE_LIST_KEY, { bytes: Buffer.from('{}'), modified: 0 });
  await throwsSilt(t, () => holdLease(store, 'publish os 1', { clock }), 'FORMAT_INVALID');
  await throwsSilt(t, () => turns().begin(), 'FORMAT_INVALID');
  const entries = Array.from({ length: 1024 }, (_, at) => ({
    id: at.toString(16).padStart(32, '0'),
    holder: 'publish',
    renewals: 0,
  }));
  const bytes = Buffer.from(JSON.stringify({ format: 'silt-leases', formatVersion: 1, leases: entries }));
  t.is(decodeLeaseList(bytes).leases.length, 1024);
  store.objects.set(LEASE_LIST_KEY, { bytes, modified: 0 });
  await throwsSilt(t, () => holdLease(store, 'publish os 1', { clock }), 'LOCKED');
});

test('a publisher that is stopped while it waits gives its lease back', async (t) => {
  const { store, clock, access, turns } = scene();
  await turns().begin();
  const stop = new AbortController();
  const stopping = {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    async sleep() {
      stop.abort(new Error('Ctrl-C'));
      stop.signal.throwIfAborted();
    },
  };
  const options = { clock: stopping, signal: stop.signal };
  const error = await t.throwsAsync(holdLease(store, 'publish os 1', options));
  t.false(isSiltError(error));
  t.is((await readLeases(access)).list.leases.length, 0);
});
