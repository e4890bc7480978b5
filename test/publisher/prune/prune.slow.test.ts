import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../../src/core/sizes.ts';
import { prune } from '../../../src/publisher/prune/prune.ts';
import { publish } from '../../../src/publisher/publish.ts';
import { openDirectoryStore } from '../../../src/store/directory.ts';
import { openLedger } from '../../../src/trust/unsigned-releases.ts';
import { collect } from '../../support/collect.ts';
import { DAY, GRACE, HOUR, keepLast, objectsIn, pruneBench, START } from '../../support/prune-bench.ts';
import { FAST } from '../../support/publish-bench.ts';
import { rebuildImage } from '../../support/rebuild-image.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { signedRepository } from '../../support/signed-repository.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const base = seededBytes('prune base', 60 * KiB);
/** Shares most of its chunks with those of other numbers. */
const image = (number: number): Uint8Array => Buffer.concat([seededBytes(`prune ${number}`, 10 * KiB), base]);

test('a release goes at once, its objects after the grace, and what others share stays', async (t) => {
  const bench = await pruneBench(t);
  for (const version of ['1', '2', '3']) await bench.publish(version, image(Number(version)));
  const before = objectsIn(bench.store);
  const first = await bench.prune({ keep: keepLast(1) });
  t.deepEqual(
    first.removed.map(({ version }) => version),
    ['2', '1'],
  );
  t.is(first.releases, 1);
  t.is(first.deleted.objects, 0);
  t.deepEqual(objectsIn(bench.store), before);
  // Two manifests, two indexes, and the pack of version 2; that of version 1 has what all share.
  t.is(first.marked.objects, 5);
  t.is(first.marked.kinds.packs.objects, 1);
  bench.clock.pass(GRACE - 1);
  const early = await bench.prune({ keep: keepLast(1) });
  t.like(early, { removed: [], marked: { objects: 0 }, waiting: { objects: 5 }, deleted: { objects: 0 } });
  bench.clock.pass(1);
  const last = await bench.prune({ keep: keepLast(1) });
  t.like(last, { waiting: { objects: 0 }, deleted: { objects: 5, bytes: first.marked.bytes } });
  t.is(objectsIn(bench.store).length, before.length - 5);
  t.deepEqual(
    (await bench.rebuildAll()).map(({ version }) => version),
    ['3'],
  );
  t.like(await bench.prune(), { deleted: { objects: 0 }, marked: { objects: 0 }, live: last.live });
});

test('a dry run says what would go and changes nothing', async (t) => {
  const bench = await pruneBench(t);
  for (const version of ['1', '2']) await bench.publish(version, image(Number(version)));
  const before = new Map(bench.store.objects);
  const dry = await bench.prune({ keep: keepLast(1), dryRun: true });
  t.deepEqual(bench.store.objects, before);
  const real = await bench.prune({ keep: keepLast(1) });
  t.deepEqual({ ...dry, seconds: 0 }, { ...real, dryRun: true, seconds: 0 });
  bench.clock.pass(GRACE);
  const ripe = new Map(bench.store.objects);
  const dryAgain = await bench.prune({ dryRun: true });
  t.deepEqual(bench.store.objects, ripe);
  const realAgain = await bench.prune();
  t.true(realAgain.deleted.objects > 0);
  t.deepEqual({ ...dryAgain, seconds: 0 }, { ...realAgain, dryRun: true, seconds: 0 });
});

test('channels, versions and stepping stones keep their releases', async (t) => {
  const bench = await pruneBench(t);
  await bench.publish('1', image(1));
  await bench.publish('2', image(2), { channel: 'stable' });
  await bench.publish('3', image(3));
  await bench.publish('4', image(4));
  await bench.publish('5', image(5), { requires: { version: '3' } });
  const dry = async (
    keep: Parameters<typeof keepLast>[0],
    channels: string[] = [],
    versions: string[] = [],
  ) =>
    (await bench.prune({ dryRun: true, keep: { last: keep, channels, versions } })).removed.map(
      ({ version }) => version,
    );
  t.deepEqual(await dry(1), ['4', '1']);
  t.deepEqual(await dry(1, [], ['1']), ['4']);
  t.deepEqual(await dry(1, ['stable']), ['1']);
  t.deepEqual(await dry(9), []);
  const before = new Map(bench.store.objects);
  const missing = { last: 1, channels: ['stabel'], versions: [] };
  await throwsSilt(t, () => bench.prune({ keep: missing }), 'RELEASE_NOT_FOUND');
  await throwsSilt(
    t,
    () => bench.prune({ keep: { ...missing, channels: [], versions: ['7'] } }),
    'RELEASE_NOT_FOUND',
  );
  await throwsSilt(t, () => bench.prune({ product: 'toaster' }), 'RELEASE_NOT_FOUND');
  t.deepEqual(bench.store.objects, before);
});

