import test from 'ava';
import { sha256Hex } from '../../../src/core/digest.ts';
import { encodeManifest } from '../../../src/format/manifest.ts';
import type { Releases } from '../../../src/trust/releases.ts';
import { listTufProducts, openTufReleases } from '../../../src/trust/tuf/tuf-releases.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { OpenState } from '../../support/tuf-device.ts';
import { sampleManifest, TufReleaseRepository } from '../../support/tuf-release-repository.ts';

interface Device {
  readonly releases: Releases;
  readonly state: OpenState;
}

/** A device that starts anew, or goes on with what `state` keeps. */
function device(repository: TufReleaseRepository, state: OpenState = new OpenState()): Device {
  return { releases: openTufReleases(optionsOf(repository, state)), state };
}

function optionsOf(repository: TufReleaseRepository, state: OpenState = new OpenState()) {
  return { store: repository, state, factoryRoot: repository.rootBytes(1), now: () => repository.now };
}

/** `os` 1.0, 1.1 and 0.9 (a late fix), in this order; `stable` is 1.0, `canary` 1.1; 0.1 is in the archive. */
function scene(): TufReleaseRepository {
  const repository = new TufReleaseRepository(['os', 'app']);
  repository.addRelease('os', '0.1', { counter: 1, archived: true });
  repository.addRelease('os', '1.0', { counter: 2, channels: ['stable'] });
  repository.addRelease('os', '1.1', { counter: 3, channels: ['canary', 'beta'] });
  repository.addRelease('os', '0.9', { counter: 4 });
  repository.publishProduct('os');
  return repository;
}

test('a release is found by its version, by a channel, or as the latest one', async (t) => {
  const { releases } = device(scene());
  t.like(await releases.find('os', { version: '1.0' }), { product: 'os', version: '1.0', counter: 2 });
  t.is((await releases.find('os', { channel: 'stable' })).version, '1.0');
  t.is((await releases.find('os', { channel: 'beta' })).version, '1.1');
  t.like(await releases.find('os', { latest: true }), { version: '0.9', counter: 4 });
});

test('the archive is looked into for a version that the newest ones do not have, and only then', async (t) => {
  const repository = scene();
  const { releases } = device(repository);
  repository.askedFor();
  await releases.find('os', { version: '1.0' });
  await releases.find('os', { latest: true });
  t.false(repository.askedFor().some((name) => name.includes('archive')));
  t.like(await releases.find('os', { version: '0.1' }), { version: '0.1', counter: 1 });
  t.true(repository.askedFor().some((name) => name.includes('archive')));
});

test('what is not there is answered by what is', async (t) => {
  const { releases } = device(scene());
  const messageOf = async (product: string, selector: Parameters<Releases['find']>[1]) =>
    (await throwsSilt(t, () => releases.find(product, selector), 'RELEASE_NOT_FOUND')).message;
  t.regex(
    await messageOf('os', { version: '3' }),
    /no version "3" of "os"; there is: 0\.1, 1\.0, 1\.1, 0\.9$/,
  );
  t.regex(
    await messageOf('os', { channel: 'rc' }),
    /no channel "rc" of "os"; there is: beta, canary, stable$/,
  );
  t.regex(await messageOf('app', { latest: true }), /no release of "app"; there is: none$/);
  for (const name of ['constructor', '__proto__', 'toString']) {
    await messageOf('os', { version: name });
    await messageOf('os', { channel: name });
  }
});

test('a product that nobody is trusted to sign for is refused, and those that are there are named', async (t) => {
  const { releases } = device(scene());
  for (const product of ['firmware', 'constructor', '__proto__']) {
    const find = () => releases.find(product, { latest: true });
    const { message } = await throwsSilt(t, find, 'TRUST_NO_DELEGATION');
    t.regex(message, /products here: os, app$/);
  }
});

test('a product may be called constructor all the same', async (t) => {
  const repository = new TufReleaseRepository(['constructor']);
  repository.addRelease('constructor', 'toString', { channels: ['valueOf'] });
  repository.publishProduct('constructor');
  const { releases } = device(repository);
  t.is((await releases.find('constructor', { channel: 'valueOf' })).version, 'toString');
});

