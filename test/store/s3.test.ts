import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import type { RequestReport } from '../../src/store/request-report.ts';
import { openS3Store, type S3StoreOptions } from '../../src/store/s3.ts';
import { partSize } from '../../src/store/s3-upload.ts';
import type { Store } from '../../src/store/store.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { collect, collectBytes } from '../support/collect.ts';
import { findVersitygw, type S3Server, startS3Server } from '../support/s3-server.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { type Repository, testReading, testWriting } from '../support/store-contract.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const MAX = { maxBytes: 64 * MiB };

const program = findVersitygw(process.env);
const real = program === undefined ? test.skip : test;
let server: S3Server | undefined;
let buckets = 0;

setAwsEnvironment();

test.before(async () => {
  if (program !== undefined) server = await startS3Server(program);
});

test.after.always(async () => {
  await server?.close();
});

test('S3 is tested against a real server', (t) => {
  if (program === undefined) {
    const reason = 'no versitygw: run scripts/provision-versitygw.sh; until then S3 is not tested';
    t.falsy(process.env.CI, reason);
    t.log(reason);
  }
  t.pass();
});

/** A store over a bucket of its own, with a prefix. */
async function openBucket(
  t: ExecutionContext<unknown>,
  options: Partial<S3StoreOptions> = {},
): Promise<Store> {
  if (server === undefined) throw new Error('there is no S3 server');
  buckets += 1;
  const bucket = `bucket-${buckets}`;
  await server.makeBucket(bucket);
  const { endpoint } = server;
  const store = openS3Store({
    bucket,
    prefix: '/some/repository/',
    endpoint,
    forcePathStyle: true,
    ...options,
  });
  t.teardown(() => store.close());
  return store;
}

async function openRepository(t: ExecutionContext<unknown>): Promise<Repository> {
  const store = await openBucket(t);
  return { writer: store, reader: store };
}

testReading(real as typeof test, 'S3', openRepository);
testWriting(real as typeof test, 'S3', openRepository);

/** A file of seeded blocks, and its digest, without ever holding it. */
async function largeFile(
  t: ExecutionContext<unknown>,
  size: number,
): Promise<{ path: string; size: number; digest: string }> {
  const path = join(await temporaryDirectory(t), 'large');
  const file = await open(path, 'w');
  const hash = createHash('sha256');
  for (let at = 0; at < size; at += 4 * MiB) {
    const block = seededBytes(`block ${at}`, Math.min(4 * MiB, size - at));
    hash.update(block);
    await file.write(block);
  }
  await file.close();
  return { path, size, digest: hash.digest('hex') };
}

async function digestOf(blocks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of blocks) hash.update(block);
  return hash.digest('hex');
}

for (const checksums of ['required', 'supported'] as const) {
  real(`a large file goes up in parts and comes back the same, checksums ${checksums}`, async (t) => {
    const reports: RequestReport[] = [];
    const store = await openBucket(t, { checksums, onRequest: (report) => reports.push(report) });
    const { path, size, digest } = await largeFile(t, 49 * MiB + 11);
    t.is(await store.putIfAbsent('deltas/large', { path, size }), 'created');
    const parts = reports.filter(({ method }) => method === 'UploadPart');
    t.is(parts.length, 7);
    t.is(
      parts.reduce((sum, { bytes }) => sum + bytes, 0),
      size,
    );
    t.is((await store.has('deltas/large'))?.size, size);
    t.is(await digestOf(store.getRange('deltas/large', { offset: 0, length: size })), digest);
    t.is(await store.putIfAbsent('deltas/large', { path, size }), 'exists');
    t.is(reports.filter(({ method }) => method === 'CreateMultipartUpload').length, 1);
  });
}

real('of two large uploads of one object exactly one creates it', async (t) => {
  const store = await openBucket(t);
  const bodies = [seededBytes('one', 17 * MiB), seededBytes('two', 17 * MiB)];
  const outcomes = await Promise.all(bodies.map((body) => store.putIfAbsent('packs/raced', body)));
  t.deepEqual([...outcomes].sort(), ['created', 'exists']);
  const winner = bodies[outcomes.indexOf('created')] ?? new Uint8Array();
  const found = await collectBytes(store.getRange('packs/raced', { offset: 0, length: 17 * MiB }));
  t.true(found.equals(winner));
});

real('a large upload that fails is taken back', async (t) => {
  const reports: RequestReport[] = [];
  const store = await openBucket(t, { onRequest: (report) => reports.push(report) });
  const { path, size } = await largeFile(t, 20 * MiB);
  await throwsSilt(t, () => store.putIfAbsent('deltas/short', { path, size: size + 1 }), 'IO_FAILED');
  t.is(await store.has('deltas/short'), undefined);
  t.true(reports.some(({ method, status }) => method === 'AbortMultipartUpload' && status === 204));
  const reason = new Error('the user pressed Ctrl-C');
  const controller = new AbortController();
  const stopped = await openBucket(t, {
    onRequest: ({ method }) => method === 'UploadPart' && controller.abort(reason),
  });
  const upload = stopped.putIfAbsent('deltas/stopped', { path, size }, { signal: controller.signal });
  t.is(await t.throwsAsync(upload), reason);
  t.is(await stopped.has('deltas/stopped'), undefined);
});

real('a listing of thousands goes on over its pages', async (t) => {
  const reports: RequestReport[] = [];
  const store = await openBucket(t, { onRequest: (report) => reports.push(report) });
  const keys = Array.from({ length: 2500 }, (_, index) => `packs/${String(index).padStart(64, '0')}`);
  const left = [...keys];
  const writer = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      await store.putIfAbsent(key, Buffer.from('x'));
    }
  };
  await Promise.all(Array.from({ length: 32 }, writer));
  const listed = await collect(store.list('packs/'));
  t.deepEqual(listed.map(({ key }) => key).sort(), keys);
  t.true(listed.every(({ size }) => size === 1));
  t.is(reports.filter(({ method }) => method === 'ListObjectsV2').length, 3);
});

real('a missing bucket says what to do', async (t) => {
  const { endpoint } = server ?? { endpoint: '' };
  const options = { endpoint, forcePathStyle: true };
  const missing = openS3Store({ bucket: 'no-such-bucket', ...options });
  t.teardown(() => missing.close());
  await throwsSilt(t, () => missing.get('packs/a', MAX), 'NOT_A_REPOSITORY');
  await throwsSilt(t, () => missing.putIfAbsent('packs/a', Buffer.from('a')), 'NOT_A_REPOSITORY');
  await throwsSilt(t, () => collect(missing.list('')), 'NOT_A_REPOSITORY');
});

test('parts are whole MiB, at least 8 of them, and never more than 10,000', (t) => {
  t.is(partSize(17 * MiB), 8 * MiB);
  t.is(partSize(80_000 * MiB), 8 * MiB);
  t.is(partSize(80_000 * MiB + 1), 9 * MiB);
  const largest = 5 * 1024 ** 4;
  t.true(Math.ceil(largest / partSize(largest)) <= 10_000);
});
