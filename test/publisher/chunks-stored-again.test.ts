/**
 * What is stored again out of frames of earlier releases, by what devices fetch for it. Data does not compress, so a
 * byte stored is a byte fetched.
 */
import test from 'ava';
import { equalBytes } from '../../src/core/bytes.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { planDevice } from '../../src/costs/device-plan.ts';
import type { Manifest } from '../../src/format/manifest.ts';
import type { PublishOptions } from '../../src/publisher/publish.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

/** Five frames. */
const original = seededBytes('original', 5 * MiB);

/** Both ends of a changed part are chunks that change with it, of 16 KiB at most; then the index. */
const SLACK = 32 * KiB;

/** `image` with the first `length` bytes of each `every` bytes replaced by those that `seed` names. */
function changed(image: Uint8Array, seed: string, length: number, every: number): Uint8Array {
  const bytes = Uint8Array.from(image);
  for (let at = 0; at + length <= bytes.length; at += every) {
    bytes.set(seededBytes(`${seed} ${at}`, length), at);
  }
  return bytes;
}

async function publishAndRebuild(
  bench: PublishBench,
  version: string,
  bytes: Uint8Array,
  options: Partial<PublishOptions> = {},
) {
  const report = await bench.publish(version, { a: await bench.file(`image-${version}`, bytes) }, options);
  const rebuilt = await rebuildImage(bench.store, report.manifest.images[0]!);
  return { ...report, rebuilds: equalBytes(rebuilt, bytes) };
}

async function fetched(bench: PublishBench, base: Manifest | undefined, release: Manifest): Promise<number> {
  const plan = await planDevice(bench.store, base, release, { temporaryDirectory: bench.directory });
  return plan!.dataBytes;
}

test('a chunk that comes back is not fetched with the whole frame it lies in', async (t) => {
  const bench = await publishBench(t);
  const parts = 10 * 64 * KiB;
  const first = await publishAndRebuild(bench, '1', original);
  const second = await publishAndRebuild(bench, '2', changed(original, 'other', 64 * KiB, 512 * KiB));
  const third = await publishAndRebuild(bench, '3', original);
  t.true(first.rebuilds && second.rebuilds && third.rebuilds);
  t.is(first.againBytes, 0);
  t.is(second.againBytes, 0);
  t.true(third.againBytes >= parts && third.againBytes < parts + 10 * SLACK, `${third.againBytes}`);
  const bytes = await fetched(bench, second.manifest, third.manifest);
  t.true(bytes >= parts && bytes < parts + 10 * SLACK, `${bytes} of ${parts}`);
  t.is(await fetched(bench, first.manifest, third.manifest), 0, 'a device with the first has all of it');
  // Once stored, they are there for the releases that follow.
  await publishAndRebuild(bench, '4', changed(original, 'another', 64 * KiB, 512 * KiB));
  const fifth = await publishAndRebuild(bench, '5', original);
  t.true(fifth.rebuilds);
  t.true(fifth.newBytes < 10 * SLACK, `${fifth.newBytes}`);
});

test('frames that come back as a whole are used where they are', async (t) => {
  const bench = await publishBench(t);
  await publishAndRebuild(bench, '1', original);
  const middle = seededBytes('middle', 3 * MiB);
  await publishAndRebuild(
    bench,
    '2',
    Buffer.concat([original.subarray(0, MiB), middle, original.subarray(4 * MiB)]),
  );
  const third = await publishAndRebuild(bench, '3', original);
  t.true(third.rebuilds);
  t.true(third.newBytes < MiB, `${third.newBytes} of 3 MiB`);
});

test('what the release before has is not stored again while its frames are in use', async (t) => {
  const bench = await publishBench(t);
  await publishAndRebuild(bench, '1', original);
  let image: Uint8Array = original;
  // Each release changes other bytes, and at the end a half of each frame is used.
  for (const version of ['2', '3', '4', '5']) {
    image = Uint8Array.from(image);
    for (let frame = 0; frame < 5; frame += 1) {
      image.set(seededBytes(`${version} ${frame}`, 100 * KiB), frame * MiB + Number(version) * 110 * KiB);
    }
    const report = await publishAndRebuild(bench, version, image);
    t.true(report.rebuilds);
    t.is(report.againBytes, 0, version);
    t.true(report.newBytes < 5 * (100 * KiB + SLACK), `${report.newBytes}`);
  }
});

test('frames of which little is left are left, and a device with the release before fetches nothing for it', async (t) => {
  const bench = await publishBench(t);
  const first = await publishAndRebuild(bench, '1', original);
  const kept = 100 * KiB;
  const second = await publishAndRebuild(
    bench,
    '2',
    changed(original, 'other', MiB - kept, MiB).subarray(0, 4 * MiB),
  );
  t.true(second.rebuilds);
  t.true(second.againBytes > 0 && second.againBytes < MiB, `${second.againBytes}`);
  const update = await fetched(bench, first.manifest, second.manifest);
  const added = second.newBytes - second.againBytes;
  t.true(update >= added && update < added + SLACK, `${update} of ${added}`);
  const install = await fetched(bench, undefined, second.manifest);
  t.true(install < 4 * MiB + 64 * KiB, `${install} of ${4 * MiB}`);
});

for (const [way, options] of [
  ['the channel', { channel: 'stable' }],
  ['a base that is named', { bases: { versions: ['1.0'] } }],
] as const) {
  test(`a branch that is kept up beside a newer one goes on from its own, by ${way}`, async (t) => {
    const bench = await publishBench(t);
    const old = await publishAndRebuild(bench, '1.0', original, { channel: 'stable' });
    const newer = await publishAndRebuild(bench, '2.0', changed(original, 'two', 64 * KiB, 512 * KiB));
    const fixed = Uint8Array.from(original);
    fixed.set(seededBytes('fix', 50 * KiB), MiB);
    const fix = await publishAndRebuild(bench, '1.1', fixed, options);
    t.true(newer.rebuilds && fix.rebuilds);
    t.is(fix.againBytes, 0);
    t.true((await fetched(bench, old.manifest, fix.manifest)) < 50 * KiB + SLACK);
  });
}
