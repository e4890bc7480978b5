import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { isSiltError } from '../../../src/core/errors.ts';
import { KiB } from '../../../src/core/sizes.ts';
import { fetchImage } from '../../../src/fetcher/fetch.ts';
import type { Manifest } from '../../../src/format/manifest.ts';
import { holdLease } from '../../../src/publisher/prune/lease.ts';
import { prune } from '../../../src/publisher/prune/prune.ts';
import { openLedger, openReleases } from '../../../src/trust/unsigned-releases.ts';
import { interleave, type Party } from '../../support/interleaving.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';
import { GRACE, keepLast, pruneBench, TestClock } from '../../support/prune-bench.ts';
import { rebuildImage } from '../../support/rebuild-image.ts';
import { AT_ONCE } from '../../support/release-repository.ts';
import { seededBytes, seededRandom } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const base = seededBytes('race base', 20 * KiB);
const image = (name: string): Uint8Array => Buffer.concat([seededBytes(`race ${name}`, 12 * KiB), base]);

/** What an interrupted publish of `version` leaves behind, its grace over, beside other releases. */
async function leftovers(t: Parameters<typeof pruneBench>[0]) {
  const bench = await pruneBench(t);
  await bench.publish('1', image('1'));
  const complete = bench.store.clone();
  const manifest = await bench.publish('2', image('2'), {}, complete);
  for (const [key, object] of complete.objects) {
    if (/^(packs|indexes)\//.test(key)) bench.store.objects.set(key, object);
  }
  await bench.prune();
  bench.clock.pass(GRACE);
  return { ...bench, complete, manifest };
}

test('a prune at any call of a publish takes nothing away that the publish relies on', async (t) => {
  const { store: template, clock, publish, prune: pruneIt, rebuildAll } = await leftovers(t);
  let swept = 0;
  let held = 0;
  for (let at = 1; ; at += 1) {
    const store = template.clone();
    let calls = 0;
    const raced = store.scripted(async (_call, _key, ordinal) => {
      calls = ordinal;
      if (ordinal !== at) return;
      const report = await pruneIt({}, store);
      swept += report.deleted.objects;
      held += report.waitingFor.length;
    });
    await publish('2', image('2'), {}, raced);
    t.is((await rebuildAll(store)).length, 2);
    if (calls < at) break;
    await pruneIt({}, store);
    clock.pass(GRACE);
    t.is((await rebuildAll(store)).length, 2);
  }
  // Before the lease it all goes and is stored again; after it nothing does.
  t.true(swept > 0 && held > 0, `${swept} swept, ${held} held`);
});

/** Publishes as the publisher does, as far as the store sees it, objects that another store has. */
async function publishLike(
  { store, clock }: Party,
  from: MemoryStore,
  { format, formatVersion, counter, ...release }: Manifest,
  hold: typeof holdLease = holdLease,
): Promise<'published'> {
  await using lease = await hold(store, 'publish os 2', { clock });
  for (const [key, { bytes }] of from.objects) {
    if (!/^(packs|indexes)\//.test(key)) continue;
    if ((await store.has(key)) === undefined) await store.putIfAbsent(key, bytes);
  }
  await lease.requireHeld();
  await openLedger(store).add(release);
  return 'published';
}

/** Prunes and publishers side by side; tells whether what was published is whole. */
async function race(
  { store: template, complete, manifest }: Awaited<ReturnType<typeof leftovers>>,
  seed: number,
  hold?: typeof holdLease,
): Promise<{ isWhole: boolean; deleted: number }> {
  const clock = new TestClock();
  clock.own = clock.store = START_OF_RACE;
  const store = memoryStore(() => clock.store, new Map(template.objects));
  const pruneParty = async (party: Party) =>
    (await prune(party.store, openLedger(party.store), { graceMs: GRACE, clock: party.clock })).deleted
      .objects;
  const results = await interleave<number | string>(store, clock, seededRandom(seed), [
    pruneParty,
    (party) => publishLike(party, complete, manifest, hold),
    pruneParty,
  ]);
  for (const result of results) {
    // Of two prunes one may be told to begin again.
    if (result.status !== 'rejected' || isSiltError(result.reason, 'CONFLICT')) continue;
    if (isSiltError(result.reason, 'OBJECT_MISSING')) return { isWhole: false, deleted: 0 };
    throw result.reason;
  }
  const deleted = results.reduce((sum, result) => {
    return sum + (result.status === 'fulfilled' && typeof result.value === 'number' ? result.value : 0);
  }, 0);
  const { images } = await openReleases(store).find('os', { version: '2' });
  try {
    for (const each of images) await rebuildImage(store, each);
    return { isWhole: true, deleted };
  } catch {
    return { isWhole: false, deleted };
  }
}

const START_OF_RACE = Date.parse('2027-01-01T00:00:00Z');
const SEEDS = 150;

test('in whatever order calls of two prunes and a publish come, what is published is whole', async (t) => {
  const scene = await leftovers(t);
  let deleted = 0;
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const outcome = await race(scene, seed);
    t.true(outcome.isWhole, `seed ${seed}`);
    if (outcome.deleted > 0) deleted += 1;
  }
  t.true(deleted > 15 && deleted < SEEDS, `${deleted} of ${SEEDS} deleted something`);
});

test('without leases some of these orders lose objects', async (t) => {
  const scene = await leftovers(t);
  const none = async () => ({ requireHeld: async () => {}, [Symbol.asyncDispose]: async () => {} });
  let seed = 0;
  while (seed < SEEDS && (await race(scene, seed, none)).isWhole) seed += 1;
  t.true(seed < SEEDS);
});

test('a prune at any call of a fetch leaves it what it needs, for as long as the grace', async (t) => {
  const bench = await pruneBench(t);
  await bench.publish('1', image('1'), { channel: 'stable' });
  await bench.publish('2', image('2'));
  const directory = await temporaryDirectory(t);
  for (let at = 1; ; at += 1) {
    const store = bench.store.clone();
    let calls = 0;
    const raced = store.scripted(async (_call, _key, ordinal) => {
      calls = ordinal;
      if (ordinal !== at) return;
      // The channel moves on, the release goes, and again and again until a moment before the grace is over.
      await openLedger(store).point('os', 'stable', '2');
      await bench.prune({ keep: keepLast(1) }, store);
      bench.clock.pass(GRACE - 1);
      await bench.prune({ keep: keepLast(1) }, store);
    });
    const output = join(directory, `fetched-${at}`);
    const { version } = await fetchImage(raced, openReleases, {
      product: 'os',
      selector: { channel: 'stable' },
      output,
      retry: AT_ONCE,
    });
    t.deepEqual(await readFile(output), Buffer.from(image(version)));
    if (calls < at) break;
    bench.clock.pass(GRACE);
    await bench.prune({}, store);
    t.is((await bench.rebuildAll(store)).length, 1);
  }
});

test('a fetch that takes longer than the grace fails cleanly, and the next one gets the new release', async (t) => {
  const bench = await pruneBench(t);
  await bench.publish('1', seededBytes('race alone', 30 * KiB), { channel: 'stable' });
  await bench.publish('2', image('2'));
  const output = join(await temporaryDirectory(t), 'fetched');
  let pruned = 0;
  const raced = bench.store.scripted(async (call, key) => {
    if (call !== 'getRange' || !key.startsWith('packs/') || pruned > 0) return;
    await openLedger(bench.store).point('os', 'stable', '2');
    await bench.prune({ keep: keepLast(1) });
    bench.clock.pass(GRACE);
    pruned = (await bench.prune()).deleted.objects;
  });
  const options = { product: 'os', selector: { channel: 'stable' }, output, retry: AT_ONCE };
  const failure = await t.throwsAsync(fetchImage(raced, openReleases, options));
  t.true(isSiltError(failure, 'OBJECT_MISSING'), String(failure));
  t.is(pruned, 3);
  t.is((await fetchImage(raced, openReleases, options)).version, '2');
  t.deepEqual(await readFile(output), Buffer.from(image('2')));
});
