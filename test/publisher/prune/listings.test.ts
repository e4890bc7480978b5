import test from 'ava';
import { sha256Hex } from '../../../src/core/digest.ts';
import { KiB } from '../../../src/core/sizes.ts';
import { decodePruneRecord, encodePruneRecord, PRUNE_RECORD_KEY } from '../../../src/format/prune-record.ts';
import { prune } from '../../../src/publisher/prune/prune.ts';
import type { Store } from '../../../src/store/store.ts';
import type { ReleaseLedger } from '../../../src/trust/releases.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { GRACE, keepLast, objectsIn, pruneBench, START, TestClock } from '../../support/prune-bench.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { withListing } from '../../support/with-listing.ts';

/** Of a repository that lists nothing. */
const empty: Pick<ReleaseLedger, 'survey'> = {
  survey: async () => ({ state: 'empty', releases: (async function* () {})(), metadata: new Map() }),
};

test('of 100,000 objects none but a batch is held, and what was unused for long is gone in the end', async (t) => {
  const clock = new TestClock();
  const keys = Array.from({ length: 100_000 }, (_, at) => `packs/${sha256Hex(Buffer.from(`${at}`))}`);
  const own = memoryStore(() => clock.store);
  const left = new Set(keys);
  let ahead = 0;
  let mostAhead = 0;
  /** Keys that come out as they are asked for, and are no objects before somebody asks for them. */
  const store: Store = {
    ...own,
    async *list(prefix) {
      for (const key of keys) {
        if (!key.startsWith(prefix) || !left.has(key)) continue;
        ahead += 1;
        mostAhead = Math.max(mostAhead, ahead);
        yield { key, size: 10 };
      }
    },
    has: async (key, options) =>
      left.has(key) ? { size: 10, modified: START } : await own.has(key, options),
    async remove(key) {
      ahead -= 1;
      left.delete(key);
    },
  };
  const run = () => prune(store, empty as ReleaseLedger, { graceMs: GRACE, clock });
  t.like(await run(), { marked: { objects: 100_000, bytes: 1_000_000 }, deleted: { objects: 0 } });
  const record = own.objects.get(PRUNE_RECORD_KEY)?.bytes ?? new Uint8Array();
  t.is(decodePruneRecord(record).size, 100_000);
  clock.pass(GRACE);
  ahead = mostAhead = 0;
  t.like(await run(), { deleted: { objects: 100_000, bytes: 1_000_000 }, waiting: { objects: 0 } });
  t.true(mostAhead <= 256, String(mostAhead));
  t.is(left.size, 0);
});

test('what the record has no room for is told of by a later run', (t) => {
  const at = (own: number) => ({ own, store: own });
  const key = (index: number): string => `targets/${'p'.repeat(500)}/${String(index).padStart(8, '0')}`;
  const old = Array.from({ length: 1000 }, (_, index) => [key(index), at(1)] as const);
  const young = Array.from({ length: 40_000 }, (_, index) => [key(index + 1000), at(2)] as const);
  const kept = decodePruneRecord(encodePruneRecord(new Map([...young, ...old])));
  t.true(kept.size > 30_000 && kept.size < 41_000);
  for (const [name, since] of old) t.deepEqual(kept.get(name), since);
});

test('a listing of yesterday shows what is gone and hides what is new, and does no harm', async (t) => {
  const bench = await pruneBench(t);
  const image = (name: string) => seededBytes(`listing ${name}`, 20 * KiB);
  await bench.publish('1', image('1'));
  await bench.publish('2', image('2'));
  const yesterday = objectsIn(bench.store);
  await bench.prune({ keep: keepLast(1) });
  bench.clock.pass(GRACE);
  t.is((await bench.prune()).deleted.objects, 3);
  await bench.publish('3', image('3'));
  await bench.publish('4', image('4'));
  const stale = withListing(bench.store, () => yesterday);
  // It names what was deleted, which is marked anew; of versions 3 and 4 it knows nothing.
  t.like(await bench.prune({ keep: keepLast(2) }, stale), { deleted: { objects: 0 }, releases: 2 });
  bench.clock.pass(GRACE);
  const late = await bench.prune({}, stale);
  t.is(late.deleted.objects, 3);
  t.is((await bench.rebuildAll()).length, 2);
  // Version 2 went; what it lists of version 1 was not there and is not counted.
  bench.clock.pass(GRACE);
  t.is((await bench.prune()).deleted.objects, 0);
  t.is(objectsIn(bench.store).length, 6);
});

test('a listing that names an object twice, or that of another store, deletes it once and nothing else', async (t) => {
  const bench = await pruneBench(t);
  await bench.publish('1', seededBytes('twice 1', 20 * KiB));
  await bench.publish('2', seededBytes('twice 2', 20 * KiB));
  const other = `packs/${'ef'.repeat(32)}`;
  const twice = withListing(bench.store, (found) => [...found, other, ...found]);
  const first = await bench.prune({ keep: keepLast(1) }, twice);
  t.is(first.marked.objects, 4);
  bench.clock.pass(GRACE);
  t.is((await bench.prune({}, twice)).deleted.objects, 3);
  t.is((await bench.rebuildAll()).length, 1);
});

test('a listing that fails half way loses nothing of what was known', async (t) => {
  const bench = await pruneBench(t);
  for (const version of ['1', '2']) await bench.publish(version, seededBytes(`fails ${version}`, 20 * KiB));
  await bench.prune({ keep: keepLast(1) });
  const failing = withListing(bench.store, (found) => {
    if (found.some((key) => key.startsWith('deltas/') || key.startsWith('targets/')))
      throw new Error('reset');
    return found;
  });
  await t.throwsAsync(bench.prune({}, failing), { message: 'reset' });
  bench.clock.pass(GRACE);
  t.is((await bench.prune()).deleted.objects, 3);
});
