/**
 * Conformance, keys and thresholds of the roles that root lists: TUF 1.0, §4.2 to §4.4 and §5.4 to §5.6. A title
 * begins with the clause; what stands in brackets at its end is the case of the public conformance suite that
 * it covers.
 */
import test from 'ava';
import { throwsSilt } from '../../support/throws-silt.ts';
import { TufDevice } from '../../support/tuf-device.ts';
import { type RoleKeys, type Signature, TufRepository } from '../../support/tuf-repository.ts';
import { type TestKey, testKey } from '../../support/tuf-test-key.ts';

function keysOf(repository: TufRepository, role: string): RoleKeys {
  return repository.root.roles[role] as RoleKeys;
}

test('TUF 5.5.3: two signatures are not three (test_snapshot_does_not_meet_threshold)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.addKey('snapshot');
  repository.addKey('snapshot');
  keysOf(repository, 'snapshot').threshold = 3;
  repository.publish('root', 'targets', 'snapshot', 'timestamp');
  await device.refresh();

  repository.signers.get('snapshot')?.pop();
  repository.publish('targets', 'snapshot', 'timestamp');
  const error = await throwsSilt(t, () => device.refresh(), 'TRUST_THRESHOLD');
  t.regex(error.message, /snapshot.*2.*3/);
  t.is(device.trustedVersions().snapshot, 2);
});

test('TUF 5.5.3: a threshold above the number of keys is never met (test_snapshot_has_too_few_keys)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  for (let n = 0; n < 4; n++) repository.addKey('snapshot');
  keysOf(repository, 'snapshot').threshold = 6;
  repository.publish('root', 'snapshot', 'timestamp');

  await throwsSilt(t, () => device.refresh(), 'TRUST_THRESHOLD');
  t.is(device.trustedVersions().root, 2);
  t.is(device.trustedVersions().snapshot, undefined);
});

test('TUF 4.3: a key that a role lists many times is one key (test_duplicate_keys)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  const key = repository.addKey('snapshot');
  const listed = keysOf(repository, 'snapshot');
  listed.keyids.push(...Array<string>(8).fill(key.keyId));
  listed.threshold = 6;
  repository.publish('root', 'snapshot', 'timestamp');
  const envelope = repository.envelope('snapshot');
  const signature = envelope.signatures.find(({ keyid }) => keyid === key.keyId) as Signature;
  repository.store('snapshot', {
    ...envelope,
    signatures: [...envelope.signatures, ...Array(8).fill(signature)],
  });
  repository.publish('timestamp');

  // Root itself may be refused for it, or the snapshot that it would let in.
  await throwsSilt(t, () => device.refresh(), 'TRUST_MALFORMED');
  t.is(device.trustedVersions().snapshot, undefined);
});

test('TUF 4.2: key ids of signatures are unique, however many are needed (test_duplicate_sig_keyids)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  const envelope = repository.envelope('snapshot');
  repository.store('snapshot', { ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] });
  repository.publish('timestamp');

  await throwsSilt(t, () => device.refresh(), 'TRUST_MALFORMED');
  t.is(device.trustedVersions().snapshot, undefined);
});

test('TUF 5.4.2: a wrong signature beside enough right ones does no harm (test_invalid_sig_in_valid_metadata)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  const earlier = repository.envelope('timestamp').signatures[0] as Signature;
  repository.addKey('timestamp');
  repository.publish('root');
  for (const sig of [earlier.sig, '', 'no hexadecimal', 'abc', `${earlier.sig}00`]) {
    repository.publish('timestamp');
    const envelope = repository.envelope('timestamp');
    const signatures = envelope.signatures.map((one) =>
      one.keyid === earlier.keyid ? { ...one, sig } : one,
    );
    repository.store('timestamp', { ...envelope, signatures });
    await device.refresh();
    t.is(device.trustedVersions().timestamp, repository.timestamp.version);
  }
});

test('TUF 5.4.2: a signature by a listed key over something else does not count', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.publish('timestamp');
  const { signed } = repository.envelope('timestamp');
  const signatures = repository.signaturesOf(
    { ...signed, version: 3 },
    repository.signers.get('timestamp') ?? [],
  );
  repository.store('timestamp', { signed, signatures });
  await throwsSilt(t, () => device.refresh(), 'TRUST_THRESHOLD');
});

