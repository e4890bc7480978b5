/**
 * Stages: a change is made on one machine, signed on others, and goes live on a third.
 */
import { readdir } from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import { sha256Hex } from '../../../src/core/digest.ts';
import { isSiltError } from '../../../src/core/errors.ts';
import { canonicalJson, type Json } from '../../../src/format/canonical-json.ts';
import type { Signer } from '../../../src/trust/keys/signer.ts';
import { draftRoleKeys } from '../../../src/trust/ledger/draft-keys.ts';
import { readLive } from '../../../src/trust/ledger/live-metadata.ts';
import { makeStage } from '../../../src/trust/ledger/make-stage.ts';
import { type ReleaseStageOptions, releaseStage } from '../../../src/trust/ledger/release-stage.ts';
import { missingSignatures, signStage } from '../../../src/trust/ledger/sign-stage.ts';
import { decodeStage, encodeStage, type Stage } from '../../../src/trust/ledger/stage.ts';
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

/** The staged release of `version`, made with `signers`, as it would be on disk. */
async function staged(
  { store, root, now }: SignedRepository,
  signers: readonly Signer[],
  version = '1.0',
): Promise<Stage> {
  let bytes: Uint8Array = new Uint8Array();
  const stage = async (made: Stage) => {
    bytes = encodeStage(made);
  };
  await openTufLedger(store, { root, signers, now, stage }).add(newRelease(version), { channel: 'stable' });
  return decodeStage(bytes);
}

const copied = (stage: Stage): Stage => decodeStage(encodeStage(stage));

function of({ signers }: SignedRepository, ...roles: string[]): Signer[] {
  return roles.flatMap((role) => signers.get(role) ?? []);
}

function release(
  repository: SignedRepository,
  stage: Stage,
  options: Partial<ReleaseStageOptions> = {},
): Promise<void> {
  const { store, root, now } = repository;
  return releaseStage(store, stage, {
    root,
    signers: of(repository, 'snapshot', 'timestamp'),
    now,
    ...options,
  });
}

function latest({ store, root, now }: SignedRepository) {
  return openTufReleases({ store, factoryRoot: root, state: memoryState(), now }).find('app', {
    latest: true,
  });
}

test('a release is staged, signed elsewhere by one after another, and goes live', async (t) => {
  const repository = await signedRepository(t, { keys: { 'product-app': [3, 2] } });
  const [one, two] = of(repository, 'product-app') as [Signer, Signer];
  const before = await readdir(repository.directory, { recursive: true });
  const stage = await staged(repository, []);
  t.deepEqual(await readdir(repository.directory, { recursive: true }), before, 'nothing is stored');
  t.is(stage.release?.manifest.version, '1.0');
  t.deepEqual(
    missingSignatures(stage).map(({ role, count, keyIds }) => [role, count, keyIds.length]),
    [['product-app', 2, 3]],
  );
  await throwsSilt(t, () => release(repository, stage), 'SIGNATURES_MISSING');
  const { root } = repository;
  const half = copied(await signStage(stage, [one, testSigner('stranger')], { root }));
  t.is(missingSignatures(half)[0]?.count, 1);
  const lacking = await throwsSilt(t, () => release(repository, half), 'SIGNATURES_MISSING');
  t.regex(lacking.message, /product-app lacks 1 more/);
  const whole = copied(await signStage(half, [two], { root }));
  t.deepEqual(missingSignatures(whole), []);
  await throwsSilt(t, () => release(repository, whole, { signers: [] }), 'SIGNATURES_MISSING');
  t.deepEqual(await readdir(repository.directory, { recursive: true }), before);
  await release(repository, whole);
  t.is((await latest(repository)).version, '1.0');
});

test('signatures that the keys of the releaser can make need not be in the stage', async (t) => {
  const repository = await signedRepository(t);
  await release(repository, await staged(repository, []), { signers: repository.allSigners() });
  t.is((await latest(repository)).version, '1.0');
});

