import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sha256Hex } from '../../src/core/digest.ts';
import { KiB } from '../../src/core/sizes.ts';
import type { Manifest } from '../../src/format/manifest.ts';
import { type RepositoryReport, verifyRepository } from '../../src/publisher/verify-repository.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { withFlips } from '../support/edited-image.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { readDelta } from '../support/rebuild-by-delta.ts';
import { sampleData } from '../support/sample-data.ts';

interface Scene extends PublishBench {
  readonly manifest: Manifest;
  /** The one delta: its key and its file. */
  readonly key: string;
  readonly path: string;
  verify(): Promise<RepositoryReport>;
}

/** Three releases; the third has the image of the second again, and a delta for it that release 2 has not. */
async function scene(t: ExecutionContext<unknown>): Promise<Scene> {
  const bench = await publishBench(t);
  const old = sampleData('text', 700 * KiB);
  await bench.publish('1', { a: await bench.file('old', old) });
  const next = await bench.file('new', withFlips(old, 0, old.length, 500));
  await bench.publish('2', { a: next });
  const { manifest } = await bench.publish('3', { a: next }, { bases: { versions: ['1'] } });
  const key = `deltas/${manifest.images[0]?.deltas?.[0]?.sha256}`;
  const names = ['1', '2', '3'].map((version) => ({ product: 'os', version }));
  return {
    ...bench,
    manifest,
    key,
    path: join(bench.repository, key),
    verify: () => verifyRepository(bench.store, openReleases(bench.store), names),
  };
}

test('a repository with deltas is as it should be, and all of them are read', async (t) => {
  const { verify, path } = await scene(t);
  let total = 0;
  const report = await verify();
  t.like(report, { releases: 3, indexes: 2, deltas: 1, unreferenced: 0, damaged: [] });
  total += (await readFile(path)).length;
  await rm(path);
  t.is(report.bytesRead - (await verify()).bytesRead, total);
});

test('a delta that is missing, truncated or longer is named', async (t) => {
  const { verify, path, key } = await scene(t);
  const whole = await readFile(path);
  for (const size of [0, 10, whole.length - 1, whole.length + 1]) {
    await truncate(path, size);
    const { damaged } = await verify();
    t.deepEqual(
      damaged.map(({ key: found, code }) => [found, code]),
      [[key, 'DIGEST_MISMATCH']],
    );
    await writeFile(path, whole);
  }
  await rm(path);
  t.like((await verify()).damaged, [{ key, code: 'OBJECT_MISSING' }]);
});

test('an altered byte of a delta is found, in the head and in a payload, and the place is told', async (t) => {
  const { verify, path, key, store, manifest } = await scene(t);
  const delta = manifest.images[0]!.deltas![0]!;
  const { head } = await readDelta(store, delta);
  const coded = head.windows.flatMap(({ source }) => (source.kind === 'coded' ? [source.payload] : []));
  t.true(coded.length > 0);
  const places: [number, RegExp][] = [
    [60, /digest of the head/],
    ...coded.map(({ offset }): [number, RegExp] => [offset + 5, new RegExp(`payload at ${offset}`)]),
  ];
  for (const [at, message] of places) {
    const bytes = await readFile(path);
    bytes[at] = (bytes[at] as number) ^ 1;
    await writeFile(path, bytes);
    const { damaged } = await verify();
    t.like(damaged, [{ key, code: 'DIGEST_MISMATCH' }]);
    t.regex(damaged[0]?.message ?? '', message);
    bytes[at] = (bytes[at] as number) ^ 1;
    await writeFile(path, bytes);
  }
  t.deepEqual((await verify()).damaged, []);
});

test('a delta of other images is no delta of this one, however whole it is', async (t) => {
  const { verify, publish, file, store, manifest } = await scene(t);
  const [image] = manifest.images;
  const delta = image!.deltas![0]!;
  const other = sampleData('text', 700 * KiB, 9);
  await publish('4', { b: await file('other', other) });
  const flipped = await file('flipped', withFlips(other, 0, other.length, 400));
  const report = await publish('5', { b: flipped }, { bases: { last: 1 } });
  const wrong = report.manifest.images[0]!.deltas![0]!;
  const claims = [
    { ...wrong, base: delta.base },
    { ...wrong, base: { ...wrong.base, size: wrong.base.size + 1 } },
    { ...delta, base: { ...delta.base, sha256: sha256Hex(other) } },
  ];
  const manifests = claims.map((claim) => ({ ...manifest, images: [{ ...image!, deltas: [claim] }] }));
  for (const [i, claimed] of manifests.entries()) {
    const releases = { find: async () => claimed };
    const { damaged } = await verifyRepository(store, releases, [{ product: 'os', version: '3' }]);
    t.like(damaged, [{ key: `deltas/${claims[i]?.sha256}`, code: 'DIGEST_MISMATCH' }]);
    t.regex(damaged[0]?.message ?? '', /expected the base to be/);
  }
  t.is((await verify()).unreferenced, 5, 'packs, indexes and delta of 4 and 5, which it was not told of');
});