test('one product is pruned, and what another shares with it stays', async (t) => {
  const bench = await pruneBench(t);
  const large = seededBytes('shared by two products', 600 * KiB);
  await bench.publish('1', large);
  await bench.publish('1', large, { product: 'other' });
  await bench.publish('2', image(2));
  await bench.publish('2', image(2), { product: 'other' });
  const { removed } = await bench.prune({ product: 'os', keep: keepLast(1) });
  t.deepEqual(removed, [{ product: 'os', version: '1', counter: 1 }]);
  bench.clock.pass(GRACE);
  await bench.prune();
  t.deepEqual(
    (await bench.rebuildAll()).map(({ product, version }) => `${product} ${version}`),
    ['os 2', 'other 1', 'other 2'],
  );
});

test('what an interrupted publish left goes after the grace, what silt does not know stays', async (t) => {
  const bench = await pruneBench(t);
  await bench.publish('1', image(1));
  const left = `packs/${'ab'.repeat(32)}`;
  const others = [
    'packs/notes',
    'packs/deep/er',
    'readme.txt',
    'metadata/7.elsewhere.json',
    'keys/server.pem',
  ];
  for (const key of [left, ...others]) await bench.store.putIfAbsent(key, Buffer.from('something'));
  t.like(await bench.prune(), { marked: { objects: 1, bytes: 9 }, undecided: { objects: 3 } });
  bench.clock.pass(GRACE);
  t.like(await bench.prune(), { deleted: { objects: 1 } });
  t.false(bench.store.objects.has(left));
  for (const key of others) t.true(bench.store.objects.has(key), key);
});

test('what is stored again, or needed again and let go in the same run, has its whole grace once more', async (t) => {
  const bench = await pruneBench(t);
  // Shares nothing with others, so that publishing it again makes the same pack and the same index.
  const alone = seededBytes('prune alone', 70 * KiB);
  await bench.publish('1', alone);
  await bench.publish('2', image(2));
  await bench.prune({ keep: keepLast(1) });
  bench.clock.pass(GRACE);
  // A killed prune deleted it without saying so, and a publisher stored it anew.
  const again = `packs/${'cd'.repeat(32)}`;
  await bench.publish('1-again', alone);
  await bench.publish('3', image(3));
  await bench.store.putIfAbsent(again, Buffer.from('x'));
  const run = await bench.prune({ keep: keepLast(1) });
  t.is(run.removed.length, 2);
  const oldManifest = run.deleted.objects;
  // The manifest of version 1 alone: its index is that of 1-again, which was needed until now.
  t.is(oldManifest, 1);
  bench.clock.pass(GRACE - 1);
  t.is((await bench.prune()).deleted.objects, 0);
  bench.store.objects.set(again, { bytes: Buffer.from('x'), modified: bench.clock.store ?? 0 });
  bench.clock.pass(1);
  t.true((await bench.prune()).deleted.objects > 0);
  t.true(bench.store.objects.has(again));
  bench.clock.pass(GRACE);
  await bench.prune();
  t.false(bench.store.objects.has(again));
});

test('a clock that is wrong makes nothing older', async (t) => {
  const bench = await pruneBench(t);
  await bench.publish('1', image(1));
  await bench.publish('2', image(2));
  const left = objectsIn(bench.store).length;
  await bench.prune({ keep: keepLast(1) });
  // Of the machine: set forward, then back.
  bench.clock.own = START + 1000 * DAY;
  t.is((await bench.prune()).deleted.objects, 0);
  bench.clock.own = 0;
  t.is((await bench.prune()).deleted.objects, 0);
  bench.clock.own = START;
  // Of the store: set forward; and then back behind what it has stored.
  bench.clock.store = START + 1000 * DAY;
  t.is((await bench.prune()).deleted.objects, 0);
  bench.clock.store = 0;
  await throwsSilt(t, () => bench.prune(), 'STORE_REFUSED');
  bench.clock.store = START;
  t.is((await bench.prune()).deleted.objects, 0);
  t.is(objectsIn(bench.store).length, left);
  bench.clock.pass(GRACE);
  t.true((await bench.prune()).deleted.objects > 0);
});

test('a store that does not tell the time is pruned by the clock of the machine', async (t) => {
  const bench = await pruneBench(t);
  bench.clock.store = undefined;
  await bench.publish('1', image(1));
  await bench.publish('2', image(2));
  await bench.prune({ keep: keepLast(1) });
  bench.clock.pass(GRACE - 1);
  t.is((await bench.prune()).deleted.objects, 0);
  bench.clock.pass(1);
  t.true((await bench.prune()).deleted.objects > 0);
});

