import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sha256Hex } from '../../src/core/digest.ts';
import { SiltError } from '../../src/core/errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import { CATALOG_KEY, decodeCatalog, encodeCatalog, manifestKey } from '../../src/format/catalog.ts';
import { MAX_CATALOG } from '../../src/format/limits.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { metadataKind } from '../../src/trust/read-catalog.ts';
import type { NewRelease, ReleaseLedger } from '../../src/trust/releases.ts';
import { listProducts } from '../../src/trust/unsigned-products.ts';
import { openLedger, openReleases } from '../../src/trust/unsigned-releases.ts';
import { collect } from '../support/collect.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { withBeforePut } from '../support/with-before-put.ts';

function release(product: string, version: string): NewRelease {
  const sha256 = sha256Hex(Buffer.from(`${product} ${version}`));
  const index = { sha256, size: 100, head: { sha256, size: 60 } };
  return {
    product,
    version,
    created: '2026-01-02T03:04:05.678Z',
    images: [{ name: 'a', size: 10, sha256, index }],
  };
}

interface Scene {
  readonly directory: string;
  readonly store: Store;
  readonly ledger: ReleaseLedger;
}

/** `os` 1.0, 1.1 and 0.9 (a late fix), in this order; `stable` is 1.0, `canary` 1.1. */
async function scene(t: ExecutionContext<unknown>): Promise<Scene> {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(directory);
  const ledger = openLedger(store);
  await ledger.add(release('os', '1.0'), { channel: 'stable' });
  await ledger.add(release('os', '1.1'), { channel: 'canary' });
  await ledger.add(release('os', '0.9'));
  return { directory, store, ledger };
}

test('a release is found by its version, by a channel, or as the latest one', async (t) => {
  const { store } = await scene(t);
  const releases = openReleases(store);
  t.like(await releases.find('os', { version: '1.0' }), { ...release('os', '1.0'), counter: 1 });
  t.is((await releases.find('os', { channel: 'stable' })).version, '1.0');
  t.is((await releases.find('os', { channel: 'canary' })).version, '1.1');
  t.like(await releases.find('os', { latest: true }), { version: '0.9', counter: 3 });
});

test('counters count the releases of each product by itself', async (t) => {
  const { ledger } = await scene(t);
  t.is((await ledger.add(release('app', '1'))).counter, 1);
  t.is((await ledger.add(release('os', '2.0'))).counter, 4);
});

test('all releases of all products are listed, each product from its oldest', async (t) => {
  const { ledger } = await scene(t);
  await ledger.add(release('app', '7'));
  const all = await collect(ledger.all());
  t.deepEqual(
    all.map(({ product, version }) => `${product} ${version}`),
    ['app 7', 'os 1.0', 'os 1.1', 'os 0.9'],
  );
});

test('a directory without a catalog is no repository to a device, and an empty one to a publisher', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const find = () => openReleases(store).find('os', { latest: true });
  const error = await throwsSilt(t, find, 'NOT_A_REPOSITORY');
  t.true(error.message.includes(store.location));
  t.deepEqual(await collect(openLedger(store).all()), []);
  await throwsSilt(t, () => openLedger(store).point('os', 'stable', '1'), 'NOT_A_REPOSITORY');
});

test('what is not there is answered by what is', async (t) => {
  const { store } = await scene(t);
  const releases = openReleases(store);
  const messageOf = async (product: string, selector: Parameters<typeof releases.find>[1]) =>
    (await throwsSilt(t, () => releases.find(product, selector), 'RELEASE_NOT_FOUND')).message;
  t.regex(await messageOf('app', { latest: true }), /no product "app"; there is: os$/);
  t.regex(await messageOf('os', { version: '3' }), /no version "3" of "os"; there is: 1\.0, 1\.1, 0\.9$/);
  t.regex(await messageOf('os', { channel: 'beta' }), /no channel "beta" of "os"; there is: canary, stable$/);
});

test('a list of very many versions is cut to the last ten', async (t) => {
  const { ledger } = await scene(t);
  for (let i = 0; i < 12; i++) await ledger.add(release('many', `v${i}`));
  const find = () => ledger.find('many', { version: 'w' });
  const { message } = await throwsSilt(t, find, 'RELEASE_NOT_FOUND');
  t.regex(message, /there is: v2, v3, .*v11$/);
});

