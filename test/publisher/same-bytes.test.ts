import test from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { publishBench } from '../support/publish-bench.ts';
import { repositoryObjects } from '../support/repository-objects.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

/** Two releases with zero runs, text and noise across the borders of segments, and more than one pack. */
function releases(): Record<string, Uint8Array>[] {
  const noise = seededBytes('noise', 20 * MiB);
  const first = Buffer.concat([noise, new Uint8Array(14 * MiB), sampleData('text', 2 * MiB)]);
  const second = Buffer.concat([seededBytes('ahead', 70 * KiB), first.subarray(MiB, 30 * MiB)]);
  return [
    { rootfs: first, kernel: sampleData('sparse', MiB) },
    { kernel: sampleData('sparse', MiB, 2), rootfs: second },
  ];
}

test('the same releases make the same repository, whatever the number of workers', async (t) => {
  const repositories: Record<string, string>[] = [];
  for (const workers of [1, 2, 4]) {
    const bench = await publishBench(t);
    for (const [i, contents] of releases().entries()) {
      const images: Record<string, string> = {};
      for (const [name, bytes] of Object.entries(contents)) images[name] = await bench.file(name, bytes);
      await bench.publish(`${i}`, images, { workers, channel: 'stable' });
    }
    repositories.push(await repositoryObjects(bench.store));
  }
  const [one, two, four] = repositories;
  t.true(Object.keys(one!).filter((key) => key.startsWith('packs/')).length >= 3);
  t.deepEqual(two, one);
  t.deepEqual(four, one);
});

test('the same release under another name and time shares every object but the metadata', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', sampleData('text', MiB));
  const first = await bench.publish('1', { a: path });
  const second = await bench.publish('2', { b: path }, { created: new Date(0) });
  t.deepEqual(second.manifest.images[0]?.index, first.manifest.images[0]?.index);
  t.is(second.objectsUploaded, 0);
});
