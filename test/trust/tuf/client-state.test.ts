import { readdir } from 'node:fs/promises';
import test from 'ava';
import { openDirectoryStore } from '../../../src/store/directory.ts';
import { withCounting } from '../../../src/store/with-counting.ts';
import { refresh, type TrustedMetadata } from '../../../src/trust/tuf/client.ts';
import { openDeviceState } from '../../../src/trust/tuf/device-state.ts';
import type { MetadataState } from '../../../src/trust/tuf/metadata-state.ts';
import { trustedRoot } from '../../../src/trust/tuf/root-chain.ts';
import { TrustedTime } from '../../../src/trust/tuf/trusted-time.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { OpenState, TufDevice } from '../../support/tuf-device.ts';
import { type Signed, TufRepository } from '../../support/tuf-repository.ts';

/** A repository with three roots; root's own keys are rotated on the way. */
function rotated(): TufRepository {
  const repository = new TufRepository();
  const [old] = repository.signers.get('root') ?? [];
  repository.rotateKeys('root');
  if (old !== undefined) repository.addSigner('root', old);
  repository.publish('root');
  repository.signers.set(
    'root',
    (repository.signers.get('root') ?? []).filter((key) => key !== old),
  );
  repository.publish('root');
  repository.publish('targets', 'snapshot', 'timestamp');
  repository.askedFor();
  return repository;
}

function run(repository: TufRepository, state: MetadataState, factory = 1): Promise<TrustedMetadata> {
  const factoryRoot = repository.rootBytes(factory);
  return refresh({ store: repository, state, factoryRoot, now: () => repository.now });
}

const FILES = ['root.json', '2.root.json', '3.root.json', 'timestamp.json', 'snapshot.json', 'targets.json'];

test('what is kept is found again: two requests when nothing is new', async (t) => {
  const repository = rotated();
  const state = new OpenState();
  const first = await run(repository, state);
  t.deepEqual([...state.files.keys()].sort(), [...FILES].sort());
  t.deepEqual(repository.askedFor(), ['2.root', '3.root', '4.root', 'timestamp', '2.snapshot', '2.targets']);
  const second = await run(repository, state);
  t.deepEqual(repository.askedFor(), ['4.root', 'timestamp']);
  t.deepEqual(second.targets.toJSON(), first.targets.toJSON());
});

test('nothing new costs two requests and less than 3 KiB at a store as well', async (t) => {
  const repository = rotated();
  const store = withCounting(await openDirectoryStore(await temporaryDirectory(t)));
  for (const [key, bytes] of repository.objects) await store.putIfAbsent(key, bytes);
  const state = await openDeviceState(await temporaryDirectory(t));
  const options = { store, state, factoryRoot: repository.rootBytes(1), now: () => repository.now };
  await refresh(options);
  const before = store.counts().kinds.metadata;
  await refresh(options);
  const after = store.counts().kinds.metadata;
  t.is(after.requests - before.requests, 2);
  t.true(after.bytesRead - before.bytesRead <= 3 * 1024);
});

test('a root cut off at any byte never stops an update', async (t) => {
  const repository = new TufRepository();
  repository.publish('root');
  const state = new OpenState();
  await run(repository, state);
  const whole = state.files.get('root.json') as Uint8Array;
  repository.askedFor();
  const time = new TrustedTime(repository.now);
  const session = { store: repository, state, time, allowExpired: false, signal: undefined };
  for (let length = 0; length < whole.length; length += 1) {
    state.files.set('root.json', whole.subarray(0, length));
    t.is((await trustedRoot(session, repository.rootBytes(1))).root.signed.version, 2);
    if (length % 100 === 0) await run(repository, state);
  }
  // The steps on the way are kept as well, so nothing was asked for again.
  t.deepEqual([...new Set(repository.askedFor())], ['3.root', 'timestamp']);
});

test('other metadata cut off anywhere is taken from the repository again', async (t) => {
  const repository = new TufRepository();
  const state = new OpenState();
  await run(repository, state);
  for (const name of ['timestamp.json', 'snapshot.json', 'targets.json']) {
    const whole = state.files.get(name) as Uint8Array;
    for (let length = 0; length < whole.length; length += 50) {
      state.files.set(name, whole.subarray(0, length));
      await run(repository, state);
      t.is(state.files.get(name)?.length, whole.length);
    }
  }
});

test('without any root that is whole the one of the factory is where it begins, and ends at the newest', async (t) => {
  const repository = rotated();
  for (const junk of ['', '{', 'null', '[]', '{"signed":{},"signatures":[]}', '\u0000'.repeat(100)]) {
    const state = new OpenState();
    await run(repository, state);
    repository.askedFor();
    for (const name of state.files.keys()) state.files.set(name, Buffer.from(junk));
    t.is((await run(repository, state)).root.signed.version, 3);
    t.deepEqual(repository.askedFor(), [
      '2.root',
      '3.root',
      '4.root',
      'timestamp',
      '2.snapshot',
      '2.targets',
    ]);
    // And what was damaged is whole again.
    await run(repository, state);
    t.deepEqual(repository.askedFor(), ['4.root', 'timestamp']);
  }
});

