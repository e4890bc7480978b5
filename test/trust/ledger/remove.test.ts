import test, { type ExecutionContext } from 'ava';
import type { ReleaseLedger } from '../../../src/trust/releases.ts';
import { openLedger } from '../../../src/trust/unsigned-releases.ts';
import { collect } from '../../support/collect.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { newRelease, signedRepository } from '../../support/signed-repository.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { withBeforePut } from '../../support/with-before-put.ts';

const kinds: Readonly<Record<string, (t: ExecutionContext<unknown>) => Promise<ReleaseLedger>>> = {
  signed: async (t) => (await signedRepository(t, { products: ['app', 'other'] })).ledger(),
  unsigned: async () => openLedger(memoryStore()),
};

const versions = async (ledger: ReleaseLedger): Promise<string[]> =>
  (await collect(ledger.all())).map(({ product, version }) => `${product} ${version}`).sort();

for (const [kind, open] of Object.entries(kinds)) {
  test(`${kind}: releases are taken out, but never the latest nor one that a channel points at`, async (t) => {
    const ledger = await open(t);
    for (const version of ['1', '2', '3', '4']) await ledger.add(newRelease(version));
    await ledger.add(newRelease('1', 'other'));
    await ledger.point('app', 'stable', '2');
    t.deepEqual(await ledger.remove('app', ['1', '2', '4', '9']), ['1']);
    t.deepEqual(await versions(ledger), ['app 2', 'app 3', 'app 4', 'other 1']);
    t.deepEqual(await ledger.remove('app', ['1', '2', '4', '9']), []);
    await throwsSilt(t, () => ledger.find('app', { version: '1' }), 'RELEASE_NOT_FOUND');
    t.is((await ledger.find('app', { channel: 'stable' })).version, '2');
    await ledger.point('app', 'stable', '4');
    t.deepEqual([...(await ledger.remove('app', ['3', '2']))].sort(), ['2', '3']);
    t.is((await ledger.add(newRelease('5'))).counter, 5);
  });

  test(`${kind}: a survey has every release with its channels, and another state after each change`, async (t) => {
    const ledger = await open(t);
    for (const version of ['1', '2']) await ledger.add(newRelease(version), { channel: `to-${version}` });
    await ledger.add(newRelease('1', 'other'));
    const states: string[] = [];
    const found = async () => {
      const survey = await ledger.survey();
      states.push(survey.state);
      return (await collect(survey.releases)).map(({ manifest, channels, key }) => {
        t.regex(key, new RegExp(`^targets/${manifest.product}/[0-9a-f]{64}\\.${manifest.version}\\.json$`));
        return [manifest.product, manifest.version, ...channels].join(' ');
      });
    };
    t.deepEqual((await found()).sort(), ['app 1 to-1', 'app 2 to-2', 'other 1']);
    await found();
    await ledger.point('app', 'to-1', '2');
    t.deepEqual((await found()).sort(), ['app 1', 'app 2 to-1 to-2', 'other 1']);
    await ledger.remove('app', ['1']);
    t.deepEqual((await found()).sort(), ['app 2 to-1 to-2', 'other 1']);
    t.is(states[0], states[1]);
    t.is(new Set(states).size, 3);
  });
}

test('a channel that is pointed at a release while it is taken out keeps it', async (t) => {
  const repository = await signedRepository(t);
  for (const version of ['1', '2', '3']) await repository.ledger().add(newRelease(version));
  let pointed = false;
  const raced = withBeforePut(repository.store, async (key) => {
    if (pointed || key !== 'metadata/timestamp.json') return;
    pointed = true;
    await repository.ledger().point('app', 'stable', '1');
  });
  t.deepEqual(await repository.ledger(undefined, raced).remove('app', ['1', '2']), ['2']);
  t.is((await repository.ledger().find('app', { channel: 'stable' })).version, '1');
});

test('archived releases are taken out as well, and a survey names the files that count', async (t) => {
  const repository = await signedRepository(t);
  const ledger = repository.ledger();
  for (let version = 1; version <= 18; version += 1) await ledger.add(newRelease(`${version}`));
  t.is((await ledger.remove('app', ['1', '2', '3'])).length, 3);
  t.is((await versions(ledger)).length, 15);
  const { metadata } = await ledger.survey();
  t.deepEqual([...metadata.keys()].sort(), ['archive-app', 'product-app', 'snapshot', 'targets']);
  for (const [name, version] of metadata) {
    t.truthy(await repository.store.has(`metadata/${version}.${name}.json`), name);
  }
});

test('without the keys of the product nothing is taken out, nor stored', async (t) => {
  const repository = await signedRepository(t);
  for (const version of ['1', '2']) await repository.ledger().add(newRelease(version));
  const before = await collect(repository.store.list(''));
  const signers = repository.allSigners().filter(({ name }) => !name.startsWith('product-'));
  await throwsSilt(t, () => repository.ledger(signers).remove('app', ['1']), 'SIGNATURES_MISSING');
  await throwsSilt(t, () => repository.ledger().remove('toaster', ['1']), 'TRUST_NO_DELEGATION');
  t.deepEqual(await collect(repository.store.list('')), before);
  await throwsSilt(t, () => openLedger(memoryStore()).remove('app', ['1']), 'NOT_A_REPOSITORY');
  await throwsSilt(t, () => openLedger(memoryStore()).survey(), 'NOT_A_REPOSITORY');
});