test('a stage whose repository has changed since is to be made again', async (t) => {
  const repository = await signedRepository(t, { products: ['app', 'other'] });
  const stage = await staged(repository, of(repository, 'product-app'));
  await repository.ledger().add(newRelease('1.0', 'other'));
  await release(repository, stage);
  t.is((await latest(repository)).version, '1.0', 'what others publish does not matter');
  const late = await staged(repository, of(repository, 'product-app'), '1.1');
  await repository.ledger().add(newRelease('1.2'));
  const error = await throwsSilt(t, () => release(repository, late), 'CONFLICT');
  t.regex(error.message, /stage the change again/);
  t.is((await latest(repository)).version, '1.2');
});

test('a stage is not released twice, but one whose releaser was killed is released by the next', async (t) => {
  const repository = await signedRepository(t);
  const stage = await staged(repository, of(repository, 'product-app'));
  const { store } = repository;
  const dying = { ...store, get: store.get, putIfMatch: () => Promise.reject(new Error('killed')) };
  const options = {
    root: repository.root,
    signers: of(repository, 'snapshot', 'timestamp'),
    now: repository.now,
  };
  const reading = {
    location: store.location,
    get: store.get.bind(store),
    putIfAbsent: store.putIfAbsent.bind(store),
  };
  await t.throwsAsync(releaseStage({ ...reading, putIfMatch: dying.putIfMatch }, stage, options), {
    message: 'killed',
  });
  await release(repository, stage);
  t.is((await latest(repository)).version, '1.0');
  await throwsSilt(t, () => release(repository, stage), 'CONFLICT');
});

test('a version that a killed publisher has stored is passed over by a stage', async (t) => {
  const repository = await signedRepository(t);
  await repository.store.putIfAbsent('metadata/2.product-app.json', Buffer.from('{}'));
  const stage = await staged(repository, of(repository, 'product-app'));
  t.is(stage.roles[0]?.metadata.signed.version, 3);
  await release(repository, stage);
  t.is((await latest(repository)).version, '1.0');
});

test('a stage that has waited longer than its metadata lives is refused', async (t) => {
  const repository = await signedRepository(t, { lifetimes: { product: 10, timestamp: 100 } });
  const stage = await staged(repository, of(repository, 'product-app'));
  repository.clock = new Date(repository.clock.getTime() + 11 * 86_400_000);
  await throwsSilt(t, () => release(repository, stage), 'TRUST_EXPIRED');
});

test('a CMS signature that a stage carries is stored beside the manifest', async (t) => {
  const repository = await signedRepository(t);
  const stage = await staged(repository, of(repository, 'product-app'));
  const signed = stage.release && {
    ...stage,
    release: { ...stage.release, cms: Buffer.from('a signature') },
  };
  await release(repository, copied(signed ?? stage));
  const object = await repository.store.get(cmsKey(stage.release?.key ?? ''), { maxBytes: 100 });
  t.is(Buffer.from(object?.bytes ?? []).toString(), 'a signature');
});

test('a new root is staged and signed by holders of old and new keys', async (t) => {
  const repository = await signedRepository(t, { keys: { root: [2, 2] } });
  await repository.ledger().add(newRelease('1.0'));
  const [one, two] = of(repository, 'root') as [Signer, Signer];
  const next = testSigner('next');
  const access = repository.access(of(repository, 'snapshot', 'timestamp'));
  const live = await readLive(access);
  const keys = { keyIds: [one.publicKey.keyId, next.publicKey.keyId], threshold: 2 };
  const draft = await draftRoleKeys(live, 'root', [next.publicKey], () => keys);
  let stage = copied(await makeStage(access, live, draft ?? {}));
  for (const signer of [one, two, next]) {
    t.true(missingSignatures(stage).length > 0);
    await throwsSilt(t, () => release(repository, stage), 'SIGNATURES_MISSING');
    stage = copied(await signStage(stage, [signer], { root: repository.root, only: ['root'] }));
  }
  await release(repository, stage);
  t.is((await readLive(repository.access())).root.signed.version, 2);
  t.is((await latest(repository)).version, '1.0');
});

