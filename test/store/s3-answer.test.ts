import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { RequestReport } from '../../src/store/request-report.ts';
import { openS3Store, type S3StoreOptions } from '../../src/store/s3.ts';
import type { Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { collect } from '../support/collect.ts';
import { listen } from '../support/faulty-repository.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const MAX = { maxBytes: MiB };
const RANGE = { offset: 0, length: 10 };
const quick = { sleep: async () => {}, random: () => 0 };

setAwsEnvironment();

/** A store over a server that answers as told, for what a real one does only on a bad day. */
async function openAgainst(
  t: ExecutionContext<unknown>,
  listener: RequestListener,
  options: Partial<S3StoreOptions> = {},
): Promise<Store> {
  const server = createServer(listener);
  const endpoint = (await listen(server)).slice(0, -1);
  const store = openS3Store({ bucket: 'bucket', endpoint, forcePathStyle: true, ...options });
  t.teardown(async () => {
    await store.close();
    server.closeAllConnections();
    server.close();
  });
  return store;
}

function xml(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
}

/** A store whose server answers every request with this error. */
async function failingWith(
  t: ExecutionContext<unknown>,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): Promise<Store> {
  return await openAgainst(t, (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(xml(code));
    });
  });
}

const failures = [
  { status: 503, name: 'SlowDown', code: 'NETWORK', transient: true },
  { status: 500, name: 'InternalError', code: 'NETWORK', transient: true },
  { status: 400, name: 'RequestTimeout', code: 'NETWORK', transient: true },
  { status: 429, name: 'TooManyRequests', code: 'NETWORK', transient: true },
  { status: 403, name: 'AccessDenied', code: 'STORE_REFUSED', transient: false },
  { status: 403, name: 'InvalidAccessKeyId', code: 'STORE_REFUSED', transient: false },
  { status: 403, name: 'SignatureDoesNotMatch', code: 'STORE_REFUSED', transient: false },
  { status: 400, name: 'InvalidArgument', code: 'STORE_REFUSED', transient: false },
  { status: 501, name: 'NotImplemented', code: 'STORE_REFUSED', transient: false },
  { status: 301, name: 'PermanentRedirect', code: 'STORE_REFUSED', transient: false },
  { status: 404, name: 'NoSuchBucket', code: 'NOT_A_REPOSITORY', transient: false },
] as const;

test('each error of S3 has its meaning', async (t) => {
  for (const { status, name, code, transient } of failures) {
    const store = await failingWith(t, status, name);
    const calls = [
      () => store.get('packs/a', MAX),
      () => collect(store.getRange('packs/a', RANGE)),
      () => store.putIfAbsent('packs/a', Buffer.from('a')),
      () => store.putIfMatch('timestamp', Buffer.from('a'), '"1"'),
      () => collect(store.list('')),
      () => store.remove('packs/a'),
    ];
    for (const call of calls) t.is((await throwsSilt(t, call, code)).transient, transient, name);
  }
});

test('a server that asks for patience is given it', async (t) => {
  const store = await failingWith(t, 503, 'SlowDown', { 'retry-after': '17' });
  const error = await throwsSilt(t, () => store.get('packs/a', MAX), 'NETWORK');
  t.is(error.details.retryAfterMs, 17_000);
});

test('a server without conditional writes is named as such', async (t) => {
  const store = await failingWith(t, 501, 'NotImplemented');
  const put = (): Promise<string> => store.putIfMatch('timestamp', Buffer.from('a'), '"1"');
  const error = await throwsSilt(t, put, 'STORE_REFUSED');
  t.regex(error.message, /conditional writes/);
});

test('nobody at the other end is a network failure that may pass', async (t) => {
  const store = openS3Store({ bucket: 'bucket', endpoint: 'http://127.0.0.1:1', forcePathStyle: true });
  t.teardown(() => store.close());
  const error = await throwsSilt(t, () => store.get('packs/a', MAX), 'NETWORK');
  t.true(error.transient);
});

test('an object that another writer is just creating counts as existing once it is there', async (t) => {
  let written = false;
  const store = await openAgainst(t, (request, response) => {
    request.resume().on('end', () => {
      if (request.method === 'HEAD') {
        response.writeHead(written ? 200 : 404, { 'content-length': 1, etag: '"1"' }).end();
        written = true;
      } else {
        response.writeHead(409, { 'content-type': 'application/xml' });
        response.end(xml('ConditionalRequestConflict'));
      }
    });
  });
  const error = await throwsSilt(t, () => store.putIfAbsent('packs/a', Buffer.from('a')), 'NETWORK');
  t.true(error.transient);
  t.is(await withRetry(store, quick).putIfAbsent('packs/a', Buffer.from('a')), 'exists');
  await throwsSilt(t, () => store.putIfMatch('timestamp', Buffer.from('a'), '"1"'), 'CONFLICT');
});