test('an opened release comes with its bytes, where they lie, and the time it was held against', async (t) => {
  const repository = scene();
  const release = await device(repository).releases.open('os', { version: '1.0' });
  t.deepEqual(Buffer.from(release.bytes), encodeManifest(sampleManifest('os', '1.0', 2)));
  t.is(release.key, `targets/os/${sha256Hex(release.bytes)}.1.0.json`);
  t.deepEqual(release.time, repository.now);
  t.deepEqual(release.allowDowngradeFrom, []);
});

test('exceptions for a downgrade come from the manifest and from the role, which is signed later', async (t) => {
  const repository = new TufReleaseRepository();
  const manifest = encodeManifest(sampleManifest('os', '1', 7, [9, 8]));
  repository.addRelease('os', '1', { counter: 7, manifest, allowDowngradeFrom: [12, 9] });
  repository.publishProduct('os');
  const release = await device(repository).releases.open('os', { latest: true });
  t.deepEqual(release.allowDowngradeFrom, [8, 9, 12]);
});

test('an altered manifest is refused, whatever its length, and is not kept', async (t) => {
  for (const alter of [
    (bytes: Uint8Array) => bytes.map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
    (bytes: Uint8Array) => bytes.subarray(1),
    (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.from(' ')]),
  ]) {
    const repository = scene();
    const { key, bytes } = await device(repository).releases.open('os', { version: '1.0' });
    repository.objects.set(key, alter(bytes));
    const { releases, state } = device(repository);
    await throwsSilt(t, () => releases.find('os', { version: '1.0' }), 'MANIFEST_ALTERED');
    t.false(state.files.has('manifest-os.json'));
  }
});

test('a manifest of another product, version or counter in its place is refused', async (t) => {
  for (const other of [
    sampleManifest('app', '1', 1),
    sampleManifest('os', '2', 1),
    sampleManifest('os', '1', 2),
  ]) {
    const repository = new TufReleaseRepository(['os', 'app']);
    repository.addRelease('os', '1', { counter: 1, manifest: encodeManifest(other) });
    repository.publishProduct('os');
    const { releases, state } = device(repository);
    const error = await throwsSilt(t, () => releases.find('os', { version: '1' }), 'MANIFEST_SWAPPED');
    t.regex(error.message, /expected the manifest of os 1 \(release 1\), found that of/);
    t.false(state.files.has('manifest-os.json'));
  }
});

test('a role may not sign releases of another product', async (t) => {
  const repository = new TufReleaseRepository(['os', 'app']);
  const entry = repository.addRelease('app', '1');
  repository.targetsOf('product-os').targets['app/1.json'] = entry;
  delete repository.targetsOf('product-app').targets['app/1.json'];
  repository.publish('product-app');
  repository.publishProduct('os');
  const { releases } = device(repository);
  await throwsSilt(t, () => releases.find('app', { version: '1' }), 'RELEASE_NOT_FOUND');
  await throwsSilt(t, () => releases.find('os', { latest: true }), 'RELEASE_NOT_FOUND');
});

test('a release whose path is not delegated to its role does not count', async (t) => {
  const repository = new TufReleaseRepository();
  repository.addRelease('os', '1');
  const [delegation] = repository.targets.delegations?.roles ?? [];
  t.truthy(delegation);
  if (delegation !== undefined) delegation.paths = ['os/2*.json'];
  repository.publish('targets');
  repository.publishProduct('os');
  await throwsSilt(t, () => device(repository).releases.find('os', { version: '1' }), 'RELEASE_NOT_FOUND');
});

test('a manifest that is announced and not there yet may come: asking again may help', async (t) => {
  const repository = scene();
  const { releases } = device(repository);
  const { key, bytes } = await device(repository).releases.open('os', { latest: true });
  repository.objects.delete(key);
  const error = await throwsSilt(t, () => releases.find('os', { latest: true }), 'OBJECT_MISSING');
  t.true(error.transient);
  repository.objects.set(key, bytes);
  t.is((await releases.find('os', { latest: true })).version, '0.9');
});

test('a manifest larger than any reader takes is refused before it is asked for', async (t) => {
  const repository = new TufReleaseRepository();
  const entry = repository.addRelease('os', '1');
  entry.length = 2 ** 40;
  repository.publishProduct('os');
  repository.askedFor();
  await throwsSilt(t, () => device(repository).releases.find('os', { latest: true }), 'TRUST_TOO_LARGE');
  t.false(repository.askedFor().some((name) => name.startsWith('targets/')));
});

