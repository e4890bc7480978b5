/**
 * Who may sign what, changed while devices read: each change is accepted at every moment, by those who have
 * seen all that went before and by those who have not.
 */
import test from 'ava';
import type { Store } from '../../../src/store/store.ts';
import type { Signer } from '../../../src/trust/keys/signer.ts';
import { changeRepository } from '../../../src/trust/ledger/change-repository.ts';
import {
  draftRenewal,
  draftRevocation,
  draftRoleKeys,
  roleNamed,
} from '../../../src/trust/ledger/draft-keys.ts';
import { keysOfRole } from '../../../src/trust/ledger/list-keys.ts';
import { readLive } from '../../../src/trust/ledger/live-metadata.ts';
import {
  encodeEnvelope,
  envelopeOf,
  partOf,
  revokedOf,
  unsigned,
} from '../../../src/trust/ledger/metadata-parts.ts';
import { renewOnline } from '../../../src/trust/ledger/renew-online.ts';
import { addSignatures } from '../../../src/trust/ledger/sign-envelope.ts';
import { refresh } from '../../../src/trust/tuf/client.ts';
import { type MetadataState, memoryState } from '../../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../../src/trust/tuf/tuf-releases.ts';
import {
  newRelease,
  type SignedRepository,
  signedRepository,
  testSigner,
} from '../../support/signed-repository.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { withBeforePut } from '../../support/with-before-put.ts';

const ROLES = ['root', 'targets', 'snapshot', 'timestamp', 'product-app'];

/** What a rotation writes; some write less. */
const WRITES = [/product-app\.json$/, /targets\.json$/, /snapshot\.json$/, /timestamp\.json$/, /root\.json$/];

/** Replaces the keys of a role, by one new key. */
function rotate(
  repository: SignedRepository,
  role: string,
  {
    store,
    signers,
    key = testSigner(`new ${role}`),
  }: { store?: Store; signers?: readonly Signer[]; key?: Signer } = {},
): Promise<void> {
  const access = repository.access([...(signers ?? repository.allSigners()), key], store);
  const next = { keyIds: [key.publicKey.keyId], threshold: 1 };
  return changeRepository(access, (live) => draftRoleKeys(live, role, [key.publicKey], () => next));
}

function latest(repository: SignedRepository, state: MetadataState = memoryState()) {
  const { store, root, now } = repository;
  return openTufReleases({ store, factoryRoot: root, state, now }).find('app', { latest: true });
}

for (const role of ROLES) {
  test(`rotating the keys of ${role} is accepted by every client at every moment`, async (t) => {
    const repository = await signedRepository(t, { keys: { root: [3, 2] } });
    await repository.ledger().add(newRelease('1.0'));
    const seen = memoryState();
    const look = async () => {
      t.is((await latest(repository)).version, '1.0');
      t.is((await latest(repository, seen)).version, '1.0');
    };
    await look();
    const key = testSigner('new');
    await rotate(repository, role, { key, store: withBeforePut(repository.store, look) });
    await look();
    t.deepEqual(keysOfRole(await readLive(repository.access()), role)?.keyids, [key.publicKey.keyId]);
    const old = repository.signers.get(role) ?? [];
    const others = repository.allSigners().filter((signer) => !old.includes(signer));
    repository.signers.set(role, [key]);
    await repository.ledger([...others, key]).add(newRelease('1.1'));
    t.is((await latest(repository, seen)).version, '1.1');
    t.is((await latest(repository)).version, '1.1');
  });

  test(`a publisher killed at any write while it rotates ${role} is followed by others`, async (t) => {
    const repository = await signedRepository(t);
    await repository.ledger().add(newRelease('1.0'));
    const seen = memoryState();
    for (const [at, object] of WRITES.entries()) {
      const key = testSigner(`new ${at}`);
      const dying = withBeforePut(repository.store, (name) => {
        if (object.test(name)) throw new Error('killed');
      });
      const old = repository.signers.get(role) ?? [];
      await rotate(repository, role, { key, store: dying }).catch((error: Error) =>
        t.is(error.message, 'killed'),
      );
      repository.signers.set(role, [...old, key]);
      await repository.ledger().add(newRelease(`2.${at}`));
      t.is((await latest(repository, seen)).version, `2.${at}`);
      t.is((await latest(repository)).version, `2.${at}`);
    }
  });
}

