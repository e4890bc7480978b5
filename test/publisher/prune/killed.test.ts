import test from 'ava';
import { KiB } from '../../../src/core/sizes.ts';
import { GRACE, keepLast, objectsIn, pruneBench } from '../../support/prune-bench.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

class Killed extends Error {}

test('killed at any call, every kept release is whole, and the next runs get to the same end', async (t) => {
  const bench = await pruneBench(t);
  const { clock } = bench;
  const base = seededBytes('killed base', 30 * KiB);
  for (const version of ['1', '2', '3', '4']) {
    const image = Buffer.concat([seededBytes(`killed ${version}`, 8 * KiB), base]);
    await bench.publish(version, image);
  }
  await bench.prune({ keep: keepLast(2) });
  clock.pass(GRACE);
  // This run takes out a release and deletes the objects of two.
  const template = bench.store.clone();
  let calls = 0;
  const end = template.clone();
  const counted = end.scripted(() => {
    calls += 1;
  });
  const whole = await bench.prune({ keep: keepLast(1) }, counted);
  t.is(whole.removed.length, 1);
  t.true(whole.deleted.objects >= 4);
  clock.pass(GRACE);
  await bench.prune({}, end);
  let interrupted = 0;
  for (let last = 1; last <= calls; last += 1) {
    const store = template.clone();
    const dying = store.scripted((_call, _key, ordinal) => {
      if (ordinal >= last) throw new Killed();
    });
    // Giving back its turn may fail without the prune.
    const outcome = await bench.prune({ keep: keepLast(1) }, dying).catch((error: unknown) => error);
    if (outcome instanceof Killed) interrupted += 1;
    const kept = await bench.rebuildAll(store);
    t.true(kept.some(({ version }) => version === '4'));
    await bench.prune({ keep: keepLast(1) }, store);
    await bench.rebuildAll(store);
    clock.pass(GRACE);
    await bench.prune({ keep: keepLast(1) }, store);
    t.deepEqual(objectsIn(store), objectsIn(end), `killed at call ${last}`);
    await bench.rebuildAll(store);
  }
  t.true(interrupted > 30, `${interrupted} of ${calls}`);
});
