/** What a publish of one small image asks of a store. docs/guides/publish-s3.md tells the numbers. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { publish } from '../../src/publisher/publish.ts';
import type { Store } from '../../src/store/store.ts';
import type { ReleaseLedger } from '../../src/trust/releases.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { memoryStore, withBeforeCall } from '../support/memory-store.ts';
import { FAST } from '../support/publish-bench.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { signedRepository } from '../support/signed-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/**
 * The calls of two publishes, one after the other. How much a publisher reads to know which chunks there are grows with
 * the repository, and is left out.
 */
async function callsOf(
  t: ExecutionContext<unknown>,
  store: Store,
  ledger: (store: Store) => ReleaseLedger,
): Promise<string[][]> {
  const directory = await temporaryDirectory(t);
  const all: string[][] = [];
  for (const version of ['1', '2']) {
    const path = join(directory, version);
    await writeFile(path, seededBytes(version, 100 * KiB));
    const calls: string[] = [];
    const heard = withBeforeCall(store, (call, key) => {
      if (call === 'getRange' || (call === 'get' && key.startsWith('targets/'))) return;
      calls.push(`${call} ${key.replace(/[0-9a-f]{64}/, '*')}`);
    });
    const images = [{ name: 'rootfs', path }];
    await publish(heard, ledger(heard), { ...FAST, product: 'app', version, channel: 'stable', images });
    all.push(calls);
  }
  return all;
}

const LEASE = ['get prune/leases.json', 'putIfMatch prune/leases.json'];
const OBJECTS = ['has packs/*', 'putIfAbsent packs/*', 'has indexes/*', 'putIfAbsent indexes/*'];

test('an unsigned release is two looks at the catalog, four requests for the lease, and its objects', async (t) => {
  const [first = [], second = []] = await callsOf(t, memoryStore(), openLedger);
  const end = (version: string) => [
    'putIfMatch prune/leases.json',
    `putIfAbsent targets/app/*.${version}.json`,
    'putIfMatch metadata/timestamp.json',
    'putIfMatch prune/leases.json',
  ];
  const look = 'get metadata/timestamp.json';
  const isNew = 'list targets/';
  t.deepEqual(first.toSorted(), [look, isNew, ...LEASE, look, ...OBJECTS, ...end('1')].toSorted());
  t.deepEqual(second.toSorted(), [look, ...LEASE, look, ...OBJECTS, ...end('2')].toSorted());
  t.deepEqual(
    first.slice(0, 5),
    [look, isNew, ...LEASE, look],
    'what the lease protects is looked at after it is held',
  );
});

test('a signed release is two looks at root and timestamp, and what these name once', async (t) => {
  const signed = await signedRepository(t);
  const ledger = (store: Store) => signed.ledger(signed.allSigners(), store);
  const [first = [], second = []] = await callsOf(t, signed.store, ledger);
  const looked = (product: number, snapshot: number) => [
    'get metadata/2.root.json',
    'get metadata/timestamp.json',
    `get metadata/${snapshot}.snapshot.json`,
    'get metadata/1.targets.json',
    `get metadata/${product}.product-app.json`,
  ];
  const look = ['get metadata/2.root.json', 'get metadata/timestamp.json'];
  const end = (version: number) => [
    'putIfMatch prune/leases.json',
    `putIfAbsent targets/app/*.${version}.json`,
    `putIfAbsent metadata/${version + 1}.product-app.json`,
    `putIfAbsent metadata/${version + 1}.snapshot.json`,
    'putIfMatch metadata/timestamp.json',
    'putIfMatch prune/leases.json',
  ];
  t.deepEqual(first.toSorted(), [...looked(1, 1), ...LEASE, ...look, ...OBJECTS, ...end(1)].toSorted());
  t.deepEqual(second.toSorted(), [...looked(2, 2), ...LEASE, ...look, ...OBJECTS, ...end(2)].toSorted());
});
