/** Releases whose manifests need a CMS signature: with TUF underneath, and for a fleet that trusts its PKI alone. */
import test, { type ExecutionContext } from 'ava';
import { openDirectoryStore } from '../../../src/store/directory.ts';
import { cmsKey, type MetadataReader, type NewRelease } from '../../../src/trust/releases.ts';
import { type MetadataState, memoryState } from '../../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../../src/trust/tuf/tuf-releases.ts';
import { openLedger } from '../../../src/trust/unsigned-releases.ts';
import { withCms } from '../../../src/trust/x509/with-cms.ts';
import { listX509Products, openX509Releases } from '../../../src/trust/x509/x509-releases.ts';
import { newRelease, SIGNED_TIME, signedRepository } from '../../support/signed-repository.ts';
import { policy, signedBy, signer, signerAs, stranger } from '../../support/signing-fleet.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { days, type Party, TODAY } from '../../support/test-pki.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const signing = (party: Party) => ({ signManifest: (bytes: Uint8Array) => signedBy(party, bytes) });
const release = (version: string, created = SIGNED_TIME): NewRelease => ({
  ...newRelease(version),
  created: created.toISOString(),
});

/** An unsigned repository, and every key that was asked for. */
async function unsigned(t: ExecutionContext<unknown>) {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const asked: string[] = [];
  const reader: MetadataReader = {
    location: store.location,
    get(key, options) {
      asked.push(key);
      return store.get(key, options);
    },
  };
  return { store, reader, asked, ledger: openLedger(store) };
}

const at = (time: Date, state: MetadataState = memoryState()) => ({ now: () => time, state });

test('with the PKI alone, a signed release of an unsigned repository is trusted', async (t) => {
  const { reader, ledger } = await unsigned(t);
  await ledger.add(release('1'), { channel: 'stable', ...signing(signer) });
  const releases = openX509Releases(reader, policy, at(TODAY));
  const found = await releases.open('app', { channel: 'stable' });
  t.is(found.manifest.version, '1');
  t.is(found.time, undefined);
  t.is((await releases.find('app', { latest: true })).version, '1');
  t.deepEqual(
    (await listX509Products(reader)).map(({ product }) => product),
    ['app'],
  );
});

test('refused: a release without a CMS signature', async (t) => {
  const { reader, ledger } = await unsigned(t);
  await ledger.add(release('1'));
  const releases = openX509Releases(reader, policy, at(TODAY));
  const error = await throwsSilt(t, () => releases.find('app', { version: '1' }), 'CMS_MISSING');
  t.regex(error.message, /expected a CMS signature of app 1/);
});

test('refused: a release that a stranger has signed', async (t) => {
  const { reader, ledger } = await unsigned(t);
  await ledger.add(release('1'), signing(stranger));
  const releases = openX509Releases(reader, policy, at(TODAY));
  await throwsSilt(t, () => releases.find('app', { version: '1' }), 'CERT_UNTRUSTED');
});

test('refused: the signed manifest of another product in its place', async (t) => {
  const { reader, ledger } = await unsigned(t);
  await ledger.add({ ...release('1'), product: 'other' }, signing(signer));
  t.is((await openX509Releases(reader, policy, at(TODAY)).find('other', { version: '1' })).product, 'other');
  // A table of contents that calls the product by another name.
  const swapped: MetadataReader = {
    location: reader.location,
    async get(key, options) {
      const object = await reader.get(key.replace('targets/app/', 'targets/other/'), options);
      if (object === undefined || !key.endsWith('timestamp.json')) return object;
      return { bytes: Buffer.from(Buffer.from(object.bytes).toString().replace('"other"', '"app"')) };
    },
  };
  const releases = openX509Releases(swapped, policy, at(TODAY));
  const error = await throwsSilt(t, () => releases.find('app', { version: '1' }), 'TRUST_FAILED');
  t.regex(error.message, /describes other 1 instead/);
});

test('nothing new asks for no signature again, and a new release for one', async (t) => {
  const { reader, asked, ledger } = await unsigned(t);
  await ledger.add(release('1'), signing(signer));
  const state = memoryState();
  const look = () => openX509Releases(reader, policy, at(TODAY, state)).open('app', { latest: true });
  const { key } = await look();
  t.true(asked.includes(cmsKey(key)));
  asked.length = 0;
  await look();
  t.deepEqual(
    asked.filter((one) => one.endsWith('.p7s')),
    [],
  );
  await ledger.add(release('2'), signing(signer));
  t.is((await look()).manifest.version, '2');
  t.is(asked.filter((one) => one.endsWith('.p7s')).length, 1);
});

