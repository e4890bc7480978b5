/**
 * Releases in a signed repository: added and pointed at by the ledger, read by clients.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { publish } from '../../../src/publisher/publish.ts';
import type { Store } from '../../../src/store/store.ts';
import { openTufLedger } from '../../../src/trust/ledger/tuf-ledger.ts';
import { cmsKey } from '../../../src/trust/releases.ts';
import { memoryState } from '../../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../../src/trust/tuf/tuf-releases.ts';
import {
  newRelease,
  type SignedRepository,
  signedRepository,
  testSigner,
} from '../../support/signed-repository.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { withBeforePut } from '../../support/with-before-put.ts';

const reader = ({ store, root, now }: SignedRepository) =>
  openTufReleases({ store, factoryRoot: root, state: memoryState(), now });

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

test('a release that is added is what a new client finds, by version, by channel and as the latest', async (t) => {
  const repository = await signedRepository(t);
  const ledger = repository.ledger();
  const first = await ledger.add(newRelease('1.0.0'), { channel: 'stable' });
  const second = await ledger.add(newRelease('1.1.0'));
  t.deepEqual([first.counter, second.counter], [1, 2]);
  const releases = reader(repository);
  t.deepEqual(await releases.find('app', { version: '1.0.0' }), first);
  t.deepEqual(await releases.find('app', { channel: 'stable' }), first);
  t.deepEqual(await releases.find('app', { latest: true }), second);
  t.deepEqual(await collect(ledger.all()), [first, second]);
});

test('missing keys are told before anything is stored, and a stage needs none', async (t) => {
  const repository = await signedRepository(t);
  const some = repository.allSigners().filter(({ name }) => !name.startsWith('product-app'));
  const before = await readdir(repository.directory, { recursive: true });
  const { message } = await throwsSilt(
    t,
    () => repository.ledger(some).requireReady('app'),
    'SIGNATURES_MISSING',
  );
  t.regex(message, /product-app/);
  await throwsSilt(t, () => repository.ledger().requireReady('other'), 'TRUST_NO_DELEGATION');
  const staging = openTufLedger(repository.store, {
    root: repository.root,
    signers: [],
    now: repository.now,
    stage: async () => {},
  });
  await staging.requireReady('app');
  await repository.ledger().requireReady('app');
  t.deepEqual(await readdir(repository.directory, { recursive: true }), before);
});

test('a release that is there already needs no keys to be published again', async (t) => {
  const repository = await signedRepository(t);
  const path = join(repository.directory, 'app.bin');
  await writeFile(path, 'the same');
  const options = { product: 'app', version: '1.0.0', images: [{ name: 'app', path }], workers: 1 };
  await publish(repository.store, repository.ledger(), options);
  const again = await publish(repository.store, repository.ledger([]), options);
  t.true(again.unchanged);
  await throwsSilt(
    t,
    () => publish(repository.store, repository.ledger([]), { ...options, version: '1.1.0' }),
    'SIGNATURES_MISSING',
  );
});

test('a version is taken for ever', async (t) => {
  const { ledger } = await signedRepository(t);
  const mine = ledger();
  await mine.add(newRelease('1.0.0'));
  await throwsSilt(t, () => mine.add(newRelease('1.0.0')), 'RELEASE_EXISTS');
});

test('the newest 16 releases and those of channels stay in the role of the product, the rest is archived', async (t) => {
  const repository = await signedRepository(t);
  const ledger = repository.ledger();
  for (let at = 1; at <= 20; at += 1) {
    await ledger.add(newRelease(`${at}.0`), at === 2 ? { channel: 'stable' } : {});
  }
  const recent = await readRole(repository, 'product-app');
  const archive = await readRole(repository, 'archive-app');
  const versions = (targets: Record<string, unknown>) =>
    Object.keys(targets)
      .map((path) => Number.parseInt(path.slice('app/'.length), 10))
      .sort((a, b) => a - b);
  t.deepEqual(versions(recent.targets), [2, ...Array.from({ length: 16 }, (_, at) => at + 5)]);
  t.deepEqual(versions(archive.targets), [1, 3, 4]);
  const releases = reader(repository);
  t.is((await releases.find('app', { version: '1.0' })).counter, 1);
  t.is((await releases.find('app', { channel: 'stable' })).counter, 2);
  await throwsSilt(t, () => ledger.add(newRelease('3.0')), 'RELEASE_EXISTS');
  t.is((await collect(ledger.all())).length, 20);

  await ledger.point('app', 'stable', '1.0');
  t.is((await reader(repository).find('app', { channel: 'stable' })).counter, 1);
  t.deepEqual(versions((await readRole(repository, 'archive-app')).targets), [2, 3, 4]);
});

test('a channel points at one release, and a recall names those that may go down to it', async (t) => {
  const repository = await signedRepository(t);
  const ledger = repository.ledger();
  for (const version of ['1.0', '1.1', '1.2']) await ledger.add(newRelease(version), { channel: 'stable' });
  await ledger.point('app', 'stable', '1.0', { allowDowngradeFrom: ['1.2', '1.1'] });
  const open = () => reader(repository).open('app', { channel: 'stable' });
  const { manifest, allowDowngradeFrom } = await open();
  t.is(manifest.version, '1.0');
  t.deepEqual(allowDowngradeFrom, [2, 3]);
  await ledger.point('app', 'canary', '1.0');
  t.deepEqual((await open()).allowDowngradeFrom, [2, 3], 'it stays until it is replaced');
  await ledger.point('app', 'stable', '1.0', { allowDowngradeFrom: [] });
  t.deepEqual((await open()).allowDowngradeFrom, []);
  await throwsSilt(t, () => ledger.point('app', 'stable', '9.9'), 'RELEASE_NOT_FOUND');
  await throwsSilt(
    t,
    () => ledger.point('app', 'stable', '1.0', { allowDowngradeFrom: ['9.9'] }),
    'RELEASE_NOT_FOUND',
  );
});

test('pointing where a channel points already changes nothing', async (t) => {
  const repository = await signedRepository(t);
  const ledger = repository.ledger();
  await ledger.add(newRelease('1.0'), { channel: 'stable' });
  const before = await readdir(join(repository.directory, 'metadata'));
  await ledger.point('app', 'stable', '1.0');
  t.deepEqual(await readdir(join(repository.directory, 'metadata')), before);
});

test('products and channels may be called constructor', async (t) => {
  const repository = await signedRepository(t, { products: ['constructor'] });
  const ledger = repository.ledger();
  await ledger.add(newRelease('toString', 'constructor'), { channel: 'constructor' });
  const found = await reader(repository).find('constructor', { channel: 'constructor' });
  t.is(found.version, 'toString');
});

test('a product that nobody may sign is refused with the command that delegates it', async (t) => {
  const { ledger } = await signedRepository(t);
  const error = await throwsSilt(t, () => ledger().add(newRelease('1.0', 'other')), 'TRUST_NO_DELEGATION');
  t.regex(error.message, /silt keys add --role product:other/);
});

test('keys that do not suffice are named, and nothing is stored', async (t) => {
  const repository = await signedRepository(t, { keys: { 'product-app': [3, 2] } });
  const { signers, directory } = repository;
  const own = signers.get('product-app') ?? [];
  const online = [...(signers.get('snapshot') ?? []), ...(signers.get('timestamp') ?? [])];
  const before = await readdir(directory, { recursive: true });
  const error = await throwsSilt(
    t,
    () => repository.ledger([...own.slice(0, 1), ...online]).add(newRelease('1.0')),
    'SIGNATURES_MISSING',
  );
  t.regex(error.message, /product-app lacks 1 more/);
  t.true(own.slice(1).every(({ publicKey }) => error.message.includes(publicKey.keyId)));
  t.deepEqual(await readdir(directory, { recursive: true }), before);
  const offline = await throwsSilt(
    t,
    () => repository.ledger(own).add(newRelease('1.0')),
    'SIGNATURES_MISSING',
  );
  t.regex(offline.message, /snapshot lacks 1 more.*timestamp lacks 1 more/);
  await repository.ledger([...own.slice(1), ...online]).add(newRelease('1.0'));
  t.is((await reader(repository).find('app', { latest: true })).version, '1.0');
});

test('publishers that race with each other all get through', async (t) => {
  const repository = await signedRepository(t, { products: ['app', 'other'] });
  const versions = Array.from({ length: 4 }, (_, at) => `${at}.0`);
  await Promise.all(
    versions.flatMap((version) =>
      ['app', 'other'].map((product) => repository.ledger().add(newRelease(version, product))),
    ),
  );
  const all = await collect(repository.ledger().all());
  t.deepEqual(
    all.map(({ product, version }) => `${product} ${version}`).sort(),
    ['app', 'other'].flatMap((product) => versions.map((version) => `${product} ${version}`)),
  );
  t.deepEqual(new Set(all.map(({ counter }) => counter)), new Set([1, 2, 3, 4]));
});

test('a publisher killed before any of its writes leaves a repository that reads and publishes as ever', async (t) => {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1.0'));
  let killed = true;
  for (let at = 1; killed; at += 1) {
    const version = `2.${at}`;
    const dying = withBeforePut(repository.store, (_key, ordinal) => {
      if (ordinal === at) throw new Error('killed');
    });
    try {
      await repository.ledger(undefined, dying).add(newRelease(version));
      killed = false;
    } catch (error) {
      t.is((error as Error).message, 'killed');
      const { version: latest } = await reader(repository).find('app', { latest: true });
      t.false(latest === version, 'nothing is seen of it');
      await repository.ledger().add(newRelease(`3.${at}`));
      t.is((await reader(repository).find('app', { latest: true })).version, `3.${at}`);
    }
  }
});

test('a detached signature of the manifest lies beside it', async (t) => {
  const repository = await signedRepository(t);
  const cms = Buffer.from('a signature');
  let signed: Uint8Array | undefined;
  await repository.ledger().add(newRelease('1.0'), {
    signManifest: async (manifest) => {
      signed = manifest;
      return cms;
    },
  });
  const { key, bytes } = await reader(repository).open('app', { latest: true });
  t.deepEqual(Buffer.from(signed ?? []), Buffer.from(bytes));
  const stored = await repository.store.get(cmsKey(key), { maxBytes: 100 });
  t.deepEqual(Buffer.from(stored?.bytes ?? []), cms);
});

test('publishing makes expired metadata current again', async (t) => {
  const repository = await signedRepository(t);
  repository.clock = new Date(repository.clock.getTime() + 40 * 86_400_000);
  await throwsSilt(t, () => reader(repository).find('app', { latest: true }), 'TRUST_EXPIRED');
  await repository.ledger().add(newRelease('1.0'));
  t.is((await reader(repository).find('app', { latest: true })).version, '1.0');
});

test('a signer that nobody listed changes nothing', async (t) => {
  const repository = await signedRepository(t);
  const stranger = testSigner('stranger');
  const error = await throwsSilt(
    t,
    () => repository.ledger([stranger]).add(newRelease('1.0')),
    'SIGNATURES_MISSING',
  );
  t.regex(error.message, /product-app lacks 1 more/);
});

test('what is signed is never dated back, whatever the clock of the publisher says', async (t) => {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1.0'));
  const before = await readRole(repository, 'product-app');
  const now = repository.clock;
  repository.clock = new Date(0);
  await repository.ledger().add(newRelease('1.1'));
  const after = await readRole(repository, 'product-app');
  t.deepEqual([after.silt.created, after.expires], [before.silt.created, before.expires]);
  repository.clock = now;
  t.is((await reader(repository).find('app', { latest: true })).version, '1.1');
});

test('a release costs two reads and three writes, one after another, besides its manifest', async (t) => {
  const repository = await signedRepository(t);
  const { store } = repository;
  const calls: string[] = [];
  const counting: Store = {
    ...withBeforePut(store, (key) => void calls.push(`put ${key.replace(/[0-9a-f]{64}/, 'SHA')}`)),
    get: (key, options) => {
      calls.push(`get ${key}`);
      return store.get(key, options);
    },
  };
  const ledger = repository.ledger(undefined, counting);
  await collect(ledger.all());
  calls.length = 0;
  await ledger.add(newRelease('1.0'));
  t.deepEqual(calls.sort(), [
    'get metadata/2.root.json',
    'get metadata/timestamp.json',
    'put metadata/2.product-app.json',
    'put metadata/2.snapshot.json',
    'put metadata/timestamp.json',
    'put targets/app/SHA.1.0.json',
  ]);
});

async function readRole({ store }: SignedRepository, role: string) {
  const timestamp = await json(store, 'metadata/timestamp.json');
  const snapshot = await json(
    store,
    `metadata/${timestamp.signed.meta['snapshot.json'].version}.snapshot.json`,
  );
  const { version } = snapshot.signed.meta[`${role}.json`];
  return (await json(store, `metadata/${version}.${role}.json`)).signed;
}

async function json(store: SignedRepository['store'], key: string) {
  const object = await store.get(key, { maxBytes: 1 << 20 });
  return JSON.parse(Buffer.from(object?.bytes ?? []).toString());
}
