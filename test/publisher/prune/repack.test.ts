import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { fetchImage } from '../../../src/fetcher/fetch.ts';
import { decodeRemnantHead, REMNANT_HEAD_BYTES } from '../../../src/format/remnant.ts';
import { openLedger, openReleases } from '../../../src/trust/unsigned-releases.ts';
import { GRACE, keepLast, objectsIn } from '../../support/prune-bench.ts';
import { AT_ONCE } from '../../support/release-repository.ts';
import { HALF, PIECE, pieceOf, type RepackBench, repackBench } from '../../support/repack-bench.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

/** Takes out all but the last release, and runs until the grace of what goes is over. */
async function shrink({ prune, clock }: RepackBench, repack = HALF): Promise<void> {
  await prune({ keep: keepLast(1), repack });
  clock.pass(GRACE);
  await prune({ repack });
}

test('a pack of which little is in use makes place for what is left of it, after the grace', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const [pack = ''] = bench.packs();
  await bench.publishPieces('2', 'bex');
  const packSize = bench.store.objects.get(pack)!.bytes.length;
  const first = await bench.prune({ keep: keepLast(1), repack: HALF });
  const remnant = `${pack}.1`;
  const { bytes } = bench.store.objects.get(remnant)!;
  t.deepEqual(first.repacked, {
    packs: 1,
    bytes: bytes.length,
    freedBytes: packSize - bytes.length,
    damaged: [],
  });
  const { ranges } = decodeRemnantHead(bytes.subarray(0, REMNANT_HEAD_BYTES));
  t.deepEqual(ranges.slice(0, 3), [
    { offset: 0, length: 10 },
    { offset: 10 + PIECE, length: PIECE },
    { offset: 10 + 4 * PIECE, length: PIECE },
  ]);
  // Both are there for as long as somebody may be reading the pack.
  t.is(first.marked.kinds.packs.bytes, packSize);
  bench.clock.pass(GRACE - 1);
  t.is((await bench.prune({ repack: HALF })).deleted.kinds.packs.objects, 0);
  t.is(bench.packs().length, 3);
  t.deepEqual(await bench.verify(), { damaged: [], unreferenced: 6 });
  bench.clock.pass(1);
  const last = await bench.prune({ repack: HALF });
  t.like(last, { deleted: { kinds: { packs: { objects: 1, bytes: packSize } } }, repacked: { packs: 0 } });
  t.is(bench.packs().length, 2);
  t.false(bench.store.objects.has(pack));
  t.deepEqual(await bench.verify(), { damaged: [], unreferenced: 0 });
  // It is a pack as any: nothing more becomes of it.
  bench.clock.pass(GRACE);
  t.like(await bench.prune({ repack: HALF }), { marked: { objects: 0 }, deleted: { objects: 0 } });
  t.like(await bench.prune(), { marked: { objects: 0 }, deleted: { objects: 0 }, live: last.live });
});

test('a device fetches from what is left, and a publisher uses it and stores the rest anew', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  await bench.publishPieces('2', 'be');
  await shrink(bench);
  t.true(bench.packs().every((key) => key.endsWith('.1')));
  const output = join(await temporaryDirectory(t), 'fetched');
  const report = await fetchImage(bench.store, openReleases, {
    product: 'os',
    selector: { latest: true },
    image: 'e',
    output,
    retry: AT_ONCE,
  });
  t.deepEqual(await readFile(output), Buffer.from(pieceOf('e')));
  t.is(report.dataBytes, REMNANT_HEAD_BYTES + PIECE);
  await bench.publishPieces('3', 'bea');
  const [added = ''] = bench.packs().filter((key) => !key.endsWith('.1'));
  const { length } = bench.store.objects.get(added)!.bytes;
  t.true(length > PIECE && length < 2 * PIECE, 'a was dead, b and e were not');
  t.deepEqual(await bench.verify(), { damaged: [], unreferenced: 0 });
});

test('a dry run says what would be made smaller and go, and changes nothing', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  await bench.publishPieces('2', 'bex');
  for (let run = 0; run < 2; run += 1) {
    const before = new Map(bench.store.objects);
    const options = { keep: keepLast(1), repack: HALF };
    const dry = await bench.prune({ ...options, dryRun: true });
    t.deepEqual(bench.store.objects, before);
    const real = await bench.prune(options);
    t.is(real.repacked.packs, run === 0 ? 1 : 0);
    t.deepEqual({ ...dry, seconds: 0 }, { ...real, dryRun: true, seconds: 0 });
    bench.clock.pass(GRACE);
  }
});

