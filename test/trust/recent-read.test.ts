import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Store } from '../../src/store/store.ts';
import { withCounting } from '../../src/store/with-counting.ts';
import { RecentRead } from '../../src/trust/recent-read.ts';
import type { ReleaseLedger } from '../../src/trust/releases.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { collect } from '../support/collect.ts';
import { memoryStore } from '../support/memory-store.ts';
import { newRelease, signedRepository } from '../support/signed-repository.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('what was read within the minute is not read again when that will do, and later or after a write it is', async (t) => {
  let reads = 0;
  let now = 0;
  const seen = new RecentRead(
    async () => ++reads,
    () => now,
  );
  t.is(await seen.get({ recent: true }), 1, 'nothing was read yet');
  now = 59_999;
  t.is(await seen.get({ recent: true }), 1);
  t.is(await seen.get(), 2, 'of the present');
  now += 60_000;
  t.is(seen.known(), undefined);
  t.is(await seen.get({ recent: true }), 3);
  seen.forget();
  t.is(await seen.get({ recent: true }), 4);
});

test('a read that fails is not remembered, and what was known before it is', async (t) => {
  let fails = false;
  const seen = new RecentRead(async () => {
    if (fails) throw new Error('reset');
    return 'read';
  });
  await seen.get();
  fails = true;
  await t.throwsAsync(seen.get(), { message: 'reset' });
  t.is(await seen.get({ recent: true }), 'read');
});

test('whoever asks while the same is read waits for that, unless it has to be of the present', async (t) => {
  const reads: PromiseWithResolvers<number>[] = [];
  const seen = new RecentRead(async () => {
    const read = Promise.withResolvers<number>();
    reads.push(read);
    return await read.promise;
  });
  const recent = [seen.get({ recent: true }), seen.get({ recent: true })];
  const present = seen.get();
  t.is(reads.length, 2);
  reads[0]?.resolve(1);
  reads[1]?.resolve(2);
  t.deepEqual(await Promise.all([...recent, present]), [1, 1, 2]);
});

type Open = (store: Store) => ReleaseLedger;

async function unsigned(): Promise<[Store, Open]> {
  return [memoryStore(), openLedger];
}

async function signed(t: ExecutionContext<unknown>): Promise<[Store, Open]> {
  const { store, ledger, allSigners } = await signedRepository(t);
  return [store, (from) => ledger(allSigners(), from)];
}

for (const [name, open] of Object.entries({ unsigned, signed })) {
  test(`${name}: a release that is added to what was just read costs no look, and one to what has changed does`, async (t) => {
    const [inner, ledgerOf] = await open(t);
    const store = withCounting(inner);
    const reads = () => store.counts().kinds.metadata;
    const ledger = ledgerOf(store);
    await collect(ledger.all());
    // What it lists must be known too, to list one more.
    if (name === 'signed') await ledger.requireReady('app', { recent: true });
    const before = reads();
    t.is((await ledger.add(newRelease('1'), { recent: true })).counter, 1);
    t.is(reads().bytesRead, before.bytesRead);
    await collect(ledger.all());
    await ledgerOf(inner).add(newRelease('2'));
    t.is((await ledger.add(newRelease('3'), { recent: true })).counter, 3);
    const versions = (await collect(ledger.all())).map(({ version }) => version);
    t.deepEqual(versions, ['1', '2', '3']);
  });

  test(`${name}: what was so a moment ago refuses nothing`, async (t) => {
    const [store, ledgerOf] = await open(t);
    const ledger = ledgerOf(store);
    await ledger.add(newRelease('1'));
    await ledger.add(newRelease('2'));
    await collect(ledger.all());
    t.deepEqual(await ledgerOf(store).remove('app', ['1']), ['1']);
    t.is((await ledger.add(newRelease('1'), { recent: true })).counter, 3);
    await collect(ledger.all());
    await throwsSilt(t, () => ledger.add(newRelease('1'), { recent: true }), 'RELEASE_EXISTS');
  });

  test(`${name}: the newest releases are those with the highest counters, of one product`, async (t) => {
    const [store, ledgerOf] = await open(t);
    const ledger = ledgerOf(store);
    t.deepEqual(await ledger.newest('app', 3), []);
    for (const version of ['1', '2', '3', '4']) await ledger.add(newRelease(version));
    const versions = async (count: number, product = 'app') =>
      (await ledger.newest(product, count)).map(({ version }) => version);
    t.deepEqual(await versions(3), ['4', '3', '2']);
    t.deepEqual(await versions(9), ['4', '3', '2', '1']);
    t.deepEqual(await versions(0), []);
    t.deepEqual(await versions(3, 'another'), []);
  });
}

test('signed: the newest releases are told across the archive, where channels hold older ones back', async (t) => {
  const { ledger } = await signedRepository(t);
  const all = ledger();
  for (let at = 1; at <= 20; at += 1) {
    await all.add(newRelease(`${at}`), at === 2 ? { channel: 'stable' } : {});
  }
  const versions = (await all.newest('app', 18)).map(({ version }) => Number(version));
  t.deepEqual(
    versions,
    Array.from({ length: 18 }, (_, at) => 20 - at),
  );
});

test('manifests are read side by side, a few at a time, and come in their order', async (t) => {
  const store = memoryStore();
  const versions = Array.from({ length: 30 }, (_, at) => `${at}`);
  for (const version of versions) await openLedger(store).add(newRelease(version));
  let [active, most] = [0, 0];
  const counted: Store = {
    ...store,
    async get(key, options) {
      active += 1;
      most = Math.max(most, active);
      await setImmediate();
      const found = await store.get(key, options);
      active -= 1;
      return found;
    },
  };
  const read = await collect(openLedger(counted).all());
  t.deepEqual(
    read.map(({ version }) => version),
    versions,
  );
  t.is(most, 8);
});
