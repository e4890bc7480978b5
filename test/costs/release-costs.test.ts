import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { KiB } from '../../src/core/sizes.ts';
import { planDevice } from '../../src/costs/device-plan.ts';
import { type ReleaseCosts, releaseCosts } from '../../src/costs/release-costs.ts';
import type { Manifest } from '../../src/format/manifest.ts';
import { publish } from '../../src/publisher/publish.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { collect } from '../support/collect.ts';
import { deltaBase, deltaImage } from '../support/delta-release.ts';
import { edited, publishDeltas } from '../support/publish-deltas.ts';
import { fetchFrom, PRODUCT, sharedDirectory } from '../support/release-repository.ts';
import { asMaster, makeDevices, sealedBench } from '../support/sealed-release.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const images: Readonly<Record<string, Buffer>> = {
  '1.0.0': deltaBase,
  '2.0.0': edited(deltaBase, 7, 20, 0, 3000 * KiB),
  '3.0.0': deltaImage,
};

interface Context {
  repository: string;
  store: Store;
  manifests: Manifest[];
}

const test = anyTest as TestFn<Context>;
const shared = await sharedDirectory();

test.before(async (t) => {
  const repository = await publishDeltas(shared.path, images);
  const store = await openDirectoryStore(repository);
  Object.assign(t.context, { repository, store, manifests: await collect(openLedger(store).all()) });
});

test.after.always(() => shared.remove());

/** A device that has `version` fetches the last release, with its images for seeds. */
async function realFetch(t: ExecutionContext<Context>, version: string | undefined) {
  const directory = await temporaryDirectory(t);
  const seeds: string[] = [];
  if (version !== undefined) {
    seeds.push(join(directory, 'seed'));
    await writeFile(seeds[0] as string, images[version] as Buffer);
  }
  return await fetchFrom(t.context.repository, { output: join(directory, 'out'), seeds });
}

for (const version of [...Object.keys(images).slice(0, 2), undefined]) {
  test(`what is planned for a device with ${version ?? 'nothing'} is what one fetches, to the byte`, async (t) => {
    const { store, manifests } = t.context;
    const release = manifests.at(-1) as Manifest;
    const base = manifests.find((manifest) => manifest.version === version);
    const plan = await planDevice(store, base, release);
    const report = await realFetch(t, version);
    t.deepEqual(plan, {
      // Of the unsigned catalog and the manifest.
      requests: report.requests - 2,
      bytes: report.bytesFetched - report.metadataBytes,
      indexBytes: report.indexBytes,
      deltaBytes: report.deltaBytes,
      dataBytes: report.dataBytes,
    });
    t.is((plan?.deltaBytes ?? 0) > 0, version !== undefined);
  });
}

test('a delta counts for devices with its base alone, not for others of the same size', async (t) => {
  const directory = await temporaryDirectory(t);
  const repository = await publishDeltas(directory, {
    1: edited(deltaBase, 3, 60, 0, deltaBase.length),
    2: deltaBase,
  });
  const store = await openDirectoryStore(repository);
  const path = join(directory, 'next');
  await writeFile(path, edited(deltaBase, 4, 60, 0, deltaBase.length));
  await publish(store, openLedger(store), {
    product: PRODUCT,
    version: '3',
    images: [{ name: 'rootfs', path }],
    bases: { versions: ['2'] },
    chunker: chunkerSpec('fastcdc-1', 2 * KiB),
    compression: { codec: 'zstd', level: 1 },
    workers: 1,
  });
  const [one, two, three] = (await collect(openLedger(store).all())) as [Manifest, Manifest, Manifest];
  t.true(((await planDevice(store, two, three))?.deltaBytes ?? 0) > 0);
  const other = await planDevice(store, one, three);
  t.is(other?.deltaBytes, 0);
  t.true((other?.dataBytes ?? 0) > 0);
});

test('nothing is left in the temporary directory', async (t) => {
  const { store, manifests } = t.context;
  const temporaryDirectoryOf = await temporaryDirectory(t);
  const [base, , release] = manifests as [Manifest, Manifest, Manifest];
  await planDevice(store, base, release, { temporaryDirectory: temporaryDirectoryOf });
  t.deepEqual(await readdir(temporaryDirectoryOf), []);
});