test('an online key that is lost can be replaced, and what a killed publisher left then is finished by the next', async (t) => {
  for (const role of ['snapshot', 'timestamp']) {
    const repository = await signedRepository(t);
    await repository.ledger().add(newRelease('1.0'));
    const seen = memoryState();
    await latest(repository, seen);
    repository.signers.set(role, []);
    const key = testSigner('new');
    const dying = withBeforePut(repository.store, (object) => {
      if (object === 'metadata/timestamp.json') throw new Error('killed');
    });
    await t.throwsAsync(rotate(repository, role, { key, store: dying }), { message: 'killed' });
    repository.signers.set(role, [key]);
    await throwsSilt(t, () => latest(repository), 'TRUST_UNKNOWN_KEY');
    await repository.ledger().add(newRelease('1.1'));
    t.is((await latest(repository)).version, '1.1');
    t.is((await latest(repository, seen)).version, '1.1');
  }
});

test('versions that a thief of the timestamp key has driven up begin anew when the key is rotated', async (t) => {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1.0'));
  const { trusted, root } = await readLive(repository.access());
  const part = { ...partOf(trusted.timestamp), version: 2 ** 52 };
  const signer = repository.signers.get('timestamp') ?? [];
  const ring = {
    role: 'timestamp',
    keys: root.signed.keys,
    keyIds: signer.map((key) => key.publicKey.keyId),
    threshold: 1,
  };
  const forged = await addSignatures(unsigned(part), [ring], signer);
  const { store } = repository;
  await store.putIfMatch(
    'metadata/timestamp.json',
    encodeEnvelope('timestamp', forged),
    trusted.timestampEtag,
  );
  const seen = memoryState();
  await latest(repository, seen);
  await rotate(repository, 'timestamp');
  t.is((await latest(repository, seen)).version, '1.0');
  t.is((await readLive(repository.access())).trusted.timestamp.signed.version, 1);
});

test('a key that is revoked signs nothing any more, is remembered, and cannot come back', async (t) => {
  const repository = await signedRepository(t, { keys: { 'product-app': [2, 1], targets: [2, 1] } });
  await repository.ledger().add(newRelease('1.0'));
  const revoke = (keyId: string) =>
    changeRepository(repository.access(), (live) => draftRevocation(live, keyId));
  for (const role of ['product-app', 'targets']) {
    const [lost, kept] = (repository.signers.get(role) ?? []).map(({ publicKey }) => publicKey);
    await revoke(lost?.keyId ?? '');
    const live = await readLive(repository.access());
    t.deepEqual(keysOfRole(live, role)?.keyids, [kept?.keyId ?? '']);
    t.true(revokedOf(partOf(live.root)).includes(lost?.keyId ?? ''));
    t.is((await latest(repository)).version, '1.0');
    const all = [lost, kept].flatMap((key) => key ?? []);
    const back = () =>
      changeRepository(repository.access(), (before) =>
        draftRoleKeys(before, role, all, () => ({ keyIds: all.map(({ keyId }) => keyId), threshold: 1 })),
      );
    t.regex((await throwsSilt(t, back, 'USAGE')).message, /was revoked/);
    const version = live.root.signed.version;
    await revoke(lost?.keyId ?? '');
    t.is((await readLive(repository.access())).root.signed.version, version, 'twice changes nothing');
    const last = await throwsSilt(t, () => revoke(kept?.keyId ?? ''), 'USAGE');
    t.regex(last.message, /0 keys and need 1/);
  }
});

test('a product begins when it is delegated, and its archive follows its keys', async (t) => {
  const repository = await signedRepository(t, { products: [] });
  const key = testSigner('app', 'ecdsa');
  await rotate(repository, 'product-app', { key });
  repository.signers.set('product-app', [key]);
  for (let at = 1; at <= 18; at += 1) await repository.ledger().add(newRelease(`${at}.0`));
  const next = testSigner('next');
  await rotate(repository, 'product-app', { key: next });
  repository.signers.set('product-app', [next]);
  const { store, root, now } = repository;
  const releases = openTufReleases({ store, factoryRoot: root, state: memoryState(), now });
  t.is((await releases.find('app', { version: '1.0' })).counter, 1);
  await repository.ledger().add(newRelease('19.0'));
});

