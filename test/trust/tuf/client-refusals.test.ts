import test from 'ava';
import type { ErrorCode } from '../../../src/core/errors.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { TufDevice } from '../../support/tuf-device.ts';
import { TufReleaseRepository } from '../../support/tuf-release-repository.ts';
import type { RoleKeys, Signed, TufRepository } from '../../support/tuf-repository.ts';
import { testKey } from '../../support/tuf-test-key.ts';

const ROLES = ['root', 'timestamp', 'snapshot', 'targets', 'product-os'];
/** Everything that comes after a change of the role. */
const publishedWith: Readonly<Record<string, readonly string[]>> = {
  root: ['root'],
  timestamp: ['timestamp'],
  snapshot: ['snapshot', 'timestamp'],
  targets: ['targets', 'snapshot', 'timestamp'],
  'product-os': ['product-os', 'snapshot', 'timestamp'],
};

const releases = () => {
  const repository = new TufReleaseRepository();
  repository.addRelease('os', '1');
  repository.publishProduct('os');
  return repository;
};

const publish = (repository: TufRepository, role: string): void =>
  repository.publish(...(publishedWith[role] as readonly string[]));

/** All that a device asks of the metadata. */
async function update(device: TufDevice): Promise<void> {
  const trusted = await device.refresh();
  await trusted.findTarget('os/1.json');
}

/** Holds an update to failing, and to leaving what was kept under the names of `role` and what follows it. */
async function refuses(
  t: Parameters<typeof throwsSilt>[0],
  device: TufDevice,
  role: string,
  code: ErrorCode,
): Promise<Awaited<ReturnType<typeof throwsSilt>>> {
  const before = device.state.image();
  const error = await throwsSilt(t, () => update(device), code);
  const after = device.state.image();
  for (const name of [role, ...(publishedWith[role] ?? [])]) {
    const earlier = ROLES.indexOf(name) < ROLES.indexOf(role);
    if (!earlier) t.is(after[`${name}.json`], before[`${name}.json`], `${name} is as before`);
  }
  return error;
}

