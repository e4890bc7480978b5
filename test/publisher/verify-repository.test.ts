import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { chooseSample } from '../../src/publisher/choose-sample.ts';
import type { RepositoryReport, VerifyRepositoryOptions } from '../../src/publisher/repository-report.ts';
import { verifyRepository } from '../../src/publisher/verify-repository.ts';
import type { Key, Store } from '../../src/store/store.ts';
import { withCounting } from '../../src/store/with-counting.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { collect } from '../support/collect.ts';
import { publishBench } from '../support/publish-bench.ts';
import { dataKeys, repositoryObjects } from '../support/repository-objects.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

/** Three releases: 2 adds a pack to what 1 has, 3 adds another. */
async function repository(t: ExecutionContext<unknown>) {
  const bench = await publishBench(t);
  const common = seededBytes('common', MiB);
  const added: Record<string, string[]> = {};
  const known = new Set<string>();
  for (const version of ['1', '2', '3']) {
    const own = seededBytes(`own ${version}`, MiB / 2);
    const image = await bench.file(`image ${version}`, Buffer.concat([common, own]));
    await bench.publish(version, { rootfs: image });
    const keys = dataKeys(await repositoryObjects(bench.store)).filter((key) => !known.has(key));
    for (const key of keys) known.add(key);
    added[version] = keys;
  }
  const keyOf = (kind: string, version: string): string =>
    (added[version] ?? []).find((key) => key.startsWith(kind)) ?? '';
  const names = ['1', '2', '3'].map((version) => ({ product: 'os', version }));
  return {
    ...bench,
    pathOf: (key: Key) => join(bench.repository, key),
    keyOf,
    verify: (options: VerifyRepositoryOptions = {}, store: Store = bench.store): Promise<RepositoryReport> =>
      verifyRepository(store, openReleases(store), names, options),
  };
}

/** `store` with another listing. */
function withListing(store: Store, keys: readonly { readonly key: Key; readonly size: number }[]): Store {
  return {
    location: store.location,
    get: (key, options) => store.get(key, options),
    getRange: (key, range, options) => store.getRange(key, range, options),
    has: (key, options) => store.has(key, options),
    putIfAbsent: (key, body, options) => store.putIfAbsent(key, body, options),
    putIfMatch: (key, bytes, etag, options) => store.putIfMatch(key, bytes, etag, options),
    remove: (key, options) => store.remove(key, options),
    close: () => store.close(),
    async *list(prefix) {
      yield* keys.filter(({ key }) => key.startsWith(prefix));
    },
  };
}

test('every lost, truncated, altered and foreign object is told, with the releases that need it', async (t) => {
  const { pathOf, keyOf, verify } = await repository(t);
  t.like(await verify({ parallel: 8 }), { releases: 3, damaged: [], unreferenced: 0 });
  await rm(pathOf(keyOf('packs', '1')));
  await truncate(pathOf(keyOf('packs', '3')), 1000);
  await truncate(pathOf(keyOf('indexes', '2')), 100);
  const altered = await readFile(pathOf(keyOf('indexes', '3')));
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
  await writeFile(pathOf(keyOf('indexes', '3')), altered);
  await writeFile(pathOf('packs/notes.txt'), 'foreign');
  const { damaged } = await verify();
  const found = damaged.map(({ key, problem, releases }) => `${key} ${problem}: ${releases.join(', ')}`);
  t.deepEqual(
    found,
    [
      // The index of 2 tells nothing any more of what 2 needs.
      `${keyOf('packs', '1')} missing: os 1, os 3`,
      `${keyOf('indexes', '2')} truncated: os 2`,
      `${keyOf('indexes', '3')} altered: os 3`,
      `${keyOf('packs', '3')} truncated: os 3`,
      'packs/notes.txt foreign: ',
    ].sort(),
  );
});

test('a listing of yesterday neither hides what is lost nor makes anything up', async (t) => {
  const { store, pathOf, keyOf, verify } = await repository(t);
  const yesterday = [...(await collect(store.list('')))];
  const gone = `packs/${'0'.repeat(64)}`;
  const old = withListing(store, [
    ...yesterday,
    { key: gone, size: 5 },
    { key: gone.replace('packs', 'deltas'), size: 5 },
  ]);
  t.like(await verify({}, old), { damaged: [], unreferenced: 0 });
  t.like(await verify({}, withListing(store, [])), { damaged: [], packs: 3 });
  await rm(pathOf(keyOf('packs', '2')));
  const { damaged } = await verify({}, old);
  t.like(damaged, [{ key: keyOf('packs', '2'), problem: 'missing', releases: ['os 2'] }]);
  t.is(damaged.length, 1);
});

test('a sample is chosen by its seed alone, and is as large as asked for', (t) => {
  const keys = Array.from({ length: 200 }, (_, at) => `packs/${at}`);
  const chosen = chooseSample(keys, { share: 0.05 }, 'a');
  t.is(chosen.size, 10);
  t.deepEqual(chooseSample([...keys].reverse(), { share: 0.05 }, 'a'), chosen);
  t.notDeepEqual(chooseSample(keys, { share: 0.05 }, 'b'), chosen);
  t.is(chooseSample(keys, { share: 0.001 }, 'a').size, 1);
  t.is(chooseSample(keys, { count: 300 }, 'a').size, 200);
});

test('a sample reads little, and finds by the listing what is lost or truncated elsewhere', async (t) => {
  const { store, pathOf, keyOf, verify } = await repository(t);
  const counted = withCounting(store);
  const whole = await verify({}, withCounting(store));
  const report = await verify({ sample: { count: 1 }, sampleSeed: 'seed' }, counted);
  t.like(report, {
    sample: { objects: 1, seed: 'seed' },
    damaged: [],
    unreferenced: 0,
    packs: 3,
    indexes: 3,
  });
  t.true(report.bytesRead < whole.bytesRead / 2);
  await rm(pathOf(keyOf('packs', '2')));
  await truncate(pathOf(keyOf('indexes', '3')), 500);
  const { damaged } = await verify({ sample: { count: 1 }, sampleSeed: 'seed' });
  t.deepEqual(
    damaged.map(({ key, problem, releases }) => [key, problem, ...releases]).sort(),
    [
      [keyOf('indexes', '3'), 'truncated', 'os 3'],
      [keyOf('packs', '2'), 'missing', 'os 2'],
    ].sort(),
  );
});

test('over all seeds a sample finds what only reading can find', async (t) => {
  const { pathOf, keyOf, verify } = await repository(t);
  const path = pathOf(keyOf('packs', '3'));
  await writeFile(path, seededBytes('altered', (await readFile(path)).length));
  let found = 0;
  for (let seed = 0; seed < 12; seed += 1) {
    const { damaged } = await verify({ sample: { share: 0.3 }, sampleSeed: `${seed}` });
    if (damaged.length > 0) found += 1;
    t.true(damaged.every(({ key, problem }) => key === keyOf('packs', '3') && problem === 'altered'));
  }
  t.true(found > 0 && found < 12, String(found));
});
