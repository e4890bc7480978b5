import { open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { GiB, MiB } from '../../src/core/sizes.ts';
import { partSize } from '../../src/store/s3-upload.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { collectBytes } from '../support/collect.ts';
import { s3Test, startS3Bucket } from '../support/s3-bucket.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

setAwsEnvironment();

/** S3 takes no more than 5 GiB in one request. */
const SIZE = 5 * GiB + 12_345;
/** Parts and the object made of them, and room for others. */
const DISK = 12 * GiB;
const KEY = 'deltas/huge';

/** What stands at every whole MiB of the file; between them it is sparse. */
function mark(at: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(BigInt(at), 0);
  bytes.write('<- here.', 8);
  return bytes;
}

s3Test('an object of more than 5 GiB goes into a real server and comes back', async (t) => {
  t.timeout(240_000);
  const directory = await temporaryDirectory(t);
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < DISK) {
    t.log(`skipped: ${directory} has less than ${DISK / GiB} GiB of room`);
    t.pass();
    return;
  }
  const path = join(directory, 'sparse');
  const file = await open(path, 'w');
  for (let at = 0; at < SIZE; at += MiB) await file.write(mark(at), 0, 16, at);
  await file.truncate(SIZE);
  await file.close();
  const { store } = await startS3Bucket(t);
  const before = process.memoryUsage().rss;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before);
  }, 50);
  t.teardown(() => clearInterval(watch));
  t.is(await store.putIfAbsent(KEY, { path, size: SIZE }), 'created');
  t.true(most < 400 * MiB, `${Math.round(most / MiB)} MiB`);
  t.is((await store.has(KEY))?.size, SIZE);
  t.is(await store.putIfAbsent(KEY, { path, size: SIZE }), 'exists');
  const part = partSize(SIZE);
  // Beginnings and ends of parts, and what lies beyond 4 GiB and 5 GiB.
  for (const at of [0, part - MiB, part, 4 * GiB - MiB, 4 * GiB, SIZE - (SIZE % part), 5 * GiB]) {
    const found = await collectBytes(store.getRange(KEY, { offset: at, length: 16 }));
    t.deepEqual(found, mark(at), String(at));
  }
  const end = await collectBytes(store.getRange(KEY, { offset: SIZE - 1000, length: 1000 }));
  t.deepEqual(end, Buffer.alloc(1000));
  await store.remove(KEY);
  t.is(await store.has(KEY), undefined);
});
