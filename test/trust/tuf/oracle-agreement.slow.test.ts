/**
 * Our client, tuf-js and python-tuf, asked about the same repositories: they read the same, and refuse the same.
 * The repositories are those of the simulator, so this also says that the simulator makes what it should.
 */
import test, { type ExecutionContext } from 'ava';
import { findPythonTuf, NO_PYTHON_TUF } from '../../support/python-tuf.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { type Opinions, tufOpinions, writeRepository } from '../../support/tuf-opinions.ts';
import {
  type Envelope,
  type RoleKeys,
  type Signed,
  sha256,
  TufRepository,
} from '../../support/tuf-repository.ts';
import { testKey } from '../../support/tuf-test-key.ts';

// The others have no clock but the machine's.
const now = new Date();
const ROLES = ['root', 'targets', 'snapshot', 'timestamp'];
const CONTENT = Buffer.from('content');
const rsa = testKey('rsa');

interface World {
  readonly repository: TufRepository;
  readonly opinions: Opinions;
  /** Writes what the simulator has now to where clients look. */
  publish(): Promise<void>;
}

async function world(t: ExecutionContext, repository: TufRepository): Promise<World> {
  const directory = await temporaryDirectory(t);
  let written = await writeRepository(repository, directory);
  const opinions = await tufOpinions(t, directory, repository.rootBytes(1));
  const publish = async (): Promise<void> => {
    written = await writeRepository(repository, directory, written);
  };
  return { repository, opinions, publish };
}

/** With a target of its own and a delegated one. */
function repositoryWith(options: ConstructorParameters<typeof TufRepository>[0] = {}): TufRepository {
  const repository = new TufRepository({ now, ...options });
  repository.addTarget('targets', 'own', CONTENT);
  repository.delegate('targets', 'product', { paths: ['product/*'], terminating: true });
  repository.addTarget('product', 'product/1.json', CONTENT);
  repository.publish('product', 'targets', 'snapshot', 'timestamp');
  return repository;
}

async function allRead(t: ExecutionContext, { opinions }: World, ...paths: readonly string[]): Promise<void> {
  const wanted = paths.length > 0 ? paths : ['own', 'product/1.json'];
  const found = await opinions.ask(...wanted, 'none', 'product/none');
  const targets = Object.fromEntries([
    ...wanted.map((path) => [path, sha256(CONTENT)]),
    ['none', null],
    ['product/none', null],
  ]);
  for (const [client, opinion] of Object.entries(found)) t.deepEqual(opinion, { targets }, client);
  t.true('silt' in found && 'tuf-js' in found);
}

/** Why the clients refuse, in the words of each. */
const EXPIRED = /expired/i;
const NOT_SIGNED = /signed by|UnsignedMetadata|signature/i;
const BACK = /BadVersion|TRUST_ROLLBACK|less than current/;
const ALTERED = /hash|digest|altered/i;

async function allRefuse(
  t: ExecutionContext,
  { opinions }: World,
  why: RegExp,
  ...paths: readonly string[]
): Promise<void> {
  const found = await opinions.ask(...paths);
  for (const [client, opinion] of Object.entries(found)) {
    t.regex('refused' in opinion ? opinion.refused : `${client} reads it`, why, client);
  }
}

// Absent here is worth a note, absent in CI is a failure.
if (findPythonTuf(process.env) === undefined) {
  if (process.env.CI === undefined) test.skip(`python-tuf has an opinion: ${NO_PYTHON_TUF}`, () => {});
  else test('python-tuf has an opinion', (t) => t.fail(NO_PYTHON_TUF));
}

test('all read what is right: any key, thresholds, hash prefixes, plain names', async (t) => {
  const keys = Object.fromEntries(ROLES.map((role) => [role, [testKey(), testKey('ecdsa'), rsa]]));
  const many = repositoryWith({ keys });
  for (const role of ROLES) (many.root.roles[role] as RoleKeys).threshold = 3;
  many.publish('root', 'targets', 'snapshot', 'timestamp');
  await allRead(t, await world(t, many));

  await allRead(t, await world(t, repositoryWith({ metaHashes: false })));
  await allRead(t, await world(t, repositoryWith({ consistentSnapshot: false })));

  const hashed = repositoryWith();
  hashed.delegate('targets', 'bins', { prefixes: [sha256(Buffer.from('hashed')).slice(0, 3)] });
  hashed.addTarget('bins', 'hashed', CONTENT, ['sha256', 'sha512']);
  hashed.publish('bins', 'targets', 'snapshot', 'timestamp');
  await allRead(t, await world(t, hashed), 'hashed', 'own');
});

