import test from 'ava';
import fc from 'fast-check';
import { KeptWindows } from '../../src/fetcher/kept-windows.ts';
import { type Batch, chooseWays, forEachChunk, planBatches } from '../../src/fetcher/plan.ts';
import { TableCursor } from '../../src/fetcher/table-cursor.ts';
import { KINDS, seedOf, worldOf } from '../support/chunk-world.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const layout = fc.array(fc.array(fc.integer({ min: 0, max: KINDS - 1 }), { minLength: 1, maxLength: 4 }), {
  maxLength: 12,
});

test('the tables made again are those of the plan, batch by batch', (t) => {
  let several = 0;
  const property = fc.property(
    layout,
    layout,
    fc.integer({ min: 1, max: 12 }),
    (image, seed, batchChunks) => {
      const { head, mapOf } = worldOf(image);
      const sources = { seeds: [seedOf(seed, false)], kept: new KeptWindows(head.windows, new Set()) };
      const ways = chooseWays(head, sources);
      const rebuilt = ways.flatMap(({ way }, window) => (way === 'rebuild' ? [window] : []));
      const batches: Batch[] = [...planBatches(head, rebuilt, mapOf, sources, batchChunks)];
      t.deepEqual(
        batches.flatMap(({ windows }) => windows),
        rebuilt,
      );
      if (batches.length > 2) several += 1;
      const parts = { ...sources, ways, level2: { map: mapOf }, firstBatch: batches[0], batchChunks };
      const cursor = new TableCursor(head, parts);
      t.is(parts.firstBatch, undefined, 'it is held in one place only');
      for (const { windows, table } of batches) {
        for (const window of windows) {
          const again = cursor.tableFor(window);
          forEachChunk(head, window, mapOf(window), ({ hint, length }) => {
            t.deepEqual(again.find(hint, length), table.find(hint, length));
          });
        }
      }
    },
  );
  fc.assert(property, { seed: 10, numRuns: 200 });
  t.true(several > 20);
});

test('a window that was not planned has no table', async (t) => {
  const { head, mapOf } = worldOf([[1], [2]]);
  const sources = { seeds: [], kept: new KeptWindows(head.windows, new Set()) };
  const [firstBatch] = planBatches(head, [0], mapOf, sources);
  const ways = [{ way: 'rebuild' }, { way: 'keep' }] as const;
  const cursor = new TableCursor(head, { ...sources, ways, level2: { map: mapOf }, firstBatch });
  cursor.tableFor(0);
  await throwsSilt(t, async () => cursor.tableFor(1), 'INTERNAL');
});
