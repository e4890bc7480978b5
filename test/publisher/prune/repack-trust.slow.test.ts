import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { fetchImage } from '../../../src/fetcher/fetch.ts';
import { parseRemnantKey } from '../../../src/format/remnant.ts';
import { prune } from '../../../src/publisher/prune/prune.ts';
import { publish } from '../../../src/publisher/publish.ts';
import { verifyRepository } from '../../../src/publisher/verify-repository.ts';
import type { Store } from '../../../src/store/store.ts';
import type { MetadataReader } from '../../../src/trust/releases.ts';
import type { OpenContentKey } from '../../../src/trust/seal/content-key.ts';
import { memoryState } from '../../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../../src/trust/tuf/tuf-releases.ts';
import { openLedger, openReleases } from '../../../src/trust/unsigned-releases.ts';
import { collect } from '../../support/collect.ts';
import { keepLast } from '../../support/prune-bench.ts';
import { FAST } from '../../support/publish-bench.ts';
import { AT_ONCE } from '../../support/release-repository.ts';
import { HALF, pieceOf } from '../../support/repack-bench.ts';
import { asMaster, makeDevices, sealedBench } from '../../support/sealed-release.ts';
import { signedRepository } from '../../support/signed-repository.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const packsIn = async (store: Store): Promise<string[]> =>
  (await collect(store.list('packs/'))).map(({ key }) => key).sort();

test('sealed packs are made smaller with their key, and without it nothing of them is touched', async (t) => {
  const bench = await sealedBench(t);
  const { one } = await makeDevices('one');
  const { store, file } = bench;
  const pieces = async (names: string) =>
    Object.fromEntries(
      await Promise.all([...names].map(async (name) => [name, await file(name, pieceOf(name))])),
    );
  const run = async (contentKey?: typeof asMaster) =>
    await prune(store, openLedger(store), { keep: keepLast(1), repack: HALF, graceMs: 0, contentKey });
  await bench.seal('1', await pieces('abcdefgh'), [one]);
  const [pack = ''] = await packsIn(store);
  await bench.seal('2', await pieces('be'), [one]);
  for (let times = 0; times < 3; times += 1) {
    t.like(await run(), { repacked: { packs: 0 }, closedReleases: 1 });
  }
  t.deepEqual(await packsIn(store), [pack]);
  t.is((await run(asMaster)).repacked.packs, 1);
  // Which frames are in use cannot be told without the key: all of it stays.
  await run();
  await run();
  t.deepEqual(await packsIn(store), [pack, `${pack}.1`]);
  await run(asMaster);
  await run(asMaster);
  t.deepEqual(await packsIn(store), [`${pack}.1`]);
  const output = join(bench.directory, 'fetched');
  await bench.fetch({ output, selector: { version: '2' }, image: 'e' }, bench.keysOf(one));
  t.deepEqual(await readFile(output), Buffer.from(pieceOf('e')));
  const names = [{ product: 'os', version: '2' }];
  const verify = (contentKey?: typeof asMaster) =>
    verifyRepository(store, openReleases(store), names, { contentKey });
  t.like(await verify(asMaster), { damaged: [], unreferenced: 0, closed: 0 });
  t.deepEqual((await verify()).damaged, []);
  // The next release shares what is left, and stores what is not.
  await bench.seal('3', await pieces('bec'), [one]);
  await bench.fetch({ output, selector: { version: '3' }, image: 'c' }, bench.keysOf(one));
  t.deepEqual(await readFile(output), Buffer.from(pieceOf('c')));
  t.like(await verify(asMaster), { damaged: [] });
  // And one that nobody needs any more goes, by whoever has the key.
  await bench.publish('plain', { plain: await file('plain', pieceOf('plain')) });
  await bench.seal('5', await pieces('x'), [one]);
  for (let times = 0; times < 2; times += 1) await run();
  t.true((await packsIn(store)).includes(`${pack}.1`));
  for (let times = 0; times < 2; times += 1) await run(asMaster);
  t.is((await packsIn(store)).filter((key) => parseRemnantKey(key) !== undefined).length, 0);
});