test('all follow new keys, of every role and of root itself', async (t) => {
  const scene = await world(t, repositoryWith());
  await allRead(t, scene);
  const { repository } = scene;
  for (const role of ['timestamp', 'snapshot', 'targets']) {
    repository.rotateKeys(role);
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    await scene.publish();
    await allRead(t, scene);
  }
  const old = [...(repository.signers.get('root') ?? [])];
  repository.rotateKeys('root');
  for (const key of old) repository.addSigner('root', key);
  repository.publish('root');
  await scene.publish();
  await allRead(t, scene);
});

for (const role of ROLES) {
  test(`all refuse a ${role} that has expired`, async (t) => {
    const scene = await world(t, repositoryWith());
    (scene.repository.signed.get(role) as Signed).expires = scene.repository.daysAhead(-1);
    scene.repository.publish('root', 'targets', 'snapshot', 'timestamp');
    await scene.publish();
    await allRefuse(t, scene, EXPIRED);
  });

  test(`all refuse a ${role} signed by too few, or by others`, async (t) => {
    for (const keys of [[], [testKey()]]) {
      const scene = await world(t, repositoryWith());
      scene.repository.signers.set(role, keys);
      scene.repository.publish('root', 'targets', 'snapshot', 'timestamp');
      await scene.publish();
      await allRefuse(t, scene, NOT_SIGNED);
    }
  });

  test(`all refuse a ${role} that was changed after it was signed`, async (t) => {
    const { repository, ...scene } = await world(t, repositoryWith({ metaHashes: false }));
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    const envelope: Envelope = repository.envelope(role);
    envelope.signed.expires = repository.daysAhead(400);
    repository.store(role, envelope);
    await scene.publish();
    await allRefuse(t, { repository, ...scene }, NOT_SIGNED);
  });
}

for (const role of ['targets', 'snapshot', 'timestamp', 'product']) {
  test(`all refuse a ${role} that goes back`, async (t) => {
    const repository = repositoryWith({ metaHashes: false });
    repository.publish('product', 'targets', 'snapshot', 'timestamp');
    const scene = await world(t, repository);
    await allRead(t, scene);
    (repository.signed.get(role) as Signed).version = 0;
    repository.publish(...(role === 'product' ? ['product'] : []), 'targets', 'snapshot', 'timestamp');
    await scene.publish();
    await allRefuse(t, scene, BACK);
  });
}

test('all let versions go back after new keys of timestamp and snapshot', async (t) => {
  const repository = repositoryWith();
  for (let n = 0; n < 20; n++) repository.publish('snapshot', 'timestamp');
  const scene = await world(t, repository);
  await allRead(t, scene);
  repository.rotateKeys('timestamp');
  repository.rotateKeys('snapshot');
  for (const role of ['timestamp', 'snapshot']) (repository.signed.get(role) as Signed).version = 0;
  repository.publish('root', 'targets', 'snapshot', 'timestamp');
  await scene.publish();
  await allRead(t, scene);
});

test('all refuse a target, and a delegated role, that is not what is listed', async (t) => {
  const { repository, ...rest } = await world(t, repositoryWith());
  const scene = { repository, ...rest };
  repository.storeTarget('product/1.json', Buffer.from('CONTENT'), [sha256(CONTENT)]);
  await scene.publish();
  await allRefuse(t, scene, ALTERED, 'product/1.json');
  await allRead(t, scene, 'own');

  const other = repository.envelope('product');
  repository.store('product', { ...other, signatures: [] });
  repository.publish('snapshot', 'timestamp');
  await scene.publish();
  await allRefuse(t, scene, NOT_SIGNED, 'product/1.json');
});
