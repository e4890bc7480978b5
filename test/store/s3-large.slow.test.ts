import { open } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { GiB, MiB } from '../../src/core/sizes.ts';
import { UploadQueue } from '../../src/publisher/upload-queue.ts';
import { partSize } from '../../src/store/s3-upload.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { openScriptedS3, QUICK } from '../support/open-scripted-s3.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

setAwsEnvironment();

test.serial(
  'an object of more than 5 GiB goes up in parts of the right size and number, in little memory',
  async (t) => {
    t.timeout(300_000);
    const path = join(await temporaryDirectory(t), 'sparse');
    const size = 5 * GiB + 12_345;
    const file = await open(path, 'w');
    await file.truncate(size);
    await file.close();
    const { store, server } = await openScriptedS3(t, { isForgetful: true });
    const before = process.memoryUsage().rss;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss - before);
    }, 20);
    t.is(await store.putIfAbsent('deltas/huge', { path, size }), 'created');
    clearInterval(watch);
    const length = partSize(size);
    t.is(length, 8 * MiB);
    const parts = server.log.filter(({ operation }) => operation === 'UploadPart').map(({ bytes }) => bytes);
    t.is(parts.length, Math.ceil(size / length));
    t.is(
      parts.reduce((sum, bytes) => sum + bytes, 0),
      size,
    );
    t.is(parts.filter((bytes) => bytes !== length).length, 1);
    t.is(server.objects.get('deltas/huge')?.size, size);
    // Four parts, and what sockets and the server of the test hold.
    t.true(most < 400 * MiB, `${Math.round(most / MiB)} MiB`);
    t.log(`${Math.round(most / MiB)} MiB more than before`);
  },
);

test.serial('a listing of 100,000 objects comes page by page', async (t) => {
  const pages = new Set<number>();
  let listed = 0;
  function* listing(): Generator<readonly [string, number]> {
    for (let at = 0; at < 100_000; at += 1) yield [`packs/${String(at).padStart(64, '0')}`, at];
  }
  const { store, server } = await openScriptedS3(t, { listing });
  let last = -1;
  for await (const { key, size } of store.list('packs/')) {
    if (Number(key.slice('packs/'.length)) === last + 1 && size === last + 1) listed += 1;
    last = size;
    pages.add(server.count('ListObjectsV2'));
  }
  t.is(listed, 100_000);
  t.is(server.count('ListObjectsV2'), 100);
  // None was asked for before those of the one before were taken.
  t.is(pages.size, 100);
});

test.serial('thousands of objects go up, and the counts are those of the server', async (t) => {
  t.timeout(120_000);
  const { store, server } = await openScriptedS3(t);
  const uploads = new UploadQueue(withRetry(store, QUICK));
  for (let at = 0; at < 5000; at += 1) await uploads.put(`packs/${at}`, seededBytes(`${at}`, 100 + (at % 7)));
  await uploads.finish();
  const sizes = [...server.objects.values()].map(({ size }) => size);
  t.deepEqual(uploads.totals, {
    objectsUploaded: sizes.length,
    bytesUploaded: sizes.reduce((sum, size) => sum + size, 0),
  });
  t.is(sizes.length, 5000);
});
