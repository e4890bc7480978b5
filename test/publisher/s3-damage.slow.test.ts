/**
 * A bucket that loses an object, truncates one, or lists what was there yesterday, on a real S3 server: what publish,
 * verify, fetch and prune make of it.
 */
import { existsSync } from 'node:fs';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { type ErrorCode, isSiltError, isTransient } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { fetchImage } from '../../src/fetcher/fetch.ts';
import { prune } from '../../src/publisher/prune/prune.ts';
import type { PublishOptions } from '../../src/publisher/publish.ts';
import { verifyRepository } from '../../src/publisher/verify-repository.ts';
import type { Key, Store } from '../../src/store/store.ts';
import { openLedger, openReleases } from '../../src/trust/unsigned-releases.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { collect } from '../support/collect.ts';
import { keepLast } from '../support/prune-bench.ts';
import { publishBench } from '../support/publish-bench.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { AT_ONCE } from '../support/release-repository.ts';
import { dataKeys, repositoryObjects } from '../support/repository-objects.ts';
import { s3Test, startS3Bucket } from '../support/s3-bucket.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

setAwsEnvironment();

const BASE = seededBytes('s3 damage', 60 * KiB);
const image = (version: string): Buffer => Buffer.concat([seededBytes(version, 60 * KiB), BASE]);

/** A bucket with releases 1 and 2, the second with a delta. */
async function openScene(t: ExecutionContext<unknown>) {
  const bucket = await startS3Bucket(t);
  const { store, fileOf } = bucket;
  const bench = await publishBench(t);
  const publish = async (version: string, to: Store = store) => {
    const options: Partial<PublishOptions> = {
      bases: { last: 1 },
      chunker: chunkerSpec('fastcdc-1', 4 * KiB),
    };
    return await bench.publish(version, { rootfs: await bench.file(version, image(version)) }, options, to);
  };
  await publish('1');
  const ofFirst = dataKeys(await repositoryObjects(store));
  await publish('2');
  const all = dataKeys(await repositoryObjects(store));
  const find = (kind: string, keys: readonly Key[]): Key => keys.find((key) => key.startsWith(kind)) ?? '';
  const ofSecond = all.filter((key) => !ofFirst.includes(key));
  return {
    ...bench,
    bucket,
    store,
    fileOf,
    publish,
    first: { pack: find('packs', ofFirst), index: find('indexes', ofFirst) },
    second: {
      pack: find('packs', ofSecond),
      index: find('indexes', ofSecond),
      delta: find('deltas', ofSecond),
    },
    async verify(versions: readonly string[], from: Store = store) {
      const names = versions.map((version) => ({ product: 'os', version }));
      return await verifyRepository(from, openReleases(from), names);
    },
    async fetch(version: string, from: Store = store): Promise<string> {
      const output = join(bench.directory, `fetched-${version}`);
      await fetchImage(from, openReleases, { product: 'os', selector: { version }, output, retry: AT_ONCE });
      return output;
    },
    prune: (last: number, from: Store = store) =>
      prune(from, openLedger(from), { keep: keepLast(last), graceMs: 0 }),
  };
}

interface Case {
  readonly what: string;
  /** @param left bytes, where some are left */
  readonly damage: (path: string, left: number) => Promise<void>;
  readonly problem: 'missing' | 'truncated';
  readonly code: ErrorCode;
}

const cases: readonly Case[] = [
  { what: 'has lost', damage: (path) => rm(path), problem: 'missing', code: 'OBJECT_MISSING' },
  { what: 'has truncated', damage: truncate, problem: 'truncated', code: 'DIGEST_MISMATCH' },
];