test('a damaged record begins every grace anew, one of a later silt is refused', async (t) => {
  const bench = await pruneBench(t);
  await bench.publish('1', image(1));
  await bench.publish('2', image(2));
  await bench.prune({ keep: keepLast(1) });
  bench.clock.pass(GRACE);
  const record = { bytes: Buffer.from('{"format":"silt-prune-record","formatVersion":1'), modified: START };
  bench.store.objects.set('prune/record.json', record);
  t.like(await bench.prune(), { deleted: { objects: 0 }, waiting: { objects: 0 } });
  const later = Buffer.from('{"format":"silt-prune-record","formatVersion":2}');
  bench.store.objects.set('prune/record.json', { ...record, bytes: later });
  await throwsSilt(t, () => bench.prune(), 'FORMAT_UNSUPPORTED');
});

test('while a kept release is damaged nothing goes', async (t) => {
  const bench = await pruneBench(t);
  await bench.publish('1', image(1));
  await bench.publish('2', image(2));
  await bench.prune({ keep: keepLast(1) });
  bench.clock.pass(GRACE);
  const [index] = (await bench.rebuildAll())[0]?.images ?? [];
  const key = `indexes/${index?.index.sha256}`;
  const whole = bench.store.objects.get(key);
  bench.store.objects.delete(key);
  const before = new Map(bench.store.objects);
  await throwsSilt(t, () => bench.prune(), 'OBJECT_MISSING');
  t.deepEqual(bench.store.objects, before);
  if (whole !== undefined) bench.store.objects.set(key, whole);
  t.true((await bench.prune()).deleted.objects > 0);
});

test('in a signed repository old metadata goes too, and every kind of client still reads the rest', async (t) => {
  const repository = await signedRepository(t);
  const directory = await temporaryDirectory(t);
  const { store } = repository;
  const clock = { now: () => Date.now(), elapsed: () => 0, sleep: async () => {} };
  for (let number = 1; number <= 20; number += 1) {
    const path = join(directory, `${number}`);
    await writeFile(path, image(number).subarray(0, 12 * KiB));
    const images = [{ name: 'rootfs', path }];
    const options = { ...FAST, product: 'app', version: `${number}`, images, temporaryDirectory: directory };
    await publish(store, repository.ledger(), { ...options, channel: number === 1 ? 'old' : undefined });
  }
  const metadata = async () =>
    (await collect(store.list('metadata/'))).map(({ key }) => key.slice('metadata/'.length)).sort();
  const run = (dayLater: number) =>
    prune(store, repository.ledger(), {
      keep: keepLast(2),
      graceMs: 0,
      clock: { ...clock, now: () => Date.now() + dayLater * DAY },
    });
  const first = await run(0);
  t.is(first.removed.length, 17);
  t.is(first.releases, 3);
  const second = await run(1);
  t.true(second.deleted.kinds.metadata.objects > 25);
  t.is(second.deleted.kinds.targets.objects, 17);
  // Of the snapshot also some early numbers, so that they are never used again.
  const early = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16].map((number) => `${number}.snapshot.json`);
  const current = ['1.root', '1.targets', '22.product-app', '22.snapshot', '4.archive-app', 'timestamp'];
  t.deepEqual(await metadata(), [...current.map((name) => `${name}.json`), ...early].sort());
  const manifests = await collect(repository.ledger().all());
  t.deepEqual(manifests.map(({ version }) => version).sort(), ['1', '19', '20']);
  for (const { images } of manifests) for (const each of images) await rebuildImage(store, each);
  t.is((await repository.ledger().find('app', { channel: 'old' })).version, '1');
  // The counter goes on where it was.
  const path = join(directory, 'next');
  await writeFile(path, image(21));
  const images = [{ name: 'rootfs', path }];
  const next = { ...FAST, product: 'app', version: '21', images, temporaryDirectory: directory };
  t.is((await publish(store, repository.ledger(), next)).manifest.counter, 21);
});

test('a directory is pruned by the times of its files', async (t) => {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(join(directory, 'repository'), { create: true });
  for (const version of ['1', '2']) {
    const path = join(directory, version);
    await writeFile(path, image(Number(version)));
    const images = [{ name: 'rootfs', path }];
    const options = { ...FAST, product: 'os', version, images, temporaryDirectory: directory };
    await publish(store, openLedger(store), options);
  }
  const options = { keep: keepLast(1), graceMs: 0 };
  t.like(await prune(store, openLedger(store), options), {
    removed: [{ version: '1' }],
    deleted: { objects: 0 },
  });
  // An hour of grace has not passed since the files were written.
  t.is((await prune(store, openLedger(store), { ...options, graceMs: HOUR })).deleted.objects, 0);
  t.true((await prune(store, openLedger(store), options)).deleted.objects > 0);
  const manifests = await collect(openLedger(store).all());
  t.is(manifests.length, 1);
  for (const { images } of manifests) for (const each of images) await rebuildImage(store, each);
});
