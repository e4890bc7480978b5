import test from 'ava';
import { KiB } from '../../../src/core/sizes.ts';
import { requireStored } from '../../../src/publisher/prune/require-stored.ts';
import { GRACE, keepLast, objectsIn, pruneBench } from '../../support/prune-bench.ts';
import { HALF, repackBench } from '../../support/repack-bench.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

test('a release is not shown while any of its objects is missing or cut', async (t) => {
  const bench = await pruneBench(t);
  const base = seededBytes('stored', 40 * KiB);
  await bench.publish('1', base);
  const edited = Buffer.concat([base.subarray(0, 9000), seededBytes('more', 3 * KiB), base.subarray(9001)]);
  const manifest = await bench.publish('2', edited, { bases: { last: 1 } });
  await requireStored(bench.store, manifest);
  const needed = new Set<string>();
  for (const key of objectsIn(bench.store)) {
    const store = bench.store.clone();
    const object = store.objects.get(key);
    store.objects.delete(key);
    const outcome = await requireStored(store, manifest).catch((error: unknown) => error);
    if (outcome === undefined) continue;
    needed.add(key.split('/')[0] as string);
    await throwsSilt(t, () => requireStored(store, manifest), 'OBJECT_MISSING');
    const cut = (object?.bytes ?? new Uint8Array()).subarray(1);
    store.objects.set(key, { bytes: cut, modified: 0 });
    await throwsSilt(t, () => requireStored(store, manifest), 'DIGEST_MISMATCH');
  }
  t.deepEqual([...needed].sort(), ['deltas', 'indexes', 'packs']);
});

test('of a pack that was made smaller, what is left must have all that the release needs', async (t) => {
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh');
  const large = await bench.publishPieces('2', 'abe');
  const small = await bench.publishPieces('3', 'be');
  const indexes = [...bench.store.objects].filter(([key]) => key.startsWith('indexes/'));
  await bench.prune({ keep: keepLast(1), repack: HALF });
  await requireStored(bench.store, large);
  bench.clock.pass(GRACE);
  await bench.prune({ repack: HALF });
  const [remnant = ''] = bench.packs();
  t.true(remnant.endsWith('.1'));
  await requireStored(bench.store, small);
  // As a stage that waited for longer than the grace, and whose indexes were stored again.
  for (const [key, object] of indexes) bench.store.objects.set(key, object);
  const error = await throwsSilt(t, () => requireStored(bench.store, large), 'OBJECT_MISSING');
  t.regex(error.message, /what is left of it is not enough; publish and stage/);
  bench.store.objects.delete(remnant);
  await throwsSilt(t, () => requireStored(bench.store, small), 'OBJECT_MISSING');
});
