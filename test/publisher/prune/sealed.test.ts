import test from 'ava';
import { KiB } from '../../../src/core/sizes.ts';
import { prune } from '../../../src/publisher/prune/prune.ts';
import { openLedger } from '../../../src/trust/unsigned-releases.ts';
import { collect } from '../../support/collect.ts';
import { keepLast } from '../../support/prune-bench.ts';
import { asMaster, makeDevices, objectsOf, sealedBench } from '../../support/sealed-release.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

test('without their key all sealed packs stay, with it those of no release go', async (t) => {
  const bench = await sealedBench(t);
  const { one, two } = await makeDevices('one', 'two');
  const { store, file } = bench;
  const ledger = openLedger(store);
  for (const version of ['1', '2']) {
    const path = await file(`image-${version}`, seededBytes(`sealed prune ${version}`, 40 * KiB));
    await bench.seal(version, { rootfs: path }, version === '1' ? [one, two] : [one]);
  }
  await bench.publish('plain', { rootfs: await file('plain', seededBytes('plain prune', 40 * KiB)) });
  await bench.publish('plain-2', { rootfs: await file('plain-2', seededBytes('plain prune 2', 40 * KiB)) });
  const old = await ledger.find('os', { version: '1' });
  const count = async (prefix: string) => (await collect(store.list(prefix))).length;
  const run = (contentKey?: typeof asMaster) =>
    prune(store, ledger, { keep: keepLast(1), graceMs: 0, contentKey });
  const first = await run();
  // The last sealed release stays, for the next epoch follows from it.
  t.deepEqual(first.removed.map(({ version }) => version).sort(), ['1', 'plain']);
  t.is(first.closedReleases, 1);
  t.is(first.undecided.objects, 2);
  const second = await run();
  // The plain pack of a release that went is told by its first bytes.
  t.is(second.deleted.kinds.packs.objects, 1);
  t.is(second.deleted.kinds.keys.objects, 1);
  t.is(await count('packs/'), 3);
  t.is(await store.has(objectsOf(old).indexes[0] ?? ''), undefined);
  t.like(await run(asMaster), { closedReleases: 0, undecided: { objects: 0 }, marked: { objects: 1 } });
  const last = await run(asMaster);
  t.is(last.deleted.kinds.packs.objects, 1);
  t.is(await count('packs/'), 2);
  const output = `${bench.directory}/fetched`;
  const fetched = { output, selector: { version: '2' } };
  t.is((await bench.fetch(fetched, bench.keysOf(one))).version, '2');
});