test('what each release adds makes up what is stored in all, and that is what lies there', async (t) => {
  const { store, manifests } = t.context;
  const costs: ReleaseCosts[] = [];
  for (const [at, manifest] of manifests.entries()) {
    costs.push(await releaseCosts(store, manifest, manifests.slice(0, at + 1)));
  }
  const last = costs.at(-1) as ReleaseCosts;
  t.is(
    costs.reduce((sum, { added }) => sum + added.bytes, 0),
    last.all.bytes,
  );
  t.is(
    costs.reduce((sum, { added }) => sum + added.objects, 0),
    last.all.objects,
  );
  const stored: number[] = [];
  for (const kind of ['packs', 'indexes', 'deltas', 'targets']) {
    for await (const { size } of store.list(`${kind}/`)) stored.push(size);
  }
  t.is(last.all.objects, stored.length);
  t.is(
    last.all.bytes,
    stored.reduce((sum, size) => sum + size, 0),
  );
  t.is(last.puts, last.added.objects);
  t.deepEqual(
    last.devices.map(({ from }) => from),
    [['2.0.0'], ['1.0.0'], []],
  );
});

test('of an earlier release it is told what that one cost, not what came later', async (t) => {
  const { store, manifests } = t.context;
  const [one, two] = manifests as [Manifest, Manifest];
  const then = await releaseCosts(store, two, [one, two]);
  const now = await releaseCosts(store, two, manifests);
  t.deepEqual({ ...now, all: then.all }, then);
  t.true(now.all.bytes > then.all.bytes);
});

test('metadata counts for every device, and is a part of what it fetches', async (t) => {
  const { store, manifests } = t.context;
  const release = manifests.at(-1) as Manifest;
  const without = await releaseCosts(store, release, manifests);
  const costs = await releaseCosts(store, release, manifests, { metadata: { requests: 5, bytes: 7000 } });
  for (const [at, { plan }] of costs.devices.entries()) {
    t.is(plan?.metadataBytes, 7000);
    t.is(plan?.bytes, 7000 + (without.devices[at]?.plan?.bytes ?? Number.NaN));
    t.is(plan?.requests, 5 + (without.devices[at]?.plan?.requests ?? Number.NaN));
    const { metadataBytes = 0, indexBytes = 0, deltaBytes = 0, dataBytes = 0 } = plan ?? {};
    t.is(plan?.bytes, metadataBytes + indexBytes + deltaBytes + dataBytes);
  }
});

test('releases with the same images are one line, and those cut otherwise are not guessed', async (t) => {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(join(directory, 'repository'), { create: true });
  const ledger = openLedger(store);
  const image = seededBytes('costs', 500 * KiB);
  const add = async (version: string, bytes: Uint8Array, chunk: number): Promise<void> => {
    const path = join(directory, version);
    await writeFile(path, bytes);
    await publish(store, ledger, {
      product: PRODUCT,
      version,
      images: [{ name: 'rootfs', path }],
      chunker: chunkerSpec('fastcdc-1', chunk),
      compression: { codec: 'zstd', level: 1 },
      workers: 1,
    });
  };
  await add('1', image.subarray(1000), 8 * KiB);
  await add('2', image.subarray(500), 4 * KiB);
  await add('3', image.subarray(500), 4 * KiB);
  await add('4', image, 4 * KiB);
  const manifests = await collect(ledger.all());
  const { devices } = await releaseCosts(store, manifests.at(-1) as Manifest, manifests);
  t.deepEqual(
    devices.map(({ from, plan }) => [from.join(), plan !== undefined]),
    [
      ['3,2', true],
      ['1', false],
      ['', true],
    ],
  );
});

test('of a sealed release whoever can open it sees all, and others what is stored but packs', async (t) => {
  const bench = await sealedBench(t);
  const { gateway } = await makeDevices('gateway');
  const image = seededBytes('sealed costs', 300 * KiB);
  const one = await bench.file('one', image);
  const two = await bench.file('two', Buffer.concat([image, image.subarray(0, 1000)]));
  await bench.seal('1', { rootfs: one }, [gateway]);
  await bench.seal('2', { rootfs: two }, [gateway]);
  const { store } = bench;
  const manifests = await collect(openLedger(store).all());
  const release = manifests.at(-1) as Manifest;
  const open = await releaseCosts(store, release, manifests, { contentKey: asMaster });
  t.is(open.closed, 0);
  t.is(open.devices.length, 2);
  t.true((open.devices[0]?.plan?.bytes ?? Infinity) < (open.devices[1]?.plan?.bytes ?? 0));
  const closed = await releaseCosts(store, release, manifests);
  t.is(closed.closed, 2);
  t.deepEqual(closed.devices, []);
  t.true(closed.all.bytes < open.all.bytes);
});
