import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { decodeLeaseList, encodeLeaseList, LEASE_LIST_KEY } from '../../../src/format/lease-list.ts';
import type { LeaseAccess } from '../../../src/publisher/prune/change-leases.ts';
import { holdLease } from '../../../src/publisher/prune/lease.ts';
import { SweepTurns } from '../../../src/publisher/prune/sweep-turn.ts';
import type { Store } from '../../../src/store/store.ts';
import { withRetry } from '../../../src/store/with-retry.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';
import { QUICK } from '../../support/open-scripted-s3.ts';

const other = { id: 'e'.repeat(32), holder: 'another', renewals: 0 };

function leasesIn({ objects }: MemoryStore) {
  return decodeLeaseList(objects.get(LEASE_LIST_KEY)?.bytes as Uint8Array);
}

/** The first change of the list is made, its answer lost, and somebody else's lease comes after it. */
function outrun(inner: MemoryStore): Store {
  let isFirst = true;
  return withRetry(
    {
      ...inner,
      async putIfMatch(key, bytes, etag) {
        const next = await inner.putIfMatch(key, bytes, etag);
        if (!isFirst) return next;
        isFirst = false;
        const { leases, ...list } = leasesIn(inner);
        await inner.putIfMatch(key, encodeLeaseList({ ...list, leases: [...leases, other] }), next);
        throw new SiltError('NETWORK', 'reset', { transient: true });
      },
    },
    QUICK,
  );
}

/** Nobody waits. */
const clock = {
  now: () => 0,
  elapsed: () => 0,
  sleep: async () => {
    throw new Error('nobody was to wait for anything but a race');
  },
};

test('a lease whose answer was lost, and which others have followed, is there once', async (t) => {
  const inner = memoryStore();
  const race = { ...clock, sleep: async () => {} };
  const lease = await holdLease(outrun(inner), 'publish', { clock: race });
  t.deepEqual(
    leasesIn(inner).leases.map(({ holder }) => holder),
    ['publish', 'another'],
  );
  await lease.requireHeld();
  await lease[Symbol.asyncDispose]();
  t.deepEqual(leasesIn(inner).leases, [other]);
});

test('a turn whose answer was lost is the own one, and is not waited for', async (t) => {
  const inner = memoryStore();
  let sleeps = 0;
  const race = {
    ...clock,
    sleep: async (): Promise<void> => {
      sleeps += 1;
      if (sleeps > 1) await clock.sleep();
    },
  };
  const access: LeaseAccess = { store: outrun(inner), clock: race };
  const turns = new SweepTurns(access, { own: 0 });
  t.deepEqual(await turns.begin(), []);
  t.true(turns.isOn);
  await turns.end();
  t.is(leasesIn(inner).sweep, undefined);
});

test('a publisher that has just changed the list need not read it, and sees what others have done since', async (t) => {
  const inner = memoryStore();
  let reads = 0;
  const store = inner.scripted((call) => {
    if (call === 'get') reads += 1;
  });
  const race = { ...clock, sleep: async () => {} };
  const lease = await holdLease(store, 'publish', { clock: race });
  await lease.requireHeld();
  t.is(reads, 1);
  await inner.putIfMatch(
    LEASE_LIST_KEY,
    encodeLeaseList({ leases: [other] }),
    (await inner.has(LEASE_LIST_KEY))?.etag,
  );
  await t.throwsAsync(lease.requireHeld(), { code: 'CONFLICT' });
  await lease[Symbol.asyncDispose]();
  t.deepEqual(leasesIn(inner).leases, [other]);
});

test('after a minute the list is read ahead of a change', async (t) => {
  const inner = memoryStore();
  let calls: string[] = [];
  const store = inner.scripted((call) => void calls.push(call));
  let now = 0;
  const lease = await holdLease(store, 'publish', { clock: { ...clock, elapsed: () => now } });
  now = 60_000;
  calls = [];
  await lease.requireHeld();
  await lease[Symbol.asyncDispose]();
  t.deepEqual(calls, ['get', 'putIfMatch', 'putIfMatch']);
});
