/**
 * Chunks that are stored again, in random histories.
 */
import test from 'ava';
import fc from 'fast-check';
import { equalBytes } from '../../src/core/bytes.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { publishBench } from '../support/publish-bench.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { repositoryObjects } from '../support/repository-objects.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

test('every release of any history rebuilds, and the same history makes the same bytes', async (t) => {
  t.timeout(300_000);
  let again = 0;
  const block = fc.nat(47);
  const history = fc.array(fc.array(block, { minLength: 8, maxLength: 32 }), { minLength: 4, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(history, async (releases) => {
      const repositories: Record<string, string>[] = [];
      for (const workers of [1, 3]) {
        const bench = await publishBench(t);
        for (const [i, blocks] of releases.entries()) {
          const bytes = Buffer.concat(blocks.map((number) => seededBytes(`block ${number}`, 48 * KiB)));
          const images = { a: await bench.file(`image-${i}`, bytes) };
          const { manifest, againBytes } = await bench.publish(`${i}`, images, { workers });
          t.true(equalBytes(await rebuildImage(bench.store, manifest.images[0]!), bytes));
          again += againBytes;
        }
        repositories.push(await repositoryObjects(bench.store));
      }
      t.deepEqual(repositories[1], repositories[0]);
    }),
    { numRuns: 12, seed: 21 },
  );
  t.true(again > MiB, `${again} bytes were stored again in all`);
});
