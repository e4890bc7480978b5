import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { Manifest } from '../../src/format/manifest.ts';
import { summariseImage } from '../../src/publisher/index-summary.ts';
import { type RepositoryReport, verifyRepository } from '../../src/publisher/verify-repository.ts';
import { contentKeyFor, type OpenContentKey } from '../../src/trust/seal/content-key.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { withFlips } from '../support/edited-image.ts';
import { sampleData } from '../support/sample-data.ts';
import {
  asMaster,
  makeDevices,
  objectsOf,
  type SealedBench,
  sealedBench,
} from '../support/sealed-release.ts';

interface Scene extends SealedBench {
  readonly manifest: Manifest;
  /** Opens the first release only: of the second this recipient was left out. */
  readonly asRevoked: OpenContentKey;
  verify(contentKey?: OpenContentKey): Promise<RepositoryReport>;
}

/** Two sealed releases, the second with a delta and in another epoch, and one that is not sealed. */
async function scene(t: ExecutionContext<unknown>): Promise<Scene> {
  const bench = await sealedBench(t);
  const { a, b } = await makeDevices('a', 'b');
  const old = sampleData('text', 300 * KiB);
  await bench.seal('1', { a: await bench.file('old', old) }, [a, b]);
  const next = await bench.file('new', withFlips(old, 0, old.length, 500));
  const { manifest } = await bench.seal('2', { a: next }, [b], { bases: { last: 1 } });
  await bench.publish('3', { a: next });
  const names = ['1', '2', '3'].map((version) => ({ product: 'os', version }));
  return {
    ...bench,
    manifest,
    asRevoked: bench.keysOf(a),
    verify: (contentKey) => verifyRepository(bench.store, openReleases(bench.store), names, { contentKey }),
  };
}

test('with the key everything in a sealed repository is checked', async (t) => {
  const { verify } = await scene(t);
  const report = await verify(asMaster);
  t.like(report, { releases: 3, indexes: 3, packs: 3, deltas: 1, closed: 0, unreferenced: 0, damaged: [] });
  t.true(report.chunks > 100);
});

test('without the key sealed objects are compared with their digests, and the report says how many', async (t) => {
  const { verify, asRevoked } = await scene(t);
  const all = await verify(asMaster);
  const none = await verify();
  // Two indexes, a delta, two packs.
  t.like(none, { indexes: 3, packs: 3, deltas: 1, closed: 5, unreferenced: 0, damaged: [] });
  t.is(none.bytesRead, all.bytesRead);
  t.true(none.chunks > 0 && none.chunks < all.chunks);
  const one = await verify(asRevoked);
  t.like(one, { closed: 3, unreferenced: 0, damaged: [] });
  t.true(one.chunks > none.chunks && one.chunks < all.chunks);
});

test('an altered byte of a sealed index, pack or delta is found with the key and without', async (t) => {
  const { verify, manifest, object, repository, store } = await scene(t);
  const { indexes, deltas } = objectsOf(manifest);
  const key = await contentKeyFor(manifest, asMaster);
  const { packs } = await summariseImage(store, manifest.images[0]!, key);
  const names = [...indexes, ...deltas, ...packs.map(({ sha256 }) => `packs/${sha256}`)];
  t.is(names.length, 3);
  for (const name of names) {
    const path = join(repository, name);
    const whole = await object(name);
    for (const at of [5, 60, whole.length - 20]) {
      const altered = Buffer.from(whole);
      altered[at] = (altered[at] as number) ^ 4;
      await writeFile(path, altered);
      for (const contentKey of [asMaster, undefined]) {
        const { damaged } = await verify(contentKey);
        t.deepEqual(
          damaged.map((each) => each.key),
          [name],
          `${name} at ${at}`,
        );
      }
    }
    await writeFile(path, whole);
  }
  t.deepEqual((await verify(asMaster)).damaged, []);
});

test('an envelope that is altered or gone is found, whoever looks', async (t) => {
  const { verify, manifest, asRevoked, repository, object } = await scene(t);
  const name = `keys/${manifest.sealing?.envelope.sha256}`;
  const path = join(repository, name);
  const whole = await object(name);
  const codes = async (): Promise<(readonly [string, string])[]> => {
    const found: (readonly [string, string])[] = [];
    for (const contentKey of [asMaster, asRevoked, undefined]) {
      const { damaged } = await verify(contentKey);
      found.push(...damaged.map((each) => [each.key, each.code] as const));
    }
    return found;
  };
  const altered = Buffer.from(whole);
  altered[40] = (altered[40] as number) ^ 1;
  await writeFile(path, altered);
  t.deepEqual(await codes(), Array(3).fill([name, 'DIGEST_MISMATCH']));
  await rm(path);
  t.deepEqual(await codes(), Array(3).fill([name, 'OBJECT_MISSING']));
});

test('envelopes and sealed packs of an interrupted publish are harmless', async (t) => {
  const { verify, store } = await scene(t);
  await store.putIfAbsent(`keys/${'0'.repeat(64)}`, Buffer.from('an envelope'));
  t.like(await verify(asMaster), { unreferenced: 1, damaged: [] });
});