test('names that every object answers to are neither products nor channels unless published', async (t) => {
  const { store } = await scene(t);
  const releases = openReleases(store);
  for (const name of ['constructor', 'toString', '__proto__', 'prototype', 'hasOwnProperty']) {
    await throwsSilt(t, () => releases.find(name, { latest: true }), 'RELEASE_NOT_FOUND');
    await throwsSilt(t, () => releases.find('os', { channel: name }), 'RELEASE_NOT_FOUND');
    await throwsSilt(t, () => releases.find('os', { version: name }), 'RELEASE_NOT_FOUND');
  }
});

test('a product or channel may have such a name all the same', async (t) => {
  const { ledger } = await scene(t);
  for (const name of ['constructor', 'prototype', 'toString']) {
    await ledger.add(release(name, '1'), { channel: name });
    await ledger.add(release(name, '2'));
    t.is((await ledger.find(name, { channel: name })).version, '1');
    t.is((await ledger.find(name, { latest: true })).counter, 2);
  }
  t.is((await collect(ledger.all())).length, 9);
});

async function manifestPath({ directory, store }: Scene, version: string): Promise<string> {
  const object = await store.get(CATALOG_KEY, { maxBytes: MiB });
  const { releases } = decodeCatalog(object!.bytes).products.os!;
  return join(directory, manifestKey('os', releases.find((entry) => entry.version === version)!));
}

test('a manifest that was altered, cut or taken away is not believed', async (t) => {
  const here = await scene(t);
  const path = await manifestPath(here, '1.0');
  const find = () => here.ledger.find('os', { version: '1.0' });
  const { store } = here;
  const key = path.slice(here.directory.length + 1);
  const bytes = (await store.get(key, { maxBytes: MiB }))!.bytes;
  for (const altered of [
    bytes.with(20, 0x20),
    bytes.subarray(0, -1),
    Buffer.concat([bytes, Buffer.from(' ')]),
  ]) {
    await writeFile(path, altered);
    const error = await throwsSilt(t, find, 'DIGEST_MISMATCH');
    t.like(error.details, { key, found: sha256Hex(altered), expected: sha256Hex(bytes) });
  }
  await writeFile(path, new Uint8Array(MiB + 1));
  await throwsSilt(t, find, 'FORMAT_INVALID');
  await store.remove(key);
  await throwsSilt(t, find, 'OBJECT_MISSING');
  await throwsSilt(t, () => collect(here.ledger.all()), 'OBJECT_MISSING');
  t.is((await here.ledger.find('os', { version: '1.1' })).version, '1.1', 'others are found as before');
});

test('a manifest of another product or version is not believed, though it has its digest', async (t) => {
  const { store, ledger } = await scene(t);
  await ledger.add(release('app', '1.0'));
  const object = await store.get(CATALOG_KEY, { maxBytes: MiB });
  const catalog = decodeCatalog(object!.bytes);
  const [app] = catalog.products.app!.releases;
  const [first, ...others] = catalog.products.os!.releases;
  for (const [foreign, product] of [
    [app!, 'app'],
    [others[0]!, 'os'],
  ] as const) {
    const forged = { ...first!, sha256: foreign.sha256, size: foreign.size };
    const manifest = await store.get(manifestKey(product, foreign), { maxBytes: MiB });
    await store.putIfAbsent(manifestKey('os', forged), manifest!.bytes);
    const os = { ...catalog.products.os!, releases: [forged, ...others] };
    const products = { ...catalog.products, os };
    const etag = (await store.has(CATALOG_KEY))?.etag;
    await store.putIfMatch(CATALOG_KEY, encodeCatalog({ ...catalog, products }), etag);
    const error = await throwsSilt(t, () => ledger.find('os', { version: '1.0' }), 'TRUST_FAILED');
    t.regex(error.message, product === 'app' ? /describes app 1\.0/ : /describes os 1\.1/);
  }
});

test('a catalog larger than its limit is neither read nor written', async (t) => {
  const { directory, ledger } = await scene(t);
  await writeFile(join(directory, CATALOG_KEY), Buffer.alloc(MAX_CATALOG + 1, ' '));
  await throwsSilt(t, () => ledger.find('os', { latest: true }), 'FORMAT_INVALID');
  const entry = { version: 'v'.repeat(128), counter: 1, sha256: '0'.repeat(64), size: 1 };
  const releases = Array.from({ length: 80_000 }, () => entry);
  const products = { os: { channels: {}, releases } };
  const catalog = { format: 'silt-catalog', formatVersion: 1, products } as const;
  await throwsSilt(t, async () => encodeCatalog(catalog), 'FORMAT_INVALID');
});

