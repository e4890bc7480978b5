/**
 * Conformance, the way from timestamp to targets: TUF 1.0, §5.3 to §5.6. A title begins with the clause; what
 * stands in brackets at its end is the case of the public conformance suite that it covers.
 */
import test from 'ava';
import { throwsSilt } from '../../support/throws-silt.ts';
import { TufDevice } from '../../support/tuf-device.ts';
import { type Signed, TufRepository } from '../../support/tuf-repository.ts';

const FRESH = ['2.root', 'timestamp', '1.snapshot', '1.targets'];
const ROLES = ['root', 'timestamp', 'snapshot', 'targets'];
const DAY = 86_400_000;

/** What the repository serves as the role's newest. */
function published(repository: TufRepository, role: string): string {
  const { version } = repository.signed.get(role) as Signed;
  const key = `metadata/${role === 'timestamp' ? '' : `${version}.`}${role}.json`;
  return Buffer.from(repository.objects.get(key) ?? []).toString();
}

test('TUF 5.3: a first refresh asks for the next root, timestamp, snapshot and targets, once each (test_basic_refresh_requests)', async (t) => {
  const repository = new TufRepository();
  await new TufDevice(repository).refresh();
  t.deepEqual(repository.askedFor(), FRESH);
});

test('TUF 5.6.6: what is kept is what the repository serves (test_basic_refresh_trusted_data)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  const trusted = await device.refresh();

  t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 1, snapshot: 1, targets: 1 });
  for (const role of ROLES) {
    t.is(device.kept(role), published(repository, role));
  }
  t.deepEqual(
    [trusted.root, trusted.timestamp, trusted.snapshot, trusted.targets].map(({ signed }) => signed.version),
    [1, 1, 1, 1],
  );
});

test('TUF 5.7.2: a target that nobody lists is not found, after a refresh (test_implicit_refresh)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);

  t.is(await device.download('nonexistent'), undefined);
  t.deepEqual(repository.askedFor(), FRESH);
  t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 1, snapshot: 1, targets: 1 });
});

for (const [clause, role, trusted] of [
  ['5.4.2', 'timestamp', { root: 2 }],
  ['5.5.3', 'snapshot', { root: 2, timestamp: 2 }],
  ['5.6.3', 'targets', { root: 2, timestamp: 2, snapshot: 2 }],
] as const) {
  test(`TUF ${clause}: a ${role} that is not signed is refused, and what came before it is kept (test_unsigned_metadata[${role}])`, async (t) => {
    const repository = new TufRepository();
    const device = new TufDevice(repository);
    repository.signers.set(role, []);
    repository.publish('root', 'targets', 'snapshot', 'timestamp');

    await throwsSilt(t, () => device.refresh(), 'TRUST_THRESHOLD');
    t.deepEqual(device.trustedVersions(), trusted);
  });
}

for (const [clause, role, trusted] of [
  ['5.5.4', 'snapshot', { root: 1, timestamp: 2 }],
  ['5.6.4', 'targets', { root: 1, timestamp: 2, snapshot: 2 }],
] as const) {
  test(`TUF ${clause}: a ${role} whose version is not the one listed is refused (test_url_and_metadata_version_mismatch[${role}])`, async (t) => {
    const repository = new TufRepository({ metaHashes: false });
    const device = new TufDevice(repository);
    if (role === 'snapshot') repository.publish('targets');
    const signed = repository.signed.get(role) as Signed;
    signed.version = 3;
    repository.store(role, repository.envelope(role), 2);
    if (role === 'targets') repository.publish('snapshot');
    repository.publish('timestamp');

    await throwsSilt(t, () => device.refresh(), 'TRUST_MISMATCH');
    t.deepEqual(device.trustedVersions(), trusted);
  });
}

test('TUF 5.4.3.1: a timestamp of the same version says nothing new, whatever it says (test_timestamp_content_changes)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  await device.refresh();
  repository.askedFor();
  repository.timestamp.meta['snapshot.json'] = { version: 100 };
  repository.store('timestamp', repository.envelope('timestamp'));

  const trusted = await device.refresh();
  t.deepEqual(repository.askedFor(), ['2.root', 'timestamp']);
  t.is(trusted.timestamp.signed.snapshotMeta.version, 1);
  const kept = JSON.parse(device.kept('timestamp'));
  t.is(kept.signed.meta['snapshot.json'].version, 1);
});

test('TUF 5.5.2: hashes and lengths of metadata are held against it, and may be missing (test_basic_metadata_hash_support)', async (t) => {
  for (const metaHashes of [true, false]) {
    const repository = new TufRepository({ metaHashes });
    t.is('hashes' in (repository.timestamp.meta['snapshot.json'] ?? {}), metaHashes);
    repository.publish('targets', 'snapshot', 'timestamp');
    const device = new TufDevice(repository);
    await device.refresh();
    t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 2, snapshot: 2, targets: 2 });
  }
});

test('TUF 5.6.2: targets that have not the hash in snapshot are refused (test_targets_hash_mismatch)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  await device.refresh();
  repository.publish('targets');
  Object.assign(repository.snapshot.meta['targets.json'] ?? {}, { hashes: { sha256: '0'.repeat(64) } });
  repository.publish('snapshot', 'timestamp');

  await throwsSilt(t, () => device.refresh(), 'TRUST_MISMATCH');
  t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 2, snapshot: 2, targets: 1 });
});

test('TUF 5.5.2: a snapshot that has not the hash in timestamp is refused (test_snapshot_hash_mismatch)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  await device.refresh();
  repository.publish('snapshot');
  Object.assign(repository.timestamp.meta['snapshot.json'] ?? {}, { hashes: { sha256: '0'.repeat(64) } });
  repository.publish('timestamp');

  await throwsSilt(t, () => device.refresh(), 'TRUST_MISMATCH');
  t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 2, snapshot: 1, targets: 1 });
});