for (const role of ROLES) {
  test(`an expired ${role} is refused, by its name, its time and that of the device`, async (t) => {
    const repository = releases();
    const device = new TufDevice(repository);
    await update(device);
    (repository.signed.get(role) as Signed).expires = '2026-02-28T00:00:00Z';
    publish(repository, role);
    const before = device.state.image();
    const { message, details } = await throwsSilt(t, () => update(device), 'TRUST_EXPIRED');
    t.is(message.split(':')[0]?.slice(0, role.length), role);
    t.like(details, { role, expires: '2026-02-28T00:00:00Z', time: '2026-03-01T12:00:00Z' });
    // Root is the exception: it is kept, since only through it can the next one be trusted.
    if (role !== 'root') t.is(device.state.image()[`${role}.json`], before[`${role}.json`]);
  });

  test(`a publisher about to sign anew may read an expired ${role}`, async (t) => {
    const repository = releases();
    (repository.signed.get(role) as Signed).expires = '2026-02-28T00:00:00Z';
    publish(repository, role);
    const device = new TufDevice(repository);
    const trusted = await device.refresh(repository.now, { allowExpired: true });
    t.truthy(await trusted.findTarget('os/1.json'));
  });

  test(`a ${role} signed by one key of two is refused`, async (t) => {
    const repository = releases();
    const second = testKey();
    repository.addKey(role, second, role === 'product-os' ? 'targets' : undefined);
    const listed = repository.targets.delegations?.roles.find(({ name }) => name === role);
    (listed ?? (repository.root.roles[role] as RoleKeys)).threshold = 2;
    repository.publish('root', 'targets', 'product-os', 'snapshot', 'timestamp');
    const device = new TufDevice(repository);
    await update(device);
    repository.signers.set(role, [second]);
    publish(repository, role);
    const { message } = await refuses(t, device, role, 'TRUST_THRESHOLD');
    t.true(message.startsWith(`${role}: expected valid signatures by 2 of its keys, found 1 of 2`), message);
  });

  test(`a ${role} signed by an unknown key is refused`, async (t) => {
    const repository = releases();
    const device = new TufDevice(repository);
    await update(device);
    const stranger = testKey();
    repository.signers.set(role, [stranger]);
    publish(repository, role);
    const { message } = await refuses(t, device, role, 'TRUST_UNKNOWN_KEY');
    t.true(message.includes(stranger.keyId));
  });

  test(`a ${role} signed by a revoked key is refused, and the error says so`, async (t) => {
    const repository = releases();
    const device = new TufDevice(repository);
    await update(device);
    const [revoked] = repository.signers.get(role) ?? [];
    t.truthy(revoked);
    if (revoked === undefined) return;
    const current = testKey();
    if (role === 'product-os') {
      const [delegation] = repository.targets.delegations?.roles ?? [];
      (delegation as RoleKeys).keyids = [];
      repository.addKey(role, current, 'targets');
    } else {
      (repository.root.roles[role] as RoleKeys).keyids = [];
      repository.addKey(role, current);
    }
    repository.root.silt = { revoked: [revoked.keyId] };
    repository.publish('root', 'targets', 'product-os', 'snapshot', 'timestamp');
    await update(device);
    repository.signers.set(role, [revoked]);
    publish(repository, role);
    const { message } = await refuses(t, device, role, 'TRUST_REVOKED_KEY');
    t.true(message.includes(`${revoked.keyId} was revoked`));
  });

  test(`a ${role} altered after it was signed is refused`, async (t) => {
    const repository = releases();
    const device = new TufDevice(repository);
    await update(device);
    (repository.signed.get(role) as Signed).version += 1;
    const envelope = repository.envelope(role);
    envelope.signed.more = 'a member that nobody signed';
    repository.store(role, envelope);
    const above = (publishedWith[role] as readonly string[]).slice(1);
    repository.publish(...above);
    await refuses(t, device, role, 'TRUST_THRESHOLD');
  });

  test(`a ${role} without a signature is refused`, async (t) => {
    const repository = releases();
    const device = new TufDevice(repository);
    await update(device);
    repository.signers.set(role, []);
    publish(repository, role);
    await refuses(t, device, role, 'TRUST_THRESHOLD');
  });
}

test('a rolled-back timestamp is refused, but a cache may be stale: asking again may help', async (t) => {
  const repository = releases();
  const device = new TufDevice(repository);
  const old = repository.objects.get('metadata/timestamp.json') as Uint8Array;
  repository.publish('timestamp');
  await update(device);
  repository.objects.set('metadata/timestamp.json', old);
  const error = await refuses(t, device, 'timestamp', 'TRUST_ROLLBACK');
  t.true(error.transient);
});

test('a rolled-back snapshot is refused, and asking again does not help', async (t) => {
  const repository = releases();
  const device = new TufDevice(repository);
  repository.publish('snapshot', 'timestamp');
  await update(device);
  (repository.timestamp.meta['snapshot.json'] as { version: number }).version -= 1;
  repository.publish('timestamp');
  const error = await refuses(t, device, 'timestamp', 'TRUST_ROLLBACK');
  t.false(error.transient);
  t.like(error.details, { role: 'snapshot' });
});

for (const role of ['targets', 'product-os']) {
  test(`rolled-back ${role} are refused`, async (t) => {
    const repository = releases();
    const device = new TufDevice(repository);
    publish(repository, role);
    await update(device);
    const { version } = repository.signed.get(role) as Signed;
    (repository.signed.get(role) as Signed).version -= 2;
    publish(repository, role);
    const error = await refuses(t, device, 'snapshot', 'TRUST_ROLLBACK');
    t.like(error.details, { role, expected: version, found: version - 1 });
  });
}

