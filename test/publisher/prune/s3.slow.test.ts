import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { sha256Hex } from '../../../src/core/digest.ts';
import { KiB } from '../../../src/core/sizes.ts';
import { prune } from '../../../src/publisher/prune/prune.ts';
import { publish } from '../../../src/publisher/publish.ts';
import { openS3Store } from '../../../src/store/s3.ts';
import { withRetry } from '../../../src/store/with-retry.ts';
import { openLedger } from '../../../src/trust/unsigned-releases.ts';
import { setAwsEnvironment } from '../../support/aws-environment.ts';
import { collect } from '../../support/collect.ts';
import { HOUR, keepLast } from '../../support/prune-bench.ts';
import { FAST } from '../../support/publish-bench.ts';
import { rebuildImage } from '../../support/rebuild-image.ts';
import { HALF, repackBench } from '../../support/repack-bench.ts';
import { s3Test, startS3Bucket } from '../../support/s3-bucket.ts';
import { findVersitygw, startS3Server } from '../../support/s3-server.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const program = findVersitygw(process.env);
setAwsEnvironment();

test('a bucket is pruned page by page, by the times of its server', async (t) => {
  if (program === undefined) {
    const reason = 'no versitygw: run scripts/provision-versitygw.sh; until then pruning S3 is not tested';
    t.falsy(process.env.CI, reason);
    t.log(reason);
    t.pass();
    return;
  }
  const server = await startS3Server(program);
  t.teardown(() => server.close());
  await server.makeBucket('prune');
  const { endpoint } = server;
  const lists: number[] = [];
  const store = withRetry(
    openS3Store({
      bucket: 'prune',
      prefix: 'repository',
      endpoint,
      forcePathStyle: true,
      onRequest: ({ method, status }) => method === 'ListObjectsV2' && lists.push(status),
    }),
  );
  t.teardown(() => store.close());
  const directory = await temporaryDirectory(t);
  for (const version of ['1', '2']) {
    const path = join(directory, version);
    await writeFile(path, seededBytes(`s3 prune ${version}`, 40 * KiB));
    const images = [{ name: 'rootfs', path }];
    const options = { ...FAST, product: 'os', version, images, temporaryDirectory: directory };
    await publish(store, openLedger(store), options);
  }
  const left = Array.from({ length: 1100 }, (_, at) => `packs/${sha256Hex(Buffer.from(`${at}`))}`);
  const queue = [...left];
  const writer = async (): Promise<void> => {
    for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
      await store.putIfAbsent(key, Buffer.from('x'));
    }
  };
  await Promise.all(Array.from({ length: 16 }, writer));
  const run = (graceMs: number) => prune(store, openLedger(store), { keep: keepLast(1), graceMs });
  t.like(await run(0), { marked: { objects: 1103 }, removed: [{ version: '1' }] });
  // Packs twice: first for what is left of any.
  t.is(lists.length, 10);
  t.like(await run(HOUR), { waiting: { objects: 1103 }, deleted: { objects: 0 } });
  t.like(await run(0), { deleted: { objects: 1103 }, waiting: { objects: 0 } });
  t.is((await collect(store.list('packs/'))).length, 1);
  const [manifest] = await collect(openLedger(store).all());
  for (const image of manifest?.images ?? []) await rebuildImage(store, image);
  t.is(manifest?.version, '2');
});

s3Test('what is left of a pack in a bucket is a remnant, and releases come from it', async (t) => {
  const { store } = await startS3Bucket(t);
  const bench = await repackBench(t);
  await bench.publishPieces('1', 'abcdefgh', store);
  const packs = async (): Promise<string[]> => (await collect(store.list('packs/'))).map(({ key }) => key);
  const [whole] = await packs();
  await bench.publishPieces('2', 'bex', store);
  const run = () => prune(store, openLedger(store), { keep: keepLast(1), graceMs: 0, repack: HALF });
  t.is((await run()).repacked.packs, 1);
  await run();
  const left = await packs();
  t.true(left.includes(`${whole}.1`));
  t.false(left.includes(whole as string));
  t.deepEqual(await bench.verify(store), { damaged: [], unreferenced: 0 });
  await bench.publishPieces('3', 'bexy', store);
  t.is((await bench.rebuildAll(store)).length, 2);
  t.deepEqual(await bench.verify(store), { damaged: [], unreferenced: 0 });
});