test('what silt says of a release is checked', async (t) => {
  const wrong: unknown[] = [
    undefined,
    { counter: 0 },
    { counter: '1' },
    { counter: 1, channels: 'stable' },
    { counter: 1, channels: ['../x'] },
    { counter: 1, allowDowngradeFrom: [-1] },
    { counter: 1, allowDowngradeFrom: Array.from({ length: 257 }, (_, at) => at + 1) },
  ];
  for (const silt of wrong) {
    const repository = new TufReleaseRepository();
    repository.addRelease('os', '1').custom = { silt };
    repository.publishProduct('os');
    await throwsSilt(t, () => device(repository).releases.find('os', { latest: true }), 'TRUST_MALFORMED');
  }
});

test('targets whose names are no versions are no releases', async (t) => {
  const repository = new TufReleaseRepository();
  repository.addRelease('os', '1');
  for (const path of ['os/a b.json', 'os/.json', 'os/notes.txt', 'os/a/b.json', 'osx/1.json', 'readme']) {
    repository.addTarget('product-os', path, Buffer.from('x'));
  }
  repository.publishProduct('os');
  const listing = [{ product: 'os', channels: {}, releases: [{ version: '1', counter: 1 }] }];
  t.deepEqual(await listTufProducts(optionsOf(repository)), listing);
});

test('two releases with one counter, or one channel, are refused', async (t) => {
  for (const same of [{ counter: 1 }, { channels: ['stable'] }]) {
    const repository = new TufReleaseRepository();
    repository.addRelease('os', '1', same);
    repository.addRelease('os', '2', same);
    repository.publishProduct('os');
    await throwsSilt(t, () => device(repository).releases.find('os', { latest: true }), 'TRUST_MALFORMED');
  }
});

test('when nothing is new, two requests suffice: the next root and the timestamp', async (t) => {
  const repository = scene();
  const { releases, state } = device(repository);
  const first = await releases.find('os', { channel: 'stable' });
  repository.askedFor();
  t.deepEqual(await device(repository, state).releases.find('os', { channel: 'stable' }), first);
  t.deepEqual(repository.askedFor(), ['2.root', 'timestamp']);
});

test('for a new release of its product a device asks for five files more', async (t) => {
  const repository = scene();
  const { releases, state } = device(repository);
  await releases.find('os', { latest: true });
  repository.addRelease('os', '2.0', { counter: 5 });
  repository.publish('product-os', 'snapshot', 'timestamp');
  repository.askedFor();
  t.is((await device(repository, state).releases.find('os', { latest: true })).version, '2.0');
  const asked = repository.askedFor();
  t.is(asked.length, 5);
  t.regex(
    asked.join(' '),
    /^2\.root timestamp \d+\.snapshot \d+\.product-os targets\/os\/[0-9a-f]{64}\.2\.0$/,
  );
});

test('metadata is brought up to date once, at the first question', async (t) => {
  const repository = scene();
  const { releases } = device(repository);
  repository.askedFor();
  await Promise.all([releases.find('os', { latest: true }), releases.find('os', { version: '1.0' })]);
  t.is(repository.askedFor().filter((name) => name === 'timestamp').length, 1);
});

test('after a failure the question can be asked again: a cache that was stale has caught up', async (t) => {
  const repository = scene();
  const { releases, state } = device(repository);
  const stale = repository.objects.get('metadata/timestamp.json') as Uint8Array;
  await releases.find('os', { latest: true });
  repository.addRelease('os', '2.0', { counter: 5 });
  repository.publishProduct('os');
  const fresh = repository.objects.get('metadata/timestamp.json') as Uint8Array;
  await device(repository, state).releases.find('os', { latest: true });

  const again = device(repository, state).releases;
  repository.objects.set('metadata/timestamp.json', stale);
  const error = await throwsSilt(t, () => again.find('os', { latest: true }), 'TRUST_ROLLBACK');
  t.true(error.transient);
  repository.objects.set('metadata/timestamp.json', fresh);
  t.is((await again.find('os', { latest: true })).version, '2.0');
});

test('products are listed with their channels and all their releases, oldest first', async (t) => {
  t.deepEqual(await listTufProducts(optionsOf(scene())), [
    {
      product: 'os',
      channels: { beta: '1.1', canary: '1.1', stable: '1.0' },
      releases: [
        { version: '0.1', counter: 1 },
        { version: '1.0', counter: 2 },
        { version: '1.1', counter: 3 },
        { version: '0.9', counter: 4 },
      ],
    },
    { product: 'app', channels: {}, releases: [] },
  ]);
});