test('a product role that the snapshot lists no more is refused', async (t) => {
  const repository = releases();
  const device = new TufDevice(repository);
  await update(device);
  delete repository.snapshot.meta['product-os.json'];
  repository.publish('snapshot', 'timestamp');
  await refuses(t, device, 'snapshot', 'TRUST_ROLLBACK');
});

test('a rolled-back root is refused', async (t) => {
  const repository = releases();
  const device = new TufDevice(repository);
  repository.publish('root');
  await update(device);
  repository.objects.set('metadata/3.root.json', repository.rootBytes(1));
  await refuses(t, device, 'root', 'TRUST_ROLLBACK');
});

test('after a fast-forward attack new keys let the versions go back', async (t) => {
  const repository = releases();
  const device = new TufDevice(repository);
  await update(device);
  repository.timestamp.version = 2 ** 50;
  repository.snapshot.version = 2 ** 50;
  repository.publish('snapshot', 'timestamp');
  await update(device);
  // The attacker is found out, and the versions go on from where they were.
  repository.rotateKeys('timestamp');
  repository.rotateKeys('snapshot');
  repository.publish('root');
  repository.timestamp.version = 10;
  repository.snapshot.version = 10;
  repository.publish('snapshot', 'timestamp');
  await update(device);
  t.like(device.trustedVersions(), { root: 2, timestamp: 11, snapshot: 11 });
});

test('a frozen repository is refused once its timestamp has expired', async (t) => {
  const repository = releases();
  const device = new TufDevice(repository);
  await update(device);
  repository.now = new Date('2026-03-31T12:00:00Z');
  const { message } = await refuses(t, device, 'timestamp', 'TRUST_EXPIRED');
  t.regex(message, /^(root|timestamp) expired at 2026-03-31T12:00:00Z/);
});

test('a snapshot of another time than the timestamp (mix-and-match) is refused', async (t) => {
  const repository = releases();
  const device = new TufDevice(repository);
  const { version } = repository.snapshot;
  const old = repository.objects.get(`metadata/${version}.snapshot.json`) as Uint8Array;
  repository.publish('snapshot', 'timestamp');
  repository.objects.set(`metadata/${version + 1}.snapshot.json`, old);
  await refuses(t, device, 'snapshot', 'TRUST_MISMATCH');
});

for (const role of ['targets', 'product-os']) {
  for (const metaHashes of [true, false]) {
    test(`${role} of another time than the snapshot are refused, ${metaHashes ? 'with' : 'without'} hashes`, async (t) => {
      const repository = releases();
      repository.metaHashes = metaHashes;
      const device = new TufDevice(repository);
      const { version } = repository.signed.get(role) as Signed;
      const old = repository.objects.get(`metadata/${version}.${role}.json`) as Uint8Array;
      publish(repository, role);
      repository.objects.set(`metadata/${version + 1}.${role}.json`, old);
      await refuses(t, device, role, 'TRUST_MISMATCH');
    });
  }
}

for (const [role, key, cap] of [
  ['root', 'metadata/2.root.json', 512 * 1024],
  ['timestamp', 'metadata/timestamp.json', 16 * 1024],
] as const) {
  test(`of an endless ${role} no more is taken than ${cap} bytes`, async (t) => {
    const repository = releases();
    const device = new TufDevice(repository);
    await update(device);
    repository.objects.set(key, Buffer.alloc(cap + 1, ' '));
    await refuses(t, device, role, 'TRUST_TOO_LARGE');
  });
}

for (const [role, cap] of [
  ['snapshot', 2 * 1024 * 1024],
  ['targets', 5 * 1024 * 1024],
  ['product-os', 5 * 1024 * 1024],
] as const) {
  test(`of an endless ${role} no more is taken than its parent announces`, async (t) => {
    const repository = releases();
    const device = new TufDevice(repository);
    const { version } = repository.signed.get(role) as Signed;
    repository.objects.set(`metadata/${version}.${role}.json`, Buffer.alloc(cap, ' '));
    await refuses(t, device, role, 'TRUST_MISMATCH');
  });

  test(`a ${role} of more than ${cap} bytes is refused, whatever its parent announces`, async (t) => {
    const repository = releases();
    const device = new TufDevice(repository);
    for (const announced of [true, false]) {
      repository.metaHashes = announced;
      publish(repository, role);
      repository.store(role, Buffer.alloc(cap + 1, ' '));
      repository.publish(...(publishedWith[role] as readonly string[]).slice(1));
      await refuses(t, device, role, 'TRUST_TOO_LARGE');
    }
  });
}

