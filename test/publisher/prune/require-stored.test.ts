import test from 'ava';
import { KiB } from '../../../src/core/sizes.ts';
import { requireStored } from '../../../src/publisher/prune/require-stored.ts';
import { objectsIn, pruneBench } from '../../support/prune-bench.ts';
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