test('of twenty releases added at once none is lost, and each has a counter of its own', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const versions = Array.from({ length: 20 }, (_, i) => `v${i}`);
  const added = await Promise.all(
    versions.map((version) => openLedger(store).add(release('os', version), { channel: version })),
  );
  const counters = added.map(({ counter }) => counter).sort((a, b) => a - b);
  t.deepEqual(
    counters,
    versions.map((_, i) => i + 1),
  );
  const ledger = openLedger(store);
  t.is((await collect(ledger.all())).length, 20);
  for (const manifest of added) {
    t.deepEqual(await ledger.find('os', { channel: manifest.version }), manifest);
  }
});

test('of twenty publishers that add one version at once exactly one succeeds', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const add = async (i: number) => {
    const sha256 = sha256Hex(Buffer.from(`${i}`));
    const { images, ...others } = release('os', '1');
    return await openLedger(store).add({ ...others, images: [{ ...images[0]!, sha256 }] });
  };
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => add(i)));
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') t.is((outcome.reason as SiltError).code, 'RELEASE_EXISTS');
  }
  t.is((await collect(openLedger(store).all())).length, 1);
});

test('a publisher that loses every race gives up at last', async (t) => {
  const { store } = await scene(t);
  let races = 0;
  const unlucky = withBeforePut(store, (key) => {
    if (key !== CATALOG_KEY) return;
    races += 1;
    throw new SiltError('CONFLICT', 'somebody else was faster');
  });
  await throwsSilt(t, () => openLedger(unlucky).add(release('os', '2')), 'CONFLICT');
  t.is(races, 21);
});

test('an add that fails for another reason is not repeated', async (t) => {
  const { store } = await scene(t);
  let puts = 0;
  const full = withBeforePut(store, (key) => {
    puts += 1;
    if (key === CATALOG_KEY) throw new SiltError('NO_SPACE', 'the file system is full');
  });
  await throwsSilt(t, () => openLedger(full).add(release('os', '2')), 'NO_SPACE');
  t.is(puts, 2);
});

test('a channel is pointed at a release that is there, and at no other', async (t) => {
  const { store, ledger } = await scene(t);
  await ledger.point('os', 'stable', '1.1');
  t.is((await ledger.find('os', { channel: 'stable' })).version, '1.1');
  t.is((await ledger.find('os', { channel: 'canary' })).version, '1.1');
  t.is((await ledger.find('os', { latest: true })).version, '0.9');
  await throwsSilt(t, () => ledger.point('os', 'stable', '9'), 'RELEASE_NOT_FOUND');
  await throwsSilt(t, () => ledger.point('app', 'stable', '1.1'), 'RELEASE_NOT_FOUND');
  const refusing = withBeforePut(store, () => {
    throw new SiltError('INTERNAL', 'nothing is to be written');
  });
  await t.notThrowsAsync(openLedger(refusing).point('os', 'stable', '1.1'));
  await throwsSilt(t, () => openLedger(refusing).point('os', 'stable', '1.0'), 'INTERNAL');
});

test('an exception for downgrades that nobody signs is refused', async (t) => {
  const { ledger } = await scene(t);
  const options = { allowDowngradeFrom: ['1.1'] };
  await throwsSilt(t, () => ledger.point('os', 'stable', '0.9', options), 'USAGE');
  t.is((await ledger.find('os', { channel: 'stable' })).version, '1.0');
});

test('signed metadata is not taken for a catalog', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  t.is(await metadataKind(store), 'none');
  const signed = Buffer.from('{"signatures":[],"signed":{"_type":"timestamp"}}');
  await store.putIfMatch(CATALOG_KEY, signed, undefined);
  t.is(await metadataKind(store), 'tuf');
  const error = await throwsSilt(t, () => openReleases(store).find('os', { latest: true }), 'USAGE');
  t.regex(error.message, /is a signed repository: expected --root/);
  await throwsSilt(t, () => openLedger(store).add(release('os', '1')), 'USAGE');
  await throwsSilt(t, () => listProducts(store), 'USAGE');
  t.true(signed.equals((await store.get(CATALOG_KEY, { maxBytes: MiB }))?.bytes ?? new Uint8Array()));
});

test('an aborted call throws the reason it was aborted with', async (t) => {
  const { ledger } = await scene(t);
  const reason = new Error('the user pressed Ctrl-C');
  const signal = AbortSignal.abort(reason);
  t.is(await t.throwsAsync(ledger.find('os', { latest: true }, { signal })), reason);
  t.is(await t.throwsAsync(ledger.add(release('os', '2'), { signal })), reason);
  t.is(await t.throwsAsync(collect(ledger.all({ signal }))), reason);
});
