import test from 'ava';
import { decodeRemnantHead, encodeRemnantHead, REMNANT_HEAD_BYTES } from '../../src/format/remnant.ts';
import { verifyRepository } from '../../src/publisher/verify-repository.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { GRACE, keepLast } from '../support/prune-bench.ts';
import { HALF, PIECE, repackBench } from '../support/repack-bench.ts';

/** A repository whose first pack has made place for a remnant. */
async function repacked(t: Parameters<typeof repackBench>[0]) {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const [pack = ''] = bench.packs();
  const whole = bench.store.objects.get(pack)!.bytes;
  await bench.publishPieces('2', 'be');
  await bench.publishPieces('3', 'bex');
  await bench.prune({ keep: keepLast(2), repack: HALF });
  bench.clock.pass(GRACE);
  await bench.prune({ repack: HALF });
  const remnant = `${pack}.1`;
  const original = bench.store.objects.get(remnant)!.bytes;
  const names = ['2', '3'].map((version) => ({ product: 'os', version }));
  return {
    ...bench,
    pack,
    whole,
    remnant,
    original,
    replace: (bytes: Uint8Array, key = remnant) => bench.store.objects.set(key, { bytes, modified: 0 }),
    check: async (sample?: Parameters<typeof verifyRepository>[3]) =>
      await verifyRepository(bench.store, openReleases(bench.store), names, sample),
  };
}

test('a pack that stands in its remnant is whole, and its frames are read', async (t) => {
  const { check } = await repacked(t);
  const { chunks, ...report } = await check();
  t.like(report, { damaged: [], unreferenced: 0, packs: 2 });
  t.true(chunks >= 3);
  t.like(await check({ sample: { share: 1 }, sampleSeed: 'all' }), { damaged: [], unreferenced: 0 });
  t.like(await check({ sample: { count: 1 }, sampleSeed: 'one' }), { damaged: [], unreferenced: 0 });
});

test('where both are there both are read, and neither is unused', async (t) => {
  const { check, replace, pack, whole, original } = await repacked(t);
  const less = await check();
  replace(whole, pack);
  const { chunks, ...report } = await check();
  t.like(report, { damaged: [], unreferenced: 0 });
  t.true(chunks >= less.chunks + 8);
  replace(original.with(REMNANT_HEAD_BYTES + 20, (original[REMNANT_HEAD_BYTES + 20] as number) ^ 1));
  const { damaged } = await check();
  t.like(damaged, [{ key: `${pack}.1`, problem: 'altered', releases: ['os 2', 'os 3'] }]);
});

test('a frame of a remnant that was altered, and a remnant that is cut, is damage, with the releases that need it', async (t) => {
  const { check, replace, remnant, original } = await repacked(t);
  const at = REMNANT_HEAD_BYTES + 10 + 5;
  replace(original.with(at, (original[at] as number) ^ 1));
  t.like((await check()).damaged, [{ key: remnant, problem: 'altered', releases: ['os 2', 'os 3'] }]);
  replace(original.slice(0, -1));
  t.like((await check()).damaged, [{ key: remnant, problem: 'truncated' }]);
  replace(original.with(70, 9));
  t.like((await check()).damaged, [{ key: remnant, problem: 'altered' }]);
});

test('a remnant that has not all that releases need is no stand-in for the pack', async (t) => {
  const { check, replace, pack, remnant, whole, original, store } = await repacked(t);
  const { ranges, ...head } = decodeRemnantHead(original.subarray(0, REMNANT_HEAD_BYTES));
  const less = ranges.filter(({ offset }) => offset !== 10 + 4 * PIECE);
  t.is(less.length, ranges.length - 1);
  const parts = less.map(({ offset, length }) => whole.subarray(offset, offset + length));
  replace(Buffer.concat([encodeRemnantHead({ ...head, ranges: less }), ...parts]));
  for (const sample of [undefined, { sample: { share: 1 } }]) {
    const { damaged } = await check(sample);
    t.like(damaged, [{ key: pack, problem: 'missing', releases: ['os 2', 'os 3'] }]);
    t.regex(damaged[0]?.message ?? '', /has not all/);
  }
  // One of half a frame is none that silt made.
  const cut = ranges.map((range, i) => (i === 1 ? { ...range, length: range.length - 1 } : range));
  const halves = cut.map(({ offset, length }) => whole.subarray(offset, offset + length));
  replace(Buffer.concat([encodeRemnantHead({ ...head, ranges: cut }), ...halves]));
  t.is((await check()).damaged[0]?.key, remnant);
  store.objects.delete(remnant);
  t.like((await check()).damaged, [{ key: pack, problem: 'missing' }]);
  t.like((await check({ sample: { count: 1 } })).damaged, [{ key: pack, problem: 'missing' }]);
});

test('a remnant of a pack that no release needs is unused, and checked all the same', async (t) => {
  const bench = await repacked(t);
  await bench.publishPieces('4', 'z');
  await bench.prune({ keep: keepLast(1) });
  const check = () =>
    verifyRepository(bench.store, openReleases(bench.store), [{ product: 'os', version: '4' }]);
  const { unreferenced, damaged } = await check();
  t.deepEqual(damaged, []);
  // With the indexes of b, e and x and the pack of x.
  t.is(unreferenced, 5);
  bench.replace(bench.original.slice(0, -1));
  t.like((await check()).damaged, [{ key: bench.remnant, problem: 'truncated', releases: [] }]);
});

test('what is named like a remnant and can be none is foreign', async (t) => {
  const { check, replace, pack } = await repacked(t);
  replace(new Uint8Array(5), `${pack}.4`);
  t.like((await check()).damaged, [{ key: `${pack}.4`, problem: 'foreign' }]);
});
