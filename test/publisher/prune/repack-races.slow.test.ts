import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { isSiltError } from '../../../src/core/errors.ts';
import { fetchImage } from '../../../src/fetcher/fetch.ts';
import { prune } from '../../../src/publisher/prune/prune.ts';
import { openLedger, openReleases } from '../../../src/trust/unsigned-releases.ts';
import { interleave, type Party } from '../../support/interleaving.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { GRACE, keepLast, objectsIn, TestClock } from '../../support/prune-bench.ts';
import { AT_ONCE } from '../../support/release-repository.ts';
import { HALF, pieceOf, repackBench } from '../../support/repack-bench.ts';
import { seededRandom } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

class Killed extends Error {}

/** A pack that goes in the next run, for its remnant, and another that gets one in that run. */
async function scene(t: Parameters<typeof repackBench>[0]) {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  await bench.publishPieces('2', 'beijklmnop');
  await bench.prune({ keep: keepLast(1), repack: HALF });
  bench.clock.pass(GRACE);
  await bench.publishPieces('3', 'bej');
  return bench;
}

test('killed at any call of repacking, every kept release is whole, and the next runs get to the same end', async (t) => {
  const bench = await scene(t);
  const { clock } = bench;
  const run = (from: Parameters<typeof bench.prune>[1]) =>
    bench.prune({ keep: keepLast(1), repack: HALF }, from);
  const template = bench.store.clone();
  let calls = 0;
  const end = template.clone();
  const whole = await run(
    end.scripted(() => {
      calls += 1;
    }),
  );
  t.is(whole.repacked.packs, 1);
  t.is(whole.deleted.kinds.packs.objects, 1);
  clock.pass(GRACE);
  await run(end);
  t.deepEqual(
    bench.packs(end).map((key) => key.slice(-2)),
    ['.1', '.1'],
  );
  let interrupted = 0;
  for (let last = 1; last <= calls; last += 1) {
    const store = template.clone();
    const dying = store.scripted((_call, _key, ordinal) => {
      if (ordinal >= last) throw new Killed();
    });
    const outcome = await run(dying).catch((error: unknown) => error);
    if (outcome instanceof Killed) interrupted += 1;
    await bench.rebuildAll(store);
    for (let again = 0; again < 2; again += 1) {
      await run(store);
      await bench.rebuildAll(store);
      clock.pass(GRACE);
    }
    await run(store);
    t.deepEqual(objectsIn(store), objectsIn(end), `killed at call ${last}`);
    t.deepEqual((await bench.verify(store)).damaged, []);
  }
  t.true(interrupted > 40, `${interrupted} of ${calls}`);
});

test('a prune at any call of a publish leaves it the frames that it found, dead ones too', async (t) => {
  const bench = await scene(t);
  let swept = 0;
  let held = 0;
  for (let at = 1; ; at += 1) {
    const store = bench.store.clone();
    let calls = 0;
    const raced = store.scripted(async (_call, _key, ordinal) => {
      calls = ordinal;
      if (ordinal !== at) return;
      const report = await bench.prune({ keep: keepLast(1), repack: HALF }, store);
      swept += report.deleted.kinds.packs.objects;
      held += report.waitingFor.length;
    });
    // Pieces that only the pack on its way out has, and the one that gets a remnant meanwhile.
    await bench.publishPieces('4', 'acejk', raced);
    await bench.rebuildAll(store);
    if (calls < at) break;
    for (let run = 0; run < 2; run += 1) {
      await bench.prune({ repack: HALF }, store);
      await bench.rebuildAll(store);
      bench.clock.pass(GRACE);
    }
    await bench.prune({ repack: HALF }, store);
    t.deepEqual((await bench.verify(store)).damaged, []);
  }
  t.true(swept > 0 && held > 0, `${swept} swept, ${held} held`);
});