test('while one sealed release cannot be opened, packs that others share are not made smaller', async (t) => {
  const bench = await sealedBench(t);
  const { one } = await makeDevices('one');
  const { store, file } = bench;
  for (const [version, names] of [
    ['1', 'abcdefgh'],
    ['2', 'bc'],
    ['3', 'be'],
  ] as const) {
    const pieces = await Promise.all([...names].map(async (name) => [name, await file(name, pieceOf(name))]));
    await bench.seal(version, Object.fromEntries(pieces), [one]);
  }
  const allButOne: OpenContentKey = async (manifest) => {
    if (manifest.version === '2') throw new SiltError('SEAL_NOT_RECIPIENT', 'not for us');
    return await asMaster(manifest);
  };
  const run = (contentKey: OpenContentKey) =>
    prune(store, openLedger(store), { keep: keepLast(2), repack: HALF, graceMs: 0, contentKey });
  t.like(await run(allButOne), { closedReleases: 1, repacked: { packs: 0 } });
  const [pack = ''] = await packsIn(store);
  t.is((await run(asMaster)).repacked.packs, 1);
  await run(allButOne);
  t.deepEqual(await packsIn(store), [pack, `${pack}.1`]);
  await run(asMaster);
  await run(asMaster);
  t.deepEqual(await packsIn(store), [`${pack}.1`]);
  const output = join(bench.directory, 'fetched');
  await bench.fetch({ output, selector: { version: '2' }, image: 'c' }, bench.keysOf(one));
  t.deepEqual(await readFile(output), Buffer.from(pieceOf('c')));
});

test('in a signed repository packs are made smaller without any new signature of a release', async (t) => {
  const repository = await signedRepository(t);
  const { store, directory } = repository;
  const publishPieces = async (version: string, names: string) => {
    const images = [...names].map((name) => ({ name, path: join(directory, `piece-${name}`) }));
    for (const { name, path } of images) await writeFile(path, pieceOf(name));
    await publish(store, repository.ledger(), {
      ...FAST,
      product: 'app',
      version,
      images,
      temporaryDirectory: directory,
    });
  };
  await publishPieces('1', 'abcdefgh');
  const [pack = ''] = await packsIn(store);
  await publishPieces('2', 'be');
  const run = (keep = keepLast(2)) => prune(store, repository.ledger(), { keep, repack: HALF, graceMs: 0 });
  t.is((await run(keepLast(1))).repacked.packs, 1);
  const signed = async () =>
    await Promise.all(
      (await collect(store.list('targets/'))).map(async ({ key }) => {
        const found = await store.get(key, { maxBytes: 2 ** 20 });
        return [key, found?.etag];
      }),
    );
  await run();
  const before = await signed();
  await run();
  t.deepEqual(await packsIn(store), [`${pack}.1`]);
  t.deepEqual(await signed(), before);
  const output = join(directory, 'fetched');
  const open = (from: MetadataReader) =>
    openTufReleases({
      store: from,
      state: memoryState(),
      factoryRoot: repository.root,
      now: repository.now,
    });
  const options = { product: 'app', selector: { latest: true }, output, retry: AT_ONCE } as const;
  await fetchImage(store, open, { ...options, image: 'b' });
  t.deepEqual(await readFile(output), Buffer.from(pieceOf('b')));
  // Whoever holds the repository holds no keys: frames that were altered are found out.
  const { bytes } = (await store.get(`${pack}.1`, { maxBytes: 2 ** 20 }))!;
  await store.remove(`${pack}.1`);
  await store.putIfAbsent(
    `${pack}.1`,
    bytes.map((byte, at) => (at > 8000 && at < 25_000 ? byte ^ 1 : byte)),
  );
  await throwsSilt(t, () => fetchImage(store, open, { ...options, image: 'e' }), 'DIGEST_MISMATCH');
});