for (const role of ['snapshot', 'targets']) {
  test(`TUF ${role === 'snapshot' ? '5.5.1' : '5.6.1'}: a ${role} of another length than listed is refused`, async (t) => {
    for (const change of [-1, +1]) {
      const repository = new TufRepository();
      const device = new TufDevice(repository);
      const parent = role === 'snapshot' ? repository.timestamp : repository.snapshot;
      const listed = parent.meta[`${role}.json`] as { length: number; hashes?: unknown };
      listed.length += change;
      delete listed.hashes;
      if (role === 'targets') repository.publish('snapshot');
      repository.publish('timestamp');
      // Longer than listed: the download stops there. Shorter: it is not what is listed.
      await throwsSilt(t, () => device.refresh(), 'TRUST_MISMATCH');
      t.is(device.trustedVersions()[role], undefined);
    }
  });
}

test('TUF 5.4.5: what is kept are the bytes that were served (test_metadata_bytes_match)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  const served = Buffer.from(`${JSON.stringify(repository.envelope('timestamp'), null, 5)} \n`);
  repository.store('timestamp', served);
  await device.refresh();
  t.is(device.kept('timestamp'), served.toString());
});

test('TUF 5.5.1: a snapshot that is not there stops the refresh after timestamp (test_snapshot_404)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  await device.refresh();
  Object.assign(repository.timestamp.meta['snapshot.json'] ?? {}, { version: 2 });
  repository.publish('timestamp');
  repository.askedFor();

  const error = await throwsSilt(t, () => device.refresh(), 'OBJECT_MISSING');
  t.true(error.transient);
  t.is(repository.askedFor().at(-1), '2.snapshot');
  t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 2, snapshot: 1, targets: 1 });
});

test('TUF 5.6.1: targets that are not there stop the refresh after snapshot (test_targets_404)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  await device.refresh();
  Object.assign(repository.snapshot.meta['targets.json'] ?? {}, { version: 2 });
  repository.publish('snapshot', 'timestamp');
  repository.askedFor();

  const error = await throwsSilt(t, () => device.refresh(), 'OBJECT_MISSING');
  t.true(error.transient);
  t.is(repository.askedFor().at(-1), '2.targets');
  t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 2, snapshot: 2, targets: 1 });
});

test('TUF 5.4.1: without a timestamp there is no refresh (test_timestamp_404)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  await device.refresh();
  repository.objects.delete('metadata/timestamp.json');
  repository.askedFor();

  const kept = device.state.image();
  await t.throwsAsync(device.refresh());
  t.deepEqual(repository.askedFor(), ['2.root', 'timestamp']);
  t.deepEqual(device.state.image(), kept);
});

test('TUF 4.3: a snapshot that could pass for a timestamp, and is signed by its key, is none (test_incorrect_metadata_type)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  for (const key of repository.signers.get('timestamp') ?? []) repository.addKey('snapshot', key);
  repository.snapshot.meta = { 'snapshot.json': { version: 1 } };
  repository.snapshot.version = 2;
  repository.publish('root');
  repository.store('timestamp', repository.envelope('snapshot'));

  await throwsSilt(t, () => device.refresh(), 'TRUST_MALFORMED');
  t.deepEqual(device.trustedVersions(), { root: 2 });
});

for (const [clause, role, trusted] of [
  ['5.4.4', 'timestamp', { root: 1, timestamp: 1, snapshot: 1, targets: 1 }],
  ['5.5.6', 'snapshot', { root: 1, timestamp: 2, snapshot: 1, targets: 1 }],
  ['5.6.5', 'targets', { root: 1, timestamp: 2, snapshot: 2, targets: 1 }],
] as const) {
  test(`TUF ${clause}: a ${role} that has expired is refused (test_${role}_expired)`, async (t) => {
    const repository = new TufRepository();
    const device = new TufDevice(repository);
    await device.refresh();
    (repository.signed.get(role) as Signed).expires = repository.daysAhead(-5);
    repository.publish(...ROLES.slice(1).reverse());
    const error = await throwsSilt(t, () => device.refresh(), 'TRUST_EXPIRED');
    t.regex(error.message, new RegExp(role));
    t.deepEqual(device.trustedVersions(), trusted);
  });
}

test('TUF 5.4.4: what expires at the very time of the refresh has expired', async (t) => {
  const repository = new TufRepository();
  repository.timestamp.expires = repository.daysAhead(0);
  repository.publish('timestamp');
  await throwsSilt(t, () => new TufDevice(repository).refresh(), 'TRUST_EXPIRED');
});

test('TUF 5.4.4: a device whose timestamp has expired gets the new one (test_expired_local_timestamp)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.timestamp.expires = repository.daysAhead(7);
  repository.publish('timestamp');
  await device.refresh();
  repository.timestamp.expires = repository.daysAhead(21);
  repository.publish('targets', 'snapshot', 'timestamp');

  await device.refresh(new Date(repository.now.getTime() + 18 * DAY));
  t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 3, snapshot: 2, targets: 2 });
});

test('TUF 5.3.12: a repository without consistent snapshots is read by plain names', async (t) => {
  const repository = new TufRepository({ consistentSnapshot: false });
  const device = new TufDevice(repository);
  repository.addTarget('targets', 'dir/file', Buffer.from('content'));
  repository.publish('targets', 'snapshot', 'timestamp');
  t.is(Buffer.from((await device.download('dir/file')) ?? []).toString(), 'content');
  t.deepEqual(repository.askedFor(), ['2.root', 'timestamp', 'snapshot', 'targets', 'targets/dir/file']);
});