test('what would free too little, or leave too much, is left alone', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  await bench.publishPieces('2', 'bex');
  const dry = async (repack: { below: number; freedBytes?: number } | undefined) =>
    (await bench.prune({ keep: keepLast(1), repack, dryRun: true })).repacked.packs;
  // Two of eight frames, and some 5 KiB.
  t.is(await dry({ below: 0.3, freedBytes: 1 }), 0);
  t.is(await dry({ below: 0.4, freedBytes: 1 }), 1);
  t.is(await dry({ below: 0.4, freedBytes: 6 * PIECE }), 0);
  t.is(await dry({ below: 0.4, freedBytes: 5 * PIECE }), 1);
  t.is(await dry({ below: 0.4 }), 0);
  t.is(await dry(undefined), 0);
});

test('what is left is made smaller again, three times at most', async (t) => {
  const bench = await repackBench(t);
  const all = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  await bench.publishPieces('1', all);
  const [pack = ''] = bench.packs();
  for (const [at, count] of [26, 13, 6, 2].entries()) {
    await bench.publishPieces(`${at + 2}`, all.slice(0, count));
    await shrink(bench, { below: 0.7, freedBytes: 1 });
    t.deepEqual(bench.packs(), [`${pack}.${Math.min(at + 1, 3)}`]);
    t.deepEqual(await bench.verify(), { damaged: [], unreferenced: 0 });
  }
});

test('what is needed again while it is there makes the pack whole again, for as long as it is', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const [pack = ''] = bench.packs();
  await bench.publishPieces('2', 'be');
  await bench.prune({ keep: keepLast(1), repack: HALF });
  bench.clock.pass(GRACE);
  // Stored in the pack, which would go in the next run.
  await bench.publishPieces('3', 'bec');
  t.deepEqual(bench.packs(), [pack, `${pack}.1`]);
  const again = await bench.prune({ repack: HALF });
  t.is(again.deleted.kinds.packs.objects, 0);
  bench.clock.pass(GRACE);
  await bench.prune({ repack: HALF });
  t.deepEqual(bench.packs(), [pack, `${pack}.1`]);
  t.deepEqual(await bench.verify(), { damaged: [], unreferenced: 0 });
  // No longer: the remnant that is there serves, after all of a new grace.
  await bench.publishPieces('4', 'be');
  const since = await bench.prune({ keep: keepLast(1), repack: HALF });
  t.like(since, { repacked: { packs: 0 }, marked: { kinds: { packs: { objects: 1 } } } });
  bench.clock.pass(GRACE - 1);
  await bench.prune({ repack: HALF });
  t.deepEqual(bench.packs(), [pack, `${pack}.1`]);
  bench.clock.pass(1);
  await bench.prune();
  t.deepEqual(bench.packs(), [`${pack}.1`]);
  t.deepEqual(await bench.verify(), { damaged: [], unreferenced: 0 });
});

test('a release that is taken out keeps its frames for all of the grace, though the pack was on its way out', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const [pack = ''] = bench.packs();
  await bench.publishPieces('2', 'be');
  await bench.prune({ keep: keepLast(1), repack: HALF });
  bench.clock.pass(GRACE);
  await bench.publishPieces('3', 'bec');
  await bench.publishPieces('4', 'be');
  // In this very run the record says that the pack may go.
  const options = { keep: keepLast(1), repack: HALF };
  const dry = await bench.prune({ ...options, dryRun: true });
  const run = await bench.prune(options);
  t.deepEqual({ ...dry, seconds: 0 }, { ...run, dryRun: true, seconds: 0 });
  t.is(run.removed.length, 2);
  t.true(bench.store.objects.has(pack));
  bench.clock.pass(GRACE - 1);
  await bench.prune({ repack: HALF });
  t.true(bench.store.objects.has(pack));
  bench.clock.pass(1);
  await bench.prune({ repack: HALF });
  t.deepEqual(bench.packs(), [`${pack}.1`]);
});

test('a pack stored again is taken, and goes again', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const [pack = ''] = bench.packs();
  const { bytes } = bench.store.objects.get(pack)!;
  await bench.publishPieces('2', 'be');
  await shrink(bench);
  await bench.store.putIfAbsent(pack, bytes);
  t.deepEqual(await bench.verify(), { damaged: [], unreferenced: 0 });
  await shrink(bench);
  t.deepEqual(bench.packs(), [`${pack}.1`]);
});

