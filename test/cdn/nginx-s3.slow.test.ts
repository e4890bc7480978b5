import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import test from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openS3Store } from '../../src/store/s3.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { type Cdn, imageTwo, publishCdn, startCdn } from '../support/cdn.ts';
import { nginxTest } from '../support/nginx-test.ts';
import { sharedDirectory } from '../support/release-repository.ts';
import { findVersitygw, type S3Server, startS3Server } from '../support/s3-server.ts';

const BUCKET = 'updates';
const PREFIX = 'gateway';

const program = findVersitygw(process.env);
const cdnTest = program === undefined ? test.skip : nginxTest;
const shared = await sharedDirectory();
const repository = await publishCdn(shared.path);
let server: S3Server | undefined;

setAwsEnvironment();

test.before(async () => {
  if (program === undefined) return;
  server = await startS3Server(program);
  await server.makeBucket(BUCKET);
  await allowReading(server.endpoint);
  await copyTo(server.endpoint);
});

test.after.always(async () => {
  await server?.close();
  await shared.remove();
});

test('the CDN is tested before a real S3 server', (t) => {
  if (program === undefined) t.falsy(process.env.CI, 'no versitygw: run scripts/provision-versitygw.sh');
  t.pass();
});

/** Anybody may read objects, as docs/guides/cdn.md has it; listing stays forbidden. */
async function allowReading(endpoint: string): Promise<void> {
  const client = new S3Client({ endpoint, forcePathStyle: true });
  const Statement = [
    { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${BUCKET}/*` },
  ];
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await client.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy }));
  client.destroy();
}

async function copyTo(endpoint: string): Promise<void> {
  const from = await openDirectoryStore(repository);
  const to = openS3Store({ bucket: BUCKET, prefix: PREFIX, endpoint, forcePathStyle: true });
  for await (const { key } of from.list('')) {
    const { bytes } = (await from.get(key, { maxBytes: 16 * MiB })) ?? { bytes: new Uint8Array() };
    await to.putIfAbsent(key, bytes);
  }
  await to.close();
}

const start = async (t: Parameters<typeof startCdn>[0]): Promise<Cdn> =>
  await startCdn(t, repository, {
    origin: `${server?.endpoint}/`,
    path: `${BUCKET}/${PREFIX}/`,
  });

cdnTest(
  'of two devices that fetch an update from S3 the first costs each slice once, the second nothing',
  async (t) => {
    const cdn = await start(t);
    const one = await cdn.fetch();
    t.true(one.image.equals(imageTwo));
    t.deepEqual(one.waits, []);
    const first = cdn.atOrigin();
    t.is(new Set(first).size, first.length);
    const fetched = Map.groupBy(one.requests, ({ key }) => key);
    // Whole packs: a first install wants all of them.
    const slices = [...fetched].map(([key, requests]) =>
      key.startsWith('packs/') ? Math.ceil(requests.reduce((sum, { bytes }) => sum + bytes, 0) / MiB) : 1,
    );
    t.is(
      first.length,
      slices.reduce((sum, count) => sum + count, 0),
    );
    t.true(first.every((line) => line.startsWith(`/${BUCKET}/${PREFIX}/`)));
    const two = await cdn.fetch();
    t.true(two.image.equals(imageTwo));
    t.deepEqual(cdn.atOrigin(), []);
  },
);

cdnTest('a device that has the release before fetches a part, and another one what is left', async (t) => {
  const cdn = await start(t);
  const old = await cdn.fetch({ selector: { version: '1.0.0' } });
  t.is(old.report.version, '1.0.0');
  cdn.atOrigin();
  const update = await cdn.fetch();
  t.true(update.image.equals(imageTwo));
  // The catalog and the first pack are there already.
  const asked = cdn.atOrigin();
  t.true(asked.length > 0);
  t.false(asked.some((line) => line.includes('timestamp')));
});

cdnTest('what is not in the bucket is missing, though S3 will not say so', async (t) => {
  const cdn = await start(t);
  const ask = async (key: string): Promise<number> =>
    (await fetch(`${cdn.nginx.url}${BUCKET}/${PREFIX}/${key}`)).status;
  t.is(await ask('metadata/99.root.json'), 404);
  t.true([403, 404].includes(await ask(`packs/${'ab'.repeat(32)}`)));
});
