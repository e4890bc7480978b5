/**
 * Repositories that our ledger makes, read by tuf-js and python-tuf: after each step of a repository's life, by
 * clients that saw the steps before and by new ones.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { PublicKey, Signer } from '../../../src/trust/keys/signer.ts';
import { changeRepository } from '../../../src/trust/ledger/change-repository.ts';
import { draftRenewal, draftRevocation, draftRoleKeys } from '../../../src/trust/ledger/draft-keys.ts';
import { findPythonTuf, NO_PYTHON_TUF } from '../../support/python-tuf.ts';
import {
  newRelease,
  type SignedRepository,
  signedRepository,
  testSigner,
} from '../../support/signed-repository.ts';
import { type Opinions, tufOpinions } from '../../support/tuf-opinions.ts';
import { sha256 } from '../../support/tuf-repository.ts';

// The others have no clock but the machine's, so what is signed in the past must hold for long.
const lifetimes = { root: 36_500, targets: 36_500, product: 36_500, snapshot: 36_500, timestamp: 36_500 };

interface World {
  readonly repository: SignedRepository;
  /** Who saw every step. */
  readonly old: Opinions;
  /** SHA-256 of every manifest, by target path. */
  readonly manifests: Record<string, string>;
}

async function world(
  t: ExecutionContext,
  options: Parameters<typeof signedRepository>[1] = {},
): Promise<World> {
  const repository = await signedRepository(t, { lifetimes, ...options });
  const old = await tufOpinions(t, repository.directory, repository.root);
  return { repository, old, manifests: {} };
}

async function addRelease({ repository, manifests }: World, version: string, product = 'app'): Promise<void> {
  const ledger = repository.ledger();
  await ledger.add(newRelease(version, product));
  const { bytes } = await ledger.open(product, { version });
  manifests[`${product}/${version}.json`] = sha256(bytes);
}

/** Every client, old and new, reads every manifest. */
async function allRead(t: ExecutionContext, { repository, old, manifests }: World): Promise<void> {
  const paths = Object.keys(manifests);
  const targets = { ...manifests, 'app/none.json': null };
  const fresh = await tufOpinions(t, repository.directory, repository.root);
  for (const opinions of [old, fresh]) {
    const said = await opinions.ask(...paths, 'app/none.json');
    for (const [client, opinion] of Object.entries(said)) t.deepEqual(opinion, { targets }, client);
    t.true('tuf-js' in said);
  }
}

/** Gives the role these keys instead; they are at hand from now on, the old ones no more. */
async function rotate(
  { repository }: World,
  role: string,
  signers: readonly Signer[],
  threshold = 1,
): Promise<void> {
  const keys: readonly PublicKey[] = signers.map(({ publicKey }) => publicKey);
  const atHand = [...repository.allSigners(), ...signers];
  await changeRepository(repository.access(atHand), (live) =>
    draftRoleKeys(live, role, keys, () => ({ keyIds: keys.map(({ keyId }) => keyId), threshold })),
  );
  repository.signers.set(role, [...signers]);
}

// Absent here is worth a note, absent in CI is a failure.
if (findPythonTuf(process.env) === undefined) {
  if (process.env.CI === undefined) test.skip(`python-tuf reads what silt makes: ${NO_PYTHON_TUF}`, () => {});
  else test('python-tuf reads what silt makes', (t) => t.fail(NO_PYTHON_TUF));
}

test('others read a new repository, releases, an archive, channels and a second product', async (t) => {
  const scene = await world(t, { products: ['app', 'os'], keys: { root: [3, 2], 'product-app': [2, 2] } });
  await allRead(t, scene);
  await addRelease(scene, '1.0.0');
  await addRelease(scene, '5.0.0', 'os');
  await allRead(t, scene);
  await scene.repository.ledger().point('app', 'stable', '1.0.0');
  await allRead(t, scene);
  // The first ones move to the archive.
  for (let n = 1; n <= 17; n++) await addRelease(scene, `1.${n}.0+build~${n}`);
  await scene.repository
    .ledger()
    .point('app', 'stable', '1.1.0+build~1', { allowDowngradeFrom: ['1.5.0+build~5'] });
  await allRead(t, scene);
});

test('others follow rotated keys of every role, and a revoked key', async (t) => {
  const scene = await world(t);
  await addRelease(scene, '1.0.0');
  await allRead(t, scene);
  for (const role of ['timestamp', 'snapshot', 'targets', 'product-app']) {
    await rotate(scene, role, [testSigner(`${role}-new`, role === 'snapshot' ? 'ecdsa' : 'ed25519')]);
    await allRead(t, scene);
  }
  await rotate(scene, 'root', [testSigner('root-a'), testSigner('root-b', 'ecdsa'), testSigner('root-c')], 2);
  await allRead(t, scene);
  await addRelease(scene, '1.1.0');

  const [lost, ...left] = scene.repository.signers.get('root') as [Signer, ...Signer[]];
  await changeRepository(scene.repository.access(), (live) => draftRevocation(live, lost.publicKey.keyId));
  scene.repository.signers.set('root', left);
  await addRelease(scene, '1.2.0');
  await allRead(t, scene);

  await changeRepository(scene.repository.access(), renewalOnce('root'));
  await changeRepository(scene.repository.access(), renewalOnce('targets'));
  await allRead(t, scene);
});

/** A new life for the role, once. */
function renewalOnce(role: string): Parameters<typeof changeRepository>[1] {
  let done: number | undefined;
  return (live) => {
    done ??= live.root.signed.version;
    return draftRenewal(live, role, done);
  };
}

test('others refuse what is ours and was altered or has expired', async (t) => {
  const scene = await world(t);
  await addRelease(scene, '1.0.0');
  const { repository, old } = scene;
  const [path = '', digest = ''] = Object.entries(scene.manifests)[0] ?? [];
  const key = `targets/app/${digest}.1.0.0.json`;
  const bytes = await readFile(join(repository.directory, key));
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  await writeFile(join(repository.directory, key), bytes);
  for (const [client, opinion] of Object.entries(await old.ask(path))) t.true('refused' in opinion, client);

  const short = await signedRepository(t, { lifetimes: { ...lifetimes, timestamp: 1 } });
  const opinions = await tufOpinions(t, short.directory, short.root);
  for (const [client, opinion] of Object.entries(await opinions.ask())) {
    t.regex('refused' in opinion ? opinion.refused : '', /expired/i, client);
  }
});