test('a role is signed anew with the keys it has', async (t) => {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1.0'));
  for (const role of ROLES) {
    const before = await expiries(repository);
    repository.clock = new Date(repository.clock.getTime() + 86_400_000);
    const { root } = await readLive(repository.access());
    await changeRepository(repository.access(), (live) => draftRenewal(live, role, root.signed.version));
    const after = await expiries(repository);
    t.true((after[role] ?? '') > (before[role] ?? ''), role);
    t.is((await latest(repository)).version, '1.0');
  }
});

test('renewing signs the timestamp, and the snapshot when half of its life is over', async (t) => {
  const repository = await signedRepository(t, { lifetimes: { targets: 40 } });
  const online = ['snapshot', 'timestamp'].flatMap((role) => repository.signers.get(role) ?? []);
  const versions = async (days: number) => {
    repository.clock = new Date(repository.clock.getTime() + days * 86_400_000);
    const { timestamp, snapshot, expiring } = await renewOnline(repository.access(online));
    return [timestamp.version, snapshot.version, ...expiring.map(({ role }) => role)];
  };
  t.deepEqual(await versions(5), [2, 1]);
  t.deepEqual(await versions(9), [3, 1, 'targets'], 'what is elsewhere is told of in time');
  t.deepEqual(await versions(2), [4, 2, 'targets']);
  const only = repository.access(repository.signers.get('timestamp') ?? []);
  t.is((await renewOnline(only)).timestamp.version, 5, 'the key of the timestamp is enough while it lasts');
});

test('thresholds of several keys are asked of root, both before and after', async (t) => {
  const repository = await signedRepository(t, { keys: { root: [3, 2] } });
  const [first, second] = repository.signers.get('root') ?? [];
  const others = repository
    .allSigners()
    .filter((signer) => !repository.signers.get('root')?.includes(signer));
  const key = testSigner('new');
  const lacking = await throwsSilt(
    t,
    () => rotate(repository, 'root', { signers: [...others, ...(first ? [first] : [])], key }),
    'SIGNATURES_MISSING',
  );
  t.regex(lacking.message, /root lacks 1 more/);
  await rotate(repository, 'root', {
    signers: [...others, ...(first && second ? [first, second] : [])],
    key,
  });
  t.is((await readLive(repository.access())).root.signed.version, 2);
});

test('two publishers who change the root at once leave one history', async (t) => {
  const repository = await signedRepository(t);
  const [one, two] = [testSigner('one'), testSigner('two')];
  const add = (key: Signer) => {
    const access = repository.access([...repository.allSigners(), key]);
    return changeRepository(access, (live) =>
      draftRoleKeys(live, 'timestamp', [key.publicKey], (now) => ({
        keyIds: [...new Set([...now.keyids, key.publicKey.keyId])],
        threshold: 1,
      })),
    );
  };
  await Promise.all([add(one), add(two)]);
  const live = await readLive(repository.access());
  t.is(live.root.signed.version, 3);
  t.is(keysOfRole(live, 'timestamp')?.keyids.length, 3);
  const { store, root, now } = repository;
  await t.notThrowsAsync(refresh({ store, factoryRoot: root, state: memoryState(), now }));
});

test('roles are named as people write them', async (t) => {
  t.is(roleNamed('timestamp'), 'timestamp');
  t.is(roleNamed('product:app'), 'product-app');
  for (const wrong of ['', 'mirror', 'product:', 'product:../x', 'archive-app']) {
    await throwsSilt(t, async () => roleNamed(wrong), 'USAGE');
  }
});

async function expiries(repository: SignedRepository): Promise<Record<string, string>> {
  const { trusted, root } = await readLive(repository.access());
  const product = await trusted.delegated('product-app');
  const files = { root, targets: trusted.targets, snapshot: trusted.snapshot, timestamp: trusted.timestamp };
  return Object.fromEntries([
    ...Object.entries(files).map(([role, file]) => [role, String(envelopeOf(file).signed.expires)]),
    ['product-app', product?.signed.expires ?? ''],
  ]);
}