test('of an endless row of roots no more are taken than 256', async (t) => {
  const repository = releases();
  for (let version = 2; version <= 258; version += 1) repository.publish('root');
  const device = new TufDevice(repository);
  await throwsSilt(t, () => update(device), 'TRUST_TOO_LARGE');
  t.is(device.trustedVersions().root, 257);
  // What was verified is kept, so the next run gets to the end.
  await update(device);
  t.is(device.trustedVersions().root, 258);
});

test('a store that gives more than it was asked for is not believed', async (t) => {
  const repository = releases();
  const device = new TufDevice(repository);
  const endless = Object.create(repository) as TufReleaseRepository;
  endless.get = async (key) => {
    const bytes = repository.objects.get(key);
    return bytes && { bytes: Buffer.concat([bytes, Buffer.alloc(600_000, ' ')]), etag: '"x"' };
  };
  const greedy = new TufDevice(endless, device.factoryRoot);
  await throwsSilt(t, () => greedy.refresh(repository.now), 'TRUST_TOO_LARGE');
});

test('without a timestamp there is no repository', async (t) => {
  const repository = releases();
  repository.objects.delete('metadata/timestamp.json');
  const { message } = await throwsSilt(t, () => update(new TufDevice(repository)), 'NOT_A_REPOSITORY');
  t.regex(message, /has no metadata\/timestamp\.json; check --repo$/);
});

test('the catalog of an unsigned repository is refused, and the error says what it is', async (t) => {
  const repository = releases();
  const catalog = { format: 'silt-catalog', formatVersion: 1, products: {} };
  repository.objects.set('metadata/timestamp.json', Buffer.from(JSON.stringify(catalog)));
  const { message } = await throwsSilt(t, () => update(new TufDevice(repository)), 'TRUST_MALFORMED');
  t.regex(message, /unsigned repository/);
});

for (const role of ['snapshot', 'targets', 'product-os']) {
  test(`a ${role} that is announced and not there yet may come: asking again may help`, async (t) => {
    const repository = releases();
    const { version } = repository.signed.get(role) as Signed;
    repository.objects.delete(`metadata/${version}.${role}.json`);
    const error = await throwsSilt(t, () => update(new TufDevice(repository)), 'OBJECT_MISSING');
    t.true(error.transient);
  });
}

test('an old timestamp beside a new root is refused, but a cache may be stale: asking again may help', async (t) => {
  const repository = releases();
  const device = new TufDevice(repository);
  await update(device);
  const stale = repository.objects.get('metadata/timestamp.json') as Uint8Array;
  repository.rotateKeys('timestamp');
  repository.publish('root', 'timestamp');
  const fresh = repository.objects.get('metadata/timestamp.json') as Uint8Array;
  repository.objects.set('metadata/timestamp.json', stale);
  for (let run = 0; run < 2; run += 1) {
    const error = await throwsSilt(t, () => update(device), 'TRUST_UNKNOWN_KEY');
    t.true(error.transient);
  }
  repository.objects.set('metadata/timestamp.json', fresh);
  await update(device);
  t.like(device.trustedVersions(), { root: 2 });
});

test('a parent that delegates nothing of the kind gives no role', async (t) => {
  const trusted = await new TufDevice(releases()).refresh();
  for (const role of ['product-app', 'root', 'targets', 'constructor', '__proto__']) {
    t.is(await trusted.delegated(role), undefined);
    t.is(await trusted.delegated('archive-os', role), undefined);
  }
  t.truthy(await trusted.delegated('product-os'));
});