test('a pack that goes at any call of a fetch is read on from its remnant, and that from the next', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefghijklmnop');
  await bench.publishPieces('2', 'abcde');
  await bench.publishPieces('3', 'ab');
  const directory = await temporaryDirectory(t);
  let gone = 0;
  for (let at = 1; ; at += 1) {
    const store = bench.store.clone();
    let calls = 0;
    const raced = store.scripted(async (_call, _key, ordinal) => {
      calls = ordinal;
      if (ordinal !== at) return;
      // From the pack to the first remnant; then, as the second release goes too, to the second.
      for (const keep of [keepLast(2), keepLast(1)]) {
        await bench.prune({ keep, repack: { below: 0.7, freedBytes: 1 } }, store);
        bench.clock.pass(GRACE);
        const { deleted } = await bench.prune({ repack: { below: 0.7, freedBytes: 1 } }, store);
        gone += deleted.kinds.packs.objects;
      }
    });
    const output = join(directory, `fetched-${at}`);
    const options = { product: 'os', selector: { version: '3' }, image: 'b', output, retry: AT_ONCE };
    await fetchImage(raced, openReleases, options);
    t.deepEqual(await readFile(output), Buffer.from(pieceOf('b')));
    if (calls < at) break;
    t.deepEqual(
      bench.packs(store).map((key) => key.slice(-2)),
      ['.2'],
    );
  }
  t.true(gone >= 8, String(gone));
});

const SEEDS = 80;

test('in whatever order calls of two prunes that repack and a publish come, all is whole and some is repacked', async (t) => {
  const bench = await scene(t);
  // What the publisher brings: a release of frames that are dead, and one that is new.
  const complete = bench.store.clone();
  const { format, formatVersion, counter, ...release } = await bench.publishPieces('4', 'acejkx', complete);
  const added = [...complete.objects].filter(([key]) => !bench.store.objects.has(key));
  let deleted = 0;
  let repacked = 0;
  let published = 0;
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const clock = new TestClock();
    clock.own = clock.store = bench.clock.own;
    const store = memoryStore(() => clock.store, new Map(bench.store.objects));
    const pruneParty = async (party: Party) => {
      const report = await prune(party.store, openLedger(party.store), {
        keep: keepLast(1),
        repack: HALF,
        graceMs: GRACE,
        clock: party.clock,
      });
      deleted += report.deleted.kinds.packs.objects;
      repacked += report.repacked.packs;
    };
    const publishParty = async (party: Party) => {
      const { holdLease } = await import('../../../src/publisher/prune/lease.ts');
      await using lease = await holdLease(party.store, 'publish os 4', { clock: party.clock });
      // As a publisher does, which uses the frames that it finds: of a pack that is gone only what is left.
      const isWhole = (await Promise.all(bench.packs().map((key) => party.store.has(key)))).every(Boolean);
      if (!isWhole) return;
      for (const [key, { bytes }] of added) {
        if (/^(packs|indexes)\//.test(key)) await party.store.putIfAbsent(key, bytes);
      }
      await lease.requireHeld();
      await openLedger(party.store).add(release);
      published += 1;
    };
    const results = await interleave<void>(store, clock, seededRandom(seed), [
      pruneParty,
      publishParty,
      pruneParty,
    ]);
    for (const result of results) {
      if (result.status === 'rejected' && !isSiltError(result.reason, 'CONFLICT')) throw result.reason;
    }
    for (let run = 0; run < 3; run += 1) {
      await bench.rebuildAll(store);
      await prune(store, openLedger(store), { repack: HALF, graceMs: GRACE, clock });
      clock.pass(GRACE);
    }
    await bench.rebuildAll(store);
  }
  t.log({ deleted, repacked, published });
  t.true(deleted > 10 && repacked > 10 && published > 10);
});

test('a publisher that took no lease is left without the frames that it found', async (t) => {
  const bench = await scene(t);
  const complete = bench.store.clone();
  const { format, formatVersion, counter, ...release } = await bench.publishPieces('4', 'acejkx', complete);
  const added = [...complete.objects].filter(([key]) => !bench.store.objects.has(key));
  await bench.prune({ keep: keepLast(1), repack: HALF });
  for (const [key, object] of added) {
    if (/^(packs|indexes)\//.test(key)) bench.store.objects.set(key, object);
  }
  await bench.rebuildAll();
  await openLedger(bench.store).add(release);
  await t.throwsAsync(() => bench.rebuildAll());
});