test('a root of another repository among what is kept is ignored', async (t) => {
  const repository = rotated();
  const foreign = new TufRepository();
  for (let version = 2; version <= 9; version += 1) foreign.publish('root');
  const state = new OpenState();
  state.files.set('root.json', foreign.rootBytes(9));
  state.files.set('2.root.json', foreign.rootBytes(2));
  t.is((await run(repository, state)).root.signed.version, 3);
  t.true(Buffer.from(repository.rootBytes(3)).equals(state.files.get('root.json') ?? Buffer.of()));
});

test('a kept root below that of the factory is ignored', async (t) => {
  const repository = rotated();
  const state = new OpenState();
  await run(repository, state);
  state.files.set('root.json', repository.rootBytes(1));
  t.is((await run(repository, state, 3)).root.signed.version, 3);
});

test('a kept root under the name of another version is ignored', async (t) => {
  const repository = rotated();
  const state = new OpenState();
  for (const version of [1, 3]) {
    state.files.set('2.root.json', repository.rootBytes(version));
    t.is((await run(repository, state)).root.signed.version, 3);
    state.files.delete('root.json');
  }
});

test('a device with an older factory root than its state goes on from the state', async (t) => {
  const repository = new TufRepository();
  for (let version = 2; version <= 6; version += 1) repository.publish('root');
  const state = new OpenState();
  await run(repository, state, 5);
  repository.askedFor();
  t.is((await run(repository, state, 2)).root.signed.version, 6);
  t.deepEqual(repository.askedFor(), ['7.root', 'timestamp']);
});

test('kept metadata of another repository is as good as none', async (t) => {
  const foreign = rotated();
  const state = new OpenState();
  await run(foreign, state);
  const repository = new TufRepository();
  const { timestamp } = await run(repository, state);
  t.is(timestamp.signed.version, 1);
  const kept = JSON.parse(Buffer.from(state.files.get('timestamp.json') ?? []).toString());
  t.deepEqual(kept.signatures, timestamp.toJSON().signatures);
});

test('kept metadata of the version that is announced, but with another hash, is not used', async (t) => {
  for (const role of ['snapshot', 'targets']) {
    const repository = new TufRepository();
    const device = new TufDevice(repository);
    await device.refresh();
    // Two of one version, both with the right signatures: only one of them is announced.
    const signed = repository.signed.get(role) as Signed;
    signed.more = 'other';
    repository.store(role, repository.envelope(role));
    if (role === 'targets') repository.publish('snapshot');
    repository.publish('timestamp');
    const trusted = await device.refresh();
    t.is((role === 'targets' ? trusted.targets : trusted.snapshot).signed.unrecognizedFields.more, 'other');
  }
});

test('of two copies the newer counts, whichever is torn', async (t) => {
  const repository = new TufRepository();
  const old = repository.objects.get('metadata/timestamp.json') as Uint8Array;
  repository.publish('timestamp');
  const current = repository.objects.get('metadata/timestamp.json') as Uint8Array;
  for (const copies of [
    [current, old],
    [old, current],
    [current, Buffer.from('{')],
    [Buffer.from(''), current],
  ]) {
    const state = new OpenState();
    state.read = async (name) => (name === 'timestamp.json' ? copies : []);
    repository.objects.set('metadata/timestamp.json', old);
    await throwsSilt(t, () => run(repository, state), 'TRUST_ROLLBACK');
  }
});

test('new keys of timestamp or snapshot remove what is kept of both before the new root is kept', async (t) => {
  for (const role of ['timestamp', 'snapshot']) {
    const repository = new TufRepository();
    const device = new TufDevice(repository);
    await device.refresh();
    repository.rotateKeys(role);
    repository.publish('root', 'snapshot', 'timestamp');
    const steps: string[] = [];
    const { state } = device;
    const { remove, write } = OpenState.prototype;
    state.remove = async (name) => {
      steps.push(`remove ${name}`);
      await remove.call(state, name);
    };
    state.write = async (name, bytes) => {
      steps.push(`write ${name}`);
      await write.call(state, name, bytes);
    };
    await device.refresh();
    t.deepEqual(steps.slice(0, 4), [
      'remove timestamp.json',
      'remove snapshot.json',
      'write 2.root.json',
      'write root.json',
    ]);
  }
});

test('a key added to timestamp takes nothing away: its versions still cannot go back', async (t) => {
  const repository = new TufRepository();
  const old = repository.objects.get('metadata/timestamp.json') as Uint8Array;
  const device = new TufDevice(repository);
  repository.publish('timestamp');
  await device.refresh();
  repository.addKey('timestamp');
  repository.publish('root');
  repository.objects.set('metadata/timestamp.json', old);
  await throwsSilt(t, () => device.refresh(), 'TRUST_ROLLBACK');
});

test('a role of any name is kept, and found again', async (t) => {
  for (const role of ['../../etc/x', '?', 'ä', '.', '..', 'a'.repeat(500), '%2F', 'con structor']) {
    const repository = new TufRepository();
    repository.delegate('targets', role);
    repository.addTarget(role, 'x', Buffer.from('x'));
    repository.publish(role, 'targets', 'snapshot', 'timestamp');
    const directory = await temporaryDirectory(t);
    const state = await openDeviceState(directory);
    for (let time = 0; time < 2; time += 1) {
      t.truthy(await (await run(repository, state)).findTarget('x'), role);
    }
    t.is(repository.askedFor().length, 5 + 2);
    t.is((await readdir(directory)).length, 4 * 2);
  }
});
