/**
 * Conformance, rollback and recovery from it: TUF 1.0, §5.3.11, §5.4.3 and §5.5.5. A title begins with the
 * clause; what stands in brackets at its end is the case of the public conformance suite that it covers.
 */
import test from 'ava';
import { throwsSilt } from '../../support/throws-silt.ts';
import { TufDevice } from '../../support/tuf-device.ts';
import { TufRepository } from '../../support/tuf-repository.ts';

/** Publishes a role so often, as an attacker with its key does to lock devices out of what is right. */
function fastForward(repository: TufRepository, role: string): void {
  for (let n = 0; n < 99; n++) repository.publish(role);
}

test('TUF 5.4.3.1: a timestamp older than the trusted one is refused (test_new_timestamp_version_rollback)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.publish('timestamp');
  await device.refresh();
  repository.askedFor();
  repository.timestamp.version = 0;
  repository.publish('timestamp');

  const error = await throwsSilt(t, () => device.refresh(), 'TRUST_ROLLBACK');
  t.true(error.transient);
  t.is(device.trustedVersions().timestamp, 2);
  t.is(repository.askedFor().at(-1), 'timestamp');
});

for (const [name, metaHashes] of [
  ['basic', false],
  ['with hashes', true],
] as const) {
  test(`TUF 5.4.3.2: a timestamp with a snapshot older than the trusted one is refused (test_snapshot_rollback[${name}])`, async (t) => {
    const repository = new TufRepository({ metaHashes });
    const device = new TufDevice(repository);
    repository.publish('snapshot', 'timestamp');
    await device.refresh();
    repository.askedFor();
    repository.snapshot.version = 0;
    repository.publish('snapshot', 'timestamp');

    await throwsSilt(t, () => device.refresh(), 'TRUST_ROLLBACK');
    t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 2, snapshot: 2, targets: 1 });
    t.is(repository.askedFor().at(-1), 'timestamp');
  });

  test(`TUF 5.5.5: a snapshot with targets older than those in the trusted one is refused (test_targets_rollback[${name}])`, async (t) => {
    const repository = new TufRepository({ metaHashes });
    const device = new TufDevice(repository);
    repository.publish('targets', 'snapshot', 'timestamp');
    await device.refresh();
    repository.targets.version = 0;
    repository.publish('targets', 'snapshot', 'timestamp');

    await throwsSilt(t, () => device.refresh(), 'TRUST_ROLLBACK');
    t.deepEqual(device.trustedVersions(), { root: 1, timestamp: 3, snapshot: 2, targets: 2 });
  });
}

test('TUF 5.5.5: a delegated role does not go back either', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.delegate('targets', 'delegated');
  repository.publish('delegated', 'delegated', 'targets', 'snapshot', 'timestamp');
  await device.refresh();
  repository.targetsOf('delegated').version = 0;
  repository.publish('delegated', 'snapshot', 'timestamp');

  const error = await throwsSilt(t, () => device.refresh(), 'TRUST_ROLLBACK');
  t.regex(error.message, /delegated/);
  t.is(device.trustedVersions().snapshot, 2);
});

test('TUF 5.5.5: a role that was listed in snapshot stays listed (test_targets_role_removal)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.delegate('targets', 'delegated', { paths: ['delegatedpath/*'] });
  repository.publish('delegated', 'targets', 'snapshot', 'timestamp');
  await device.refresh();
  delete repository.snapshot.meta['delegated.json'];
  repository.publish('snapshot', 'timestamp');

  await throwsSilt(t, () => device.refresh(), 'TRUST_ROLLBACK');
  t.is(device.trustedVersions().snapshot, 2);
});

test('TUF 5.3.11: a new snapshot key lets targets and their list go back (test_targets_fast_forward_recovery)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  repository.delegate('targets', 'delegated', { paths: ['delegatedpath/*'] });
  repository.publish('delegated');
  fastForward(repository, 'targets');
  repository.publish('snapshot', 'timestamp');
  await device.refresh();
  t.is(device.trustedVersions().targets, 100);

  repository.rotateKeys('snapshot');
  repository.targets.version = 0;
  delete repository.snapshot.meta['delegated.json'];
  repository.publish('root', 'targets', 'snapshot', 'timestamp');
  await device.refresh();
  t.is(device.trustedVersions().targets, 1);
});

test('TUF 5.3.11: new keys of snapshot and timestamp let snapshot go back (test_new_snapshot_fast_forward_recovery)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  fastForward(repository, 'snapshot');
  repository.publish('timestamp');
  await device.refresh();
  t.is(device.trustedVersions().snapshot, 100);

  repository.rotateKeys('snapshot');
  repository.rotateKeys('timestamp');
  repository.snapshot.version = 0;
  repository.publish('root', 'targets', 'snapshot', 'timestamp');
  await device.refresh();
  t.is(device.trustedVersions().snapshot, 1);
});

test('TUF 5.3.11: a new timestamp key lets timestamp go back (test_new_timestamp_fast_forward_recovery)', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  fastForward(repository, 'timestamp');
  await device.refresh();
  t.is(device.trustedVersions().timestamp, 100);

  repository.rotateKeys('timestamp');
  repository.timestamp.version = 0;
  repository.publish('root', 'timestamp');
  await device.refresh();
  t.is(device.trustedVersions().timestamp, 1);
});

test('TUF 5.3.11: without new keys nothing goes back, however root changes', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  fastForward(repository, 'timestamp');
  await device.refresh();

  repository.rotateKeys('targets');
  repository.timestamp.version = 0;
  repository.publish('root', 'targets', 'snapshot', 'timestamp');
  await throwsSilt(t, () => device.refresh(), 'TRUST_ROLLBACK');
  t.is(device.trustedVersions().root, 2);
  t.is(device.trustedVersions().timestamp, 100);
});

test('TUF 5.3.11: a new snapshot key alone lets snapshot go back', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  fastForward(repository, 'snapshot');
  repository.publish('timestamp');
  await device.refresh();
  repository.rotateKeys('snapshot');
  repository.snapshot.version = 0;
  repository.publish('root', 'snapshot', 'timestamp');
  await device.refresh();
  t.is(device.trustedVersions().snapshot, 1);
});

test('TUF 5.3.11: a new timestamp key alone lets the list in snapshot go back', async (t) => {
  const repository = new TufRepository();
  const device = new TufDevice(repository);
  fastForward(repository, 'targets');
  repository.publish('snapshot', 'timestamp');
  await device.refresh();
  repository.rotateKeys('timestamp');
  repository.targets.version = 0;
  repository.publish('root', 'targets', 'snapshot', 'timestamp');
  await device.refresh();
  t.is(device.trustedVersions().targets, 1);
});

for (const role of ['timestamp', 'snapshot']) {
  test(`TUF 5.3.11: one key less of ${role} is enough, though another one signed what is kept`, async (t) => {
    const repository = new TufRepository();
    repository.addKey(role);
    repository.publish('root');
    const device = new TufDevice(repository);
    fastForward(repository, role === 'timestamp' ? 'timestamp' : 'targets');
    repository.publish('snapshot', 'timestamp');
    await device.refresh();

    const [lost] = repository.signers.get(role)?.splice(0, 1) ?? [];
    const listed = repository.root.roles[role] as { keyids: string[] };
    listed.keyids = listed.keyids.filter((keyId) => keyId !== lost?.keyId);
    repository.timestamp.version = 0;
    if (role === 'snapshot') repository.targets.version = 0;
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    await device.refresh();
    t.is(device.trustedVersions().timestamp, 1);
    t.is(device.trustedVersions().targets, role === 'snapshot' ? 1 : 2);
  });
}