for (const { what, damage, problem, code } of cases) {
  s3Test(`a bucket that ${what} a pack: nothing is added, it is told, and it can be put back`, async (t) => {
    const { store, fileOf, first, publish, verify, fetch, prune: pruneTo } = await openScene(t);
    const path = fileOf(first.pack);
    const copy = await readFile(path);
    await damage(path, Math.floor(copy.length / 2));
    const before = await repositoryObjects(store);
    const error = await throwsSilt(t, () => publish('3'), code);
    t.true(error.message.includes(first.pack), error.message);
    t.deepEqual(await repositoryObjects(store), before);
    const told = (await verify(['1', '2'])).damaged.map((found) => ({ ...found, message: undefined }));
    t.like(told, [{ key: first.pack, problem, releases: ['os 1', 'os 2'] }]);
    const failure = await t.throwsAsync(fetch('1'));
    t.true(isSiltError(failure) && !isTransient(failure), String(failure));
    t.regex(failure?.message ?? '', /packs\/|window/);
    // It takes away nothing that is named, whole or not.
    t.like(await pruneTo(1), { removed: [{ version: '1' }] });
    await pruneTo(1);
    t.is(await store.has(first.index), undefined);
    t.is(existsSync(path), problem !== 'missing');
    await writeFile(path, copy);
    await publish('3');
    t.like(await verify(['2', '3']), { releases: 2, damaged: [] });
    t.true((await readFile(await fetch('3'))).equals(image('3')));
  });

  s3Test(`a bucket that ${what} an index: nothing is added, and nothing is deleted`, async (t) => {
    const { store, fileOf, second, publish, verify, fetch, prune: pruneTo } = await openScene(t);
    await damage(fileOf(second.index), 50);
    const before = await repositoryObjects(store);
    const error = await throwsSilt(t, () => pruneTo(1), code);
    t.true(error.message.includes(second.index), error.message);
    await throwsSilt(t, () => publish('3'), code);
    t.deepEqual(await repositoryObjects(store), before);
    const { damaged } = await verify(['1', '2']);
    t.like(damaged[0], { key: second.index, problem, releases: ['os 2'] });
    await t.throwsAsync(fetch('2'));
    t.true((await readFile(await fetch('1'))).equals(image('1')));
  });

  s3Test(`a bucket that ${what} a delta: devices fetch chunks instead`, async (t) => {
    const { directory, store, fileOf, second, verify } = await openScene(t);
    const path = fileOf(second.delta);
    await damage(path, (await readFile(path)).length - 100);
    t.like((await verify(['1', '2'])).damaged, [{ key: second.delta, problem, releases: ['os 2'] }]);
    const [seed, output] = [join(directory, 'seed'), join(directory, 'updated')];
    await writeFile(seed, image('1'));
    const release = { product: 'os', selector: { version: '2' } };
    await fetchImage(store, openReleases, { ...release, seeds: [seed], output, retry: AT_ONCE });
    t.true((await readFile(output)).equals(image('2')));
  });
}

s3Test('a bucket that lists what was there yesterday does no harm', async (t) => {
  const { bucket, store, publish, verify, fetch, prune: pruneTo } = await openScene(t);
  let yesterday: { key: Key; size: number }[] | undefined;
  const front = await bucket.front({ listing: () => yesterday });
  const stale = bucket.storeAt(front.endpoint);
  const old = await collect(store.list(''));
  // Release 1 goes with what it alone has; 3 and 4 come.
  await pruneTo(1);
  t.true((await pruneTo(1)).deleted.objects > 0);
  await publish('3');
  yesterday = old;
  await publish('4', stale);
  t.true((await readFile(await fetch('4', stale))).equals(image('4')));
  t.like(await verify(['2', '3', '4'], stale), { releases: 3, damaged: [] });
  // It still lists what is gone, and nothing of what is new.
  const pruned = await pruneTo(2, stale);
  t.like(pruned, { removed: [{ version: '2' }], deleted: { objects: 0 } });
  await pruneTo(2, stale);
  t.true(front.log.some(({ operation }) => operation === 'ListObjectsV2'));
  for (const { images } of await collect(openLedger(store).all())) {
    for (const each of images) await rebuildImage(store, each);
  }
  t.like(await verify(['3', '4']), { releases: 2, damaged: [] });
});