test('when no release needs the pack any more, all that is left of it goes', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  await bench.publishPieces('2', 'be');
  await shrink(bench);
  await bench.publishPieces('3', 'xyz');
  await shrink(bench);
  t.is(bench.packs().length, 1);
  t.false(bench.packs()[0]?.endsWith('.1'));
});

test('damage in what is in use leaves the pack alone and is told, damage elsewhere is no matter', async (t) => {
  for (const [at, isInUse] of [
    [10 + PIECE + 5, true],
    [10 + 5, false],
  ] as const) {
    const bench = await repackBench(t);
    await bench.publishPieces('1', 'abcdefgh');
    const [pack = ''] = bench.packs();
    await bench.publishPieces('2', 'be');
    const bytes = bench.store.objects.get(pack)!.bytes.slice();
    bytes[at] = (bytes[at] as number) ^ 1;
    bench.store.objects.set(pack, { bytes, modified: 0 });
    const { repacked } = await bench.prune({ keep: keepLast(1), repack: HALF });
    t.deepEqual(repacked.damaged, isInUse ? [pack] : []);
    t.is(repacked.packs, isInUse ? 0 : 1);
  }
});

test('a pack stays as long as its remnant is not there, or not as long as it must be', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const [pack = ''] = bench.packs();
  await bench.publishPieces('2', 'be');
  await bench.prune({ keep: keepLast(1), repack: HALF });
  bench.clock.pass(GRACE);
  const remnant = bench.store.objects.get(`${pack}.1`)!;
  const cut = { ...remnant, bytes: remnant.bytes.slice(0, -1) };
  bench.store.objects.set(`${pack}.1`, cut);
  await bench.prune({ repack: HALF });
  t.true(bench.store.objects.has(pack));
  const [damage] = (await bench.verify()).damaged;
  t.is(damage, `${pack}.1 truncated`);
  // It is lost just before the turn.
  bench.store.objects.set(`${pack}.1`, remnant);
  let isLost = false;
  const losing = bench.store.scripted((call, key) => {
    if (isLost || call !== 'putIfMatch' || key !== 'prune/leases.json') return;
    isLost = bench.store.objects.delete(`${pack}.1`);
  });
  await bench.prune({}, losing);
  t.true(isLost);
  t.true(bench.store.objects.has(pack));
  await bench.rebuildAll();
});

test('when the metadata changes before the turn, the pack stays for the next run, which need not wait again', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const [pack = ''] = bench.packs();
  await bench.publishPieces('2', 'be');
  await bench.prune({ keep: keepLast(1), repack: HALF });
  bench.clock.pass(GRACE);
  let isChanged = false;
  const changing = bench.store.scripted(async (call, key) => {
    if (isChanged || call !== 'putIfMatch' || key !== 'prune/leases.json') return;
    isChanged = true;
    await openLedger(bench.store).point('os', 'stable', '2');
  });
  const { deleted, waiting } = await bench.prune({ repack: HALF }, changing);
  t.true(isChanged);
  t.is(deleted.kinds.packs.objects, 0);
  t.is(waiting.kinds.packs.objects, 1);
  t.true(bench.store.objects.has(pack));
  t.is((await bench.prune({ repack: HALF })).deleted.kinds.packs.objects, 1);
});

test('a remnant with a damaged head keeps everything of its pack where it is', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const [pack = ''] = bench.packs();
  await bench.publishPieces('2', 'be');
  await bench.prune({ keep: keepLast(1), repack: HALF });
  const { bytes, modified } = bench.store.objects.get(`${pack}.1`)!;
  bench.store.objects.set(`${pack}.1`, { bytes: bytes.with(60, 255), modified });
  for (let run = 0; run < 3; run += 1) {
    bench.clock.pass(GRACE);
    await bench.prune({ repack: HALF });
  }
  t.deepEqual(bench.packs(), [pack, `${pack}.1`]);
  t.deepEqual((await bench.verify()).damaged, [`${pack}.1 altered`]);
});

test('while level 2 of a kept release is damaged nothing is made smaller, and nothing goes', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const { images } = await bench.publishPieces('2', 'be');
  const { index } = images[0]!;
  const key = `indexes/${index.sha256}`;
  const { bytes } = bench.store.objects.get(key)!;
  bench.store.objects.set(key, { bytes: bytes.with(index.head.size + 3, 99), modified: 0 });
  const before = objectsIn(bench.store);
  const error = await throwsSilt(
    t,
    () => bench.prune({ keep: keepLast(1), repack: HALF }),
    'DIGEST_MISMATCH',
  );
  t.is(error.details.key, key);
  t.deepEqual(objectsIn(bench.store), before);
});