/** What of an upload in parts a request is: `create`, `part 1`, `complete`, or another method. */
function stepOf(request: IncomingMessage): string {
  const query = new URL(request.url ?? '', 'http://s3').searchParams;
  if (query.has('partNumber')) return `part ${query.get('partNumber')}`;
  if (request.method !== 'POST') return request.method ?? '';
  return query.has('uploads') ? 'create' : 'complete';
}

const bodies: Readonly<Record<string, string>> = {
  create: '<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>',
  complete: '<CompleteMultipartUploadResult><ETag>"all"</ETag></CompleteMultipartUploadResult>',
};

/** Just enough of S3 to take one upload in parts; the connection breaks at `step`, so many times. */
function takeUpload(step: string, breaks: number): RequestListener {
  let broken = 0;
  return (request, response) => {
    const found = stepOf(request);
    request.resume().on('end', () => {
      const completed = step === 'complete' && broken > 0;
      if (found === 'HEAD') {
        return void response.writeHead(completed ? 200 : 404, { 'content-length': 17 * MiB }).end();
      }
      if (found === step && broken < breaks) {
        broken += 1;
        return void request.socket.resetAndDestroy();
      }
      const again = found === 'complete' && completed;
      response.writeHead(again ? 404 : 200, { 'content-type': 'application/xml', etag: '"part"' });
      response.end(again ? xml('NoSuchUpload') : bodies[found]);
    });
  };
}

test('a part that is lost on its way is sent again, by itself', async (t) => {
  const seen: string[] = [];
  const options = { retry: quick, onRequest: ({ method }: RequestReport) => void seen.push(method) };
  const store = await openAgainst(t, takeUpload('part 2', 2), options);
  t.is(await store.putIfAbsent('packs/a', new Uint8Array(17 * MiB)), 'created');
  t.is(seen.filter((method) => method === 'UploadPart').length, 5);
  t.is(seen.filter((method) => method === 'CreateMultipartUpload').length, 1);
  t.false(seen.includes('AbortMultipartUpload'));
});

test('a completion whose answer was lost is recognised', async (t) => {
  const store = await openAgainst(t, takeUpload('complete', 1), { retry: quick });
  t.is(await store.putIfAbsent('packs/a', new Uint8Array(17 * MiB)), 'created');
});

test('a server that ignores the range is refused, and its body not read', async (t) => {
  const reports: RequestReport[] = [];
  const listener: RequestListener = (_, response) => {
    response.on('error', () => {});
    response.writeHead(200, { 'content-length': 64 * MiB }).write(Buffer.alloc(KiB));
  };
  const store = await openAgainst(t, listener, { onRequest: (report) => reports.push(report) });
  await throwsSilt(t, () => collect(store.getRange('packs/a', RANGE)), 'RANGE_INVALID');
  t.deepEqual(
    reports.map(({ method, status, bytes }) => [method, status, bytes]),
    [['GetObject', 200, 0]],
  );
});

test('a body that breaks off may be asked for again', async (t) => {
  const store = await openAgainst(t, (_, response) => {
    response.writeHead(206, { 'content-length': 10, 'content-range': 'bytes 0-9/100' });
    response.write('12345', () => response.destroy());
  });
  const error = await throwsSilt(t, () => collect(store.getRange('packs/a', RANGE)), 'NETWORK');
  t.true(error.transient);
});

test('caches are told what never changes', async (t) => {
  const seen: Record<string, IncomingMessage['headers']> = {};
  const store = await openAgainst(t, (request, response) => {
    seen[request.url?.split('?')[0] ?? ''] = request.headers;
    request.resume().on('end', () => response.writeHead(200, { etag: '"1"' }).end());
  });
  await store.putIfAbsent('packs/a', Buffer.from('a'));
  await store.putIfAbsent('targets/1.json', Buffer.from('{}'));
  await store.putIfMatch('metadata/timestamp.json', Buffer.from('{}'), undefined);
  t.is(seen['/bucket/packs/a']?.['cache-control'], 'public, max-age=31536000, immutable');
  t.is(seen['/bucket/packs/a']?.['content-type'], 'application/octet-stream');
  t.is(seen['/bucket/packs/a']?.['if-none-match'], '*');
  t.is(seen['/bucket/packs/a']?.['x-amz-checksum-crc32'], undefined);
  t.is(seen['/bucket/targets/1.json']?.['content-type'], 'application/json');
  t.is(seen['/bucket/metadata/timestamp.json']?.['cache-control'], 'no-cache');
});

test('requests go through the proxy of the environment', async (t) => {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(200, { 'content-length': 2, etag: '"1"' }).end('hi');
  });
  t.teardown(() => proxy.close());
  const env = { HTTP_PROXY: await listen(proxy) };
  const endpoint = 'http://storage.invalid';
  const store = openS3Store({ bucket: 'bucket', endpoint, forcePathStyle: true, env });
  t.teardown(() => store.close());
  t.is((await store.get('packs/a', MAX))?.bytes.byteLength, 2);
  t.regex(asked[0] ?? '', /^http:\/\/storage\.invalid\/bucket\/packs\/a/);
});
