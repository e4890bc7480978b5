import test from 'ava';
import { CATALOG_KEY } from '../../src/format/catalog.ts';
import { MAX_MANIFEST } from '../../src/format/limits.ts';
import { collect } from '../support/collect.ts';
import { publishBench } from '../support/publish-bench.ts';
import { repositoryObjects } from '../support/repository-objects.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('a repository that has lost its catalog is not taken for an empty one', async (t) => {
  const bench = await publishBench(t);
  const image = await bench.file('image', seededBytes('image', 20_000));
  await bench.publish('1', { a: image });
  await bench.publish('2', { a: image });
  await bench.store.remove(CATALOG_KEY);
  const before = await repositoryObjects(bench.store);
  const error = await throwsSilt(t, () => bench.publish('3', { a: image }), 'OBJECT_MISSING');
  t.regex(error.message, /has lost metadata\/timestamp\.json, for it holds os 2, /);
  t.deepEqual(await repositoryObjects(bench.store), before);
});

test('what a first publish left behind, killed before it wrote the catalog, stands in nobody’s way', async (t) => {
  const bench = await publishBench(t);
  const image = await bench.file('image', seededBytes('image', 20_000));
  await bench.publish('1', { a: image });
  await bench.store.remove(CATALOG_KEY);
  await bench.store.putIfAbsent('targets/os/notes.json', seededBytes('notes', 100));
  // Of what is no manifest it is not known.
  await bench.store.putIfAbsent(`targets/os/${'0'.repeat(64)}.9.json`, new Uint8Array(MAX_MANIFEST + 1));
  t.is((await bench.publish('1', { a: image })).manifest.counter, 1);
  t.true((await collect(bench.store.list('metadata/'))).some(({ key }) => key === CATALOG_KEY));
});