test('a torn copy of the kept signature is asked for again', async (t) => {
  const { reader, asked, ledger } = await unsigned(t);
  await ledger.add(release('1'), signing(signer));
  const state = memoryState();
  await state.write('manifest-app.p7s', new Uint8Array());
  await openX509Releases(reader, policy, at(TODAY, state)).find('app', { latest: true });
  t.is(asked.filter((one) => one.endsWith('.p7s')).length, 1);
});

test('a clock of 1970 goes on from the newest release that was verified, also past the end of a certificate', async (t) => {
  const { reader, ledger } = await unsigned(t);
  const old = await signerAs({ name: 'Old', to: days(-90) });
  await ledger.add(release('1', days(-95)), signing(old));
  await ledger.add(release('2', days(-1)), signing(signer));
  const state = memoryState();
  const in1970 = () => openX509Releases(reader, policy, at(new Date(0), state));
  await throwsSilt(t, () => in1970().find('app', { version: '2' }), 'CERT_NOT_YET_VALID');
  await openX509Releases(reader, policy, at(TODAY, state)).find('app', { version: '2' });
  t.is((await in1970().find('app', { version: '2' })).version, '2');
  await throwsSilt(t, () => in1970().find('app', { version: '1' }), 'CERT_EXPIRED');
});

test('a release that says it was made in 2100 does not take the device there', async (t) => {
  const { reader, ledger } = await unsigned(t);
  await ledger.add(release('1', new Date('2100-01-01')), signing(signer));
  await ledger.add(release('2'), signing(signer));
  const releases = openX509Releases(reader, policy, at(TODAY));
  await releases.find('app', { version: '1' });
  t.is((await releases.find('app', { version: '2' })).version, '2');
});

test('what is kept of the time may be damaged', async (t) => {
  const { reader, ledger } = await unsigned(t);
  await ledger.add(release('1'), signing(signer));
  for (const bytes of [
    '',
    '{',
    '{"created":"soon"}',
    '{"created":7}',
    'null',
    '{"__proto__":{"created":"2100"}}',
  ]) {
    const state = memoryState();
    await state.write('x509-time.json', Buffer.from(bytes));
    t.is(
      (await openX509Releases(reader, policy, at(TODAY, state)).find('app', { latest: true })).version,
      '1',
    );
  }
});

test('with TUF and the PKI both must hold, and certificates go by the time of TUF', async (t) => {
  const repository = await signedRepository(t);
  const { store, root, now } = repository;
  await repository.ledger().add(newRelease('1'), signing(signer));
  await repository.ledger().add(newRelease('2'));
  const releases = openTufReleases({ store, state: memoryState(), factoryRoot: root, now });
  const late = { now: () => new Date('2100-01-01') };
  const both = withCms(releases, store, policy, late);
  const found = await both.open('app', { version: '1' });
  t.deepEqual(found.time, SIGNED_TIME);
  await throwsSilt(t, () => both.find('app', { version: '2' }), 'CMS_MISSING');
  t.is((await releases.find('app', { version: '2' })).version, '2');
});

test('with the PKI alone, TUF metadata is a table of contents: expired, of any root, and not kept', async (t) => {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1'), { channel: 'stable', ...signing(signer) });
  await repository.ledger().point('app', 'stable', '1');
  const state = memoryState();
  const written: string[] = [];
  const watched: MetadataState = {
    ...state,
    write(name, bytes) {
      written.push(name);
      return state.write(name, bytes);
    },
  };
  const releases = openX509Releases(repository.store, policy, at(TODAY, watched));
  const found = await releases.open('app', { channel: 'stable' });
  t.is(found.manifest.version, '1');
  // Its time is not signed by anybody whom the device trusts.
  t.is(found.time, undefined);
  t.deepEqual(written.sort(), ['manifest-app.p7s', 'x509-time.json']);
  t.deepEqual(
    (await listX509Products(repository.store)).map(({ product }) => product),
    ['app'],
  );
});

test('with the PKI alone, only the signed manifest allows a downgrade', async (t) => {
  const repository = await signedRepository(t);
  const ledger = repository.ledger();
  await ledger.add(newRelease('1'), signing(signer));
  await ledger.add(newRelease('2'), signing(signer));
  await ledger.point('app', 'stable', '1', { allowDowngradeFrom: ['2'] });
  const { store, root, now } = repository;
  const tuf = openTufReleases({ store, state: memoryState(), factoryRoot: root, now });
  t.deepEqual((await tuf.open('app', { channel: 'stable' })).allowDowngradeFrom, [2]);
  const alone = openX509Releases(store, policy, at(TODAY));
  t.deepEqual((await alone.open('app', { channel: 'stable' })).allowDowngradeFrom, []);
});

test('a place without any repository says so', async (t) => {
  const { reader } = await unsigned(t);
  const releases = openX509Releases(reader, policy, at(TODAY));
  await throwsSilt(t, () => releases.find('app', { latest: true }), 'NOT_A_REPOSITORY');
});