test('TUF 5.4.2: the key of one role does not sign for another', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.publish('timestamp');
  const { signed } = repository.envelope('timestamp');
  const signatures = repository.signaturesOf(signed, repository.signers.get('snapshot') ?? []);
  repository.store('timestamp', { signed, signatures });
  await throwsSilt(t, () => device.refresh(), 'TRUST_UNKNOWN_KEY');
});

interface Signing {
  /** As the public suite calls it. */
  readonly name: string;
  readonly says: string;
  /** Of ten keys: those that root lists, and those that sign. */
  readonly keys: readonly number[];
  readonly threshold: number;
  readonly signers: readonly number[];
  readonly refused?: 'TRUST_THRESHOLD' | 'TRUST_UNKNOWN_KEY';
}

const FIVE = [0, 1, 2, 3, 4];
const signings: readonly Signing[] = [
  { name: '1-of-1-key-rotation', says: 'the new key signs', keys: [2], threshold: 1, signers: [2] },
  {
    name: '1-of-1-key-rotation-unused-signatures',
    says: 'others sign as well',
    keys: [1],
    threshold: 1,
    signers: [3, 1, 4],
  },
  {
    name: '1-of-1-key-rotation-fail-not-signed-with-new-key',
    says: 'all sign but the new key',
    keys: [2],
    threshold: 1,
    signers: [1, 3, 4],
    refused: 'TRUST_UNKNOWN_KEY',
  },
  {
    name: '3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys',
    says: 'one of three is no key of the role',
    keys: [0, 1, 3, 4, 5],
    threshold: 3,
    signers: [0, 2, 4],
    refused: 'TRUST_THRESHOLD',
  },
  {
    name: '2-of-5-one-key-signature-mising-threshold-not-reached',
    says: 'two of three sign',
    keys: [0, 1, 3, 4, 5],
    threshold: 3,
    signers: [0, 4],
    refused: 'TRUST_THRESHOLD',
  },
  {
    name: '3-of-5-sign-first-combo',
    says: 'three of five sign',
    keys: FIVE,
    threshold: 3,
    signers: [0, 2, 4],
  },
  {
    name: '3-of-5-sign-second-combo',
    says: 'three of five sign in any order',
    keys: FIVE,
    threshold: 3,
    signers: [0, 4, 1],
  },
  {
    name: '3-of-5-sign-third-combo',
    says: 'another three of five sign',
    keys: FIVE,
    threshold: 3,
    signers: [0, 1, 3],
  },
  {
    name: '3-of-5-sign-fourth-combo',
    says: 'three without the first sign',
    keys: FIVE,
    threshold: 3,
    signers: [1, 2, 3],
  },
  {
    name: '3-of-5-sign-fifth-combo',
    says: 'the last three sign',
    keys: FIVE,
    threshold: 3,
    signers: [2, 3, 4],
  },
];

for (const { name, says, keys, threshold, signers, refused } of signings) {
  test(`TUF 5.3.4: ${says}, in turn for timestamp, snapshot and targets (test_non_root_rotations[${name}])`, async (t) => {
    const ten = Array.from({ length: 10 }, () => testKey());
    for (const role of ['timestamp', 'snapshot', 'targets']) {
      const repository = new TufRepository();
      const device = new TufDevice(repository);
      await device.refresh();
      repository.clearKeys(role);
      for (const n of keys) repository.addKey(role, ten[n] as TestKey);
      repository.signers.set(
        role,
        signers.map((n) => ten[n] as TestKey),
      );
      keysOf(repository, role).threshold = threshold;
      repository.publish('root', 'targets', 'snapshot', 'timestamp');

      if (refused === undefined) {
        await device.refresh();
        t.deepEqual(device.trustedVersions(), { root: 2, timestamp: 2, snapshot: 2, targets: 2 });
      } else {
        await throwsSilt(t, () => device.refresh(), refused);
        // A new key of timestamp or snapshot takes what the old ones had signed away (5.3.11).
        t.not(device.trustedVersions()[role], 2);
      }
    }
  });
}
