/**
 * Conformance, root: TUF 1.0, §4.2, §5.2 and §5.3. A title begins with the clause; what stands in brackets at
 * its end is the case of the public conformance suite that it covers (see test/support/conformance-cases.ts).
 */
import test from 'ava';
import { throwsSilt } from '../../support/throws-silt.ts';
import { TufDevice } from '../../support/tuf-device.ts';
import { type Envelope, TufRepository } from '../../support/tuf-repository.ts';
import { type TestKeyType, testKey } from '../../support/tuf-test-key.ts';

const DAY = 86_400_000;

test('TUF 5.2: a factory root without a version is refused before anything is asked for (test_invalid_initial_root)', async (t) => {
  const repository = new TufRepository();
  const root = JSON.parse(Buffer.from(repository.rootBytes(1)).toString()) as Envelope;
  const { version: _, ...signed } = root.signed;
  const device = new TufDevice(repository, Buffer.from(JSON.stringify({ ...root, signed })));

  await throwsSilt(t, () => device.refresh(), 'TRUST_MALFORMED');
  t.deepEqual(repository.requests, []);
});

test('TUF 5.2: a factory root that its own keys did not sign is refused before anything is asked for (test_unsigned_initial_root)', async (t) => {
  const repository = new TufRepository();
  const root = repository.envelope('root');
  const other = repository.signaturesOf({ ...root.signed, version: 7 }, repository.signers.get('root') ?? []);
  const device = new TufDevice(repository, Buffer.from(JSON.stringify({ ...root, signatures: other })));

  await throwsSilt(t, () => device.refresh(), 'TRUST_THRESHOLD');
  t.deepEqual(repository.requests, []);
});

test('TUF 5.3.4: a root that is not signed is refused, and the old one stays (test_unsigned_metadata[root])', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.signers.set('root', []);
  repository.publish('root', 'targets', 'snapshot', 'timestamp');

  await throwsSilt(t, () => device.refresh(), 'TRUST_THRESHOLD');
  t.is(device.trustedVersions().root, 1);
  t.is(device.trustedVersions().timestamp, undefined);
});

test('TUF 5.3.5: a root whose version is not the one in its name is refused (test_url_and_metadata_version_mismatch[root])', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.root.version = 3;
  repository.store('root', repository.envelope('root'), 2);

  await throwsSilt(t, () => device.refresh(), 'TRUST_MISMATCH');
  t.is(device.trustedVersions().root, 1);
});

test('TUF 5.3.5: the root of before, served as the next one, is refused', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.store('root', repository.rootBytes(1), 2);

  const error = await throwsSilt(t, () => device.refresh(), 'TRUST_ROLLBACK');
  t.regex(error.message, /root/);
});

test('TUF 5.3.10: an expired root is kept as the newest, and nothing after it is asked for (test_root_expired)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  await device.refresh();
  repository.publish('root');
  await device.refresh();
  repository.root.expires = repository.daysAhead(-1);
  repository.publish('root', 'targets', 'snapshot', 'timestamp');

  repository.askedFor();
  await throwsSilt(t, () => device.refresh(), 'TRUST_EXPIRED');
  t.deepEqual(repository.askedFor(), ['3.root', '4.root']);
  t.deepEqual(device.trustedVersions(), { root: 3, timestamp: 1, snapshot: 1, targets: 1 });
});

test('TUF 5.3.6: a device whose root has expired gets to the newest one (test_expired_local_root)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.root.expires = repository.daysAhead(7);
  repository.publish('root');
  await device.refresh();
  repository.root.expires = repository.daysAhead(21);
  repository.publish('root');

  const later = new Date(repository.now.getTime() + 18 * DAY);
  await device.refresh(later);
  t.is(device.trustedVersions().root, 3);
});

test('TUF 5.1: expiry is held against the clock of the device (test_faketime)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.root.expires = repository.daysAhead(7);
  repository.publish('root');
  await device.refresh();

  const later = new Date(repository.now.getTime() + 8 * DAY);
  await throwsSilt(t, () => device.refresh(later), 'TRUST_EXPIRED');
});

test('TUF 4: members that no specification names are part of what is signed (test_custom_fields)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  await device.refresh();
  repository.addKey('root', testKey('ed25519', { 'extra-field': { a: 1, b: 2 } }));
  repository.root['custom-field'] = 'value';
  (repository.root.roles.root as Record<string, unknown>)['another-field'] = ['value', null, true];
  repository.publish('root');

  await device.refresh();
  t.is(device.trustedVersions().root, 2);
});

test('TUF 4.2: a key that names algorithms for key ids counts as any other (test_deprecated_keyid_hash_algorithms)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  await device.refresh();
  repository.clearKeys('snapshot');
  repository.addKey('snapshot', testKey('ed25519', { keyid_hash_algorithms: 'md5' }));
  repository.publish('root', 'snapshot', 'timestamp');

  await device.refresh();
  t.deepEqual(device.trustedVersions(), { root: 2, timestamp: 2, snapshot: 2, targets: 1 });
});

test('TUF 4.2: one key under two key ids is one key', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  const key = testKey();
  repository.clearKeys('snapshot');
  repository.addKey('snapshot', key);
  repository.addKey('snapshot', { ...key, keyId: 'ab'.repeat(32) });
  (repository.root.roles.snapshot as { threshold: number }).threshold = 2;
  repository.publish('root', 'snapshot', 'timestamp');

  t.is(repository.envelope('snapshot').signatures.length, 2);
  await throwsSilt(t, () => device.refresh(), 'TRUST_THRESHOLD');
  t.is(device.trustedVersions().snapshot, undefined);
});

for (const [type, scheme] of [
  ['rsa', 'rsassa-pss-sha256'],
  ['ecdsa', 'ecdsa-sha2-nistp256'],
  ['ed25519', 'ed25519'],
] as [TestKeyType, string][]) {
  test(`TUF 4.2: signatures by ${scheme} count when right and only then (test_keytype_and_scheme[${type}/${scheme}])`, async (t) => {
    const repository = new TufRepository();
    const device = new TufDevice(repository);
    const key = repository.addKey('root', testKey(type));
    t.is(key.listed.scheme, scheme);
    (repository.root.roles.root as { threshold: number }).threshold = 2;
    repository.publish('root');
    await device.refresh();
    t.is(device.trustedVersions().root, 2);

    repository.publish('root');
    const envelope = repository.envelope('root');
    const wrong = key.sign(Buffer.from('something else'));
    repository.store('root', {
      ...envelope,
      signatures: envelope.signatures.map((one) => (one.keyid === key.keyId ? { ...one, sig: wrong } : one)),
    });
    await throwsSilt(t, () => device.refresh(), 'TRUST_THRESHOLD');
    t.is(device.trustedVersions().root, 2);
  });
}