test('a stage is signed only by those whose root it follows', async (t) => {
  const repository = await signedRepository(t);
  const other = await signedRepository(t);
  const stage = await staged(repository, []);
  const signers = of(repository, 'product-app');
  await throwsSilt(t, () => signStage(stage, signers, { root: other.root }), 'TRUST_MISMATCH');
  await throwsSilt(t, () => signStage(stage, signers), 'USAGE');
  const base = stage.base ?? t.fail();
  const forged = { ...stage, base: base && { ...base, targets: { ...base.targets, signatures: [] } } };
  await throwsSilt(
    t,
    () => signStage(forged as Stage, signers, { root: repository.root }),
    'TRUST_THRESHOLD',
  );
});

test('a stage is refused when its parts do not fit together', async (t) => {
  const repository = await signedRepository(t);
  const stage = JSON.parse(Buffer.from(encodeStage(await staged(repository, []))).toString());
  const manifest = JSON.parse(Buffer.from(stage.manifest, 'base64').toString());
  const changed = (members: object): Uint8Array =>
    Buffer.from(canonicalJson({ ...stage, ...members } as Json));
  const manifestOf = (members: object) =>
    changed({ manifest: Buffer.from(canonicalJson({ ...manifest, ...members })).toString('base64') });
  const cases = [
    [manifestOf({ counter: 7 }), 'MANIFEST_ALTERED'],
    [manifestOf({ version: '6.6.6' }), 'MANIFEST_SWAPPED'],
    [manifestOf({ product: 'other' }), 'MANIFEST_SWAPPED'],
    [changed({ roles: [] }), 'FORMAT_INVALID'],
    [changed({ roles: [...stage.roles, ...stage.roles] }), 'FORMAT_INVALID'],
    [changed({ roles: [{ ...stage.roles[0], role: 'snapshot' }] }), 'FORMAT_INVALID'],
    [changed({ roles: [{ ...stage.roles[0], role: 'root' }] }), 'TRUST_MALFORMED'],
    [changed({ roles: [{ ...stage.roles[0], role: 'product-\u001b[2J' }] }), 'FORMAT_INVALID'],
    [changed({ formatVersion: 2 }), 'FORMAT_UNSUPPORTED'],
    [changed({ manifest: '***' }), 'FORMAT_INVALID'],
    [Buffer.from('{'), 'FORMAT_INVALID'],
  ] as const;
  for (const [bytes, code] of cases) await throwsSilt(t, async () => decodeStage(bytes), code);
  t.is(sha256Hex(encodeStage(decodeStage(changed({})))), sha256Hex(changed({})), 'as it is it is accepted');
});

test('a staged role that nobody delegates is not signed', async (t) => {
  const repository = await signedRepository(t);
  const stage = await staged(repository, []);
  const [role] = stage.roles;
  const foreign = { ...stage, roles: [{ ...(role as Stage['roles'][number]), role: 'product-other' }] };
  await throwsSilt(
    t,
    () => signStage(foreign, of(repository, 'product-app'), { root: repository.root }),
    'TRUST_NO_DELEGATION',
  );
});

test('the stage of a new repository goes into an empty place only', async (t) => {
  const repository = await signedRepository(t);
  const { stageFirstMetadata } = await import('../../../src/trust/ledger/first-metadata.ts');
  const signer = testSigner('all');
  const own = { keys: [signer.publicKey], threshold: 1 };
  const roles = { root: own, targets: own, snapshot: own, timestamp: own };
  const stage = await stageFirstMetadata(
    { roles, products: new Map() },
    { signers: [signer], now: repository.now },
  );
  await throwsSilt(t, () => release(repository, copied(stage), { signers: [signer] }), 'CONFLICT');
});

test('a damaged stage is refused with an error that says so, or means the same', async (t) => {
  const repository = await signedRepository(t);
  const stage = await staged(repository, []);
  const bytes = encodeStage(stage);
  const { root } = repository;
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const damaged = Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ flip : byte));
      try {
        const read = decodeStage(damaged);
        await signStage(read, of(repository, 'product-app'), { root });
        t.deepEqual(read.release?.bytes, stage.release?.bytes);
      } catch (error) {
        t.true(isSiltError(error), String(error));
      }
    }),
    { numRuns: 150, seed: 5 },
  );
});
