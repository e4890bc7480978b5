import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { startStaticServer } from '../../src/server/static-server.ts';
import { isStore } from '../../src/store/is-store.ts';
import { openReadStore, openStore } from '../../src/store/open.ts';
import { clearAwsEnvironment } from '../support/aws-environment.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const MAX = { maxBytes: 1000 };

clearAwsEnvironment();
process.env.AWS_ENDPOINT_URL_S3 = 'http://127.0.0.1:1';

test('a path and a file URL name a directory', async (t) => {
  const path = await temporaryDirectory(t);
  const store = await openStore(path);
  await store.putIfAbsent('packs/a', Buffer.from('a'));
  for (const location of [path, pathToFileURL(path).href]) {
    const reader = await openReadStore(location);
    t.is((await reader.get('packs/a', MAX))?.bytes.byteLength, 1);
  }
});

test('a missing directory is only made when that is asked for', async (t) => {
  const path = join(await temporaryDirectory(t), 'repository');
  await throwsSilt(t, () => openStore(path), 'NOT_A_REPOSITORY');
  await throwsSilt(t, () => openReadStore(path), 'NOT_A_REPOSITORY');
  t.is((await openStore(path, { create: true })).location, path);
});

test('a URL names a repository that can be read and not written', async (t) => {
  const path = await temporaryDirectory(t);
  await (await openStore(path)).putIfAbsent('packs/a', Buffer.from('a'));
  const server = await startStaticServer(path);
  t.teardown(() => server.close());
  const requests: string[] = [];
  const store = await openReadStore(server.url, { onRequest: ({ key }) => requests.push(key) });
  t.teardown(() => store.close());
  t.is((await store.get('packs/a', MAX))?.bytes.byteLength, 1);
  t.false(isStore(store));
  t.deepEqual(requests, ['packs/a']);
  const error = await throwsSilt(t, () => openStore(server.url), 'USAGE');
  t.regex(error.message, /only be read/);
});

test('what is no location is refused', async (t) => {
  for (const location of ['', 'ftp://host/path', 'S3:bucket', 's3://', 's3:///prefix', 's3://B', 'http://']) {
    await throwsSilt(t, () => openReadStore(location), 'USAGE');
  }
  const env = { SILT_S3_CHECKSUMS: 'sometimes' };
  await throwsSilt(t, () => openStore('s3://bucket/prefix', { env }), 'USAGE');
});

test.serial('S3 without a region, and then without credentials, says what to set', async (t) => {
  const env = { SILT_S3_PATH_STYLE: '1' };
  const store = await openStore('s3://bucket/some/prefix', { env });
  t.teardown(() => store.close());
  t.is(store.location, 's3://bucket/some/prefix/');
  t.true(isStore(store));
  const region = await throwsSilt(t, () => store.get('packs/a', MAX), 'STORE_REFUSED');
  t.regex(region.message, /AWS_REGION/);
  process.env.AWS_REGION = 'eu-central-1';
  const later = await openStore('s3://bucket', { env });
  t.teardown(() => later.close());
  const credentials = await throwsSilt(t, () => later.get('packs/a', MAX), 'STORE_REFUSED');
  t.regex(credentials.message, /AWS_ACCESS_KEY_ID/);
});
