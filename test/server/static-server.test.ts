import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { parseRange } from '../../src/server/byte-range.ts';
import { type ServedRequest, type StaticServer, startStaticServer } from '../../src/server/static-server.ts';
import { collectBytes } from '../support/collect.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const pack = seededBytes('served pack', MiB + 7);

interface Served {
  readonly directory: string;
  readonly server: StaticServer;
  readonly reports: ServedRequest[];
}

async function serve(t: ExecutionContext<unknown>): Promise<Served> {
  const directory = join(await temporaryDirectory(t), 'served');
  await mkdir(join(directory, 'packs'), { recursive: true });
  await mkdir(join(directory, 'metadata'));
  await writeFile(join(directory, 'packs', 'abc'), pack);
  await writeFile(join(directory, 'packs', 'empty'), '');
  await writeFile(join(directory, 'metadata', 'timestamp.json'), '{}');
  await writeFile(join(directory, 'metadata', '3.root.json'), '{}');
  const reports: ServedRequest[] = [];
  const started = await startStaticServer(directory, { onRequest: (report) => reports.push(report) });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= started.close();
    return closing;
  };
  const server = { url: started.url, close };
  t.teardown(close);
  return { directory, server, reports };
}

interface Asked {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** The path goes out as it is given: no client tidies `..` away. */
async function ask(
  server: StaticServer,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Asked> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { hostname, port } = new URL(server.url);
  request({ hostname, port, path, agent: false, ...options }, resolve)
    .on('error', reject)
    .end();
  const answer = await promise;
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await collectBytes(answer) };
}

test('an object is served whole, and its head alone', async (t) => {
  const { server, reports } = await serve(t);
  const whole = await ask(server, '/packs/abc');
  t.is(whole.status, 200);
  t.true(whole.body.equals(pack));
  t.is(whole.headers['content-length'], String(pack.byteLength));
  t.is(whole.headers['accept-ranges'], 'bytes');
  const head = await ask(server, '/packs/abc', { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(head.body.byteLength, 0);
  const { date: _, ...described } = head.headers;
  t.like(whole.headers, described);
  t.is((await ask(server, '/packs/empty')).headers['content-length'], '0');
  await server.close();
  t.deepEqual(
    reports.map(({ method, path, status, bytes }) => [method, path, status, bytes]),
    [
      ['GET', '/packs/abc', 200, pack.byteLength],
      ['HEAD', '/packs/abc', 200, 0],
      ['GET', '/packs/empty', 200, 0],
    ],
  );
});

test('a single range is served as 206 with its place', async (t) => {
  const { server } = await serve(t);
  const size = pack.byteLength;
  const cases = [
    ['bytes=0-0', 0, 1],
    ['bytes=100-199', 100, 200],
    ['bytes=100-', 100, size],
    ['bytes=-5', size - 5, size],
    [`bytes=0-${size * 2}`, 0, size],
  ] as const;
  for (const [range, start, end] of cases) {
    const found = await ask(server, '/packs/abc', { headers: { range } });
    t.is(found.status, 206, range);
    t.is(found.headers['content-range'], `bytes ${start}-${end - 1}/${size}`);
    t.true(found.body.equals(pack.subarray(start, end)));
  }
});

test('a range beyond the object is 416 with its size', async (t) => {
  const { server } = await serve(t);
  const found = await ask(server, '/packs/abc', { headers: { range: `bytes=${pack.byteLength}-` } });
  t.is(found.status, 416);
  t.is(found.headers['content-range'], `bytes */${pack.byteLength}`);
});

test('several ranges and malformed ones are as if not asked for', (t) => {
  for (const header of [
    undefined,
    '',
    'bytes=',
    'bytes=-',
    'bytes=5-2',
    'bytes=0-1,4-5',
    'lines=1-2',
    'bytes=a-b',
  ]) {
    t.is(parseRange(header, 100), undefined, header);
  }
  t.is(parseRange('bytes=-0', 100), 'unsatisfiable');
  t.is(parseRange('bytes=0-', 0), 'unsatisfiable');
});

test('what a client already has is not sent again', async (t) => {
  const { server, directory } = await serve(t);
  const { etag = '' } = (await ask(server, '/metadata/timestamp.json')).headers;
  t.regex(etag, /^"[^"]+"$/);
  for (const value of [etag, `"other", W/${etag}`, '*']) {
    const found = await ask(server, '/metadata/timestamp.json', { headers: { 'if-none-match': value } });
    t.is(found.status, 304);
    t.is(found.body.byteLength, 0);
  }
  await writeFile(join(directory, 'metadata', 'timestamp.json'), '{"version":2}');
  const changed = await ask(server, '/metadata/timestamp.json', { headers: { 'if-none-match': etag } });
  t.is(changed.status, 200);
  t.not(changed.headers.etag, etag);
});

test('a range of an object that has changed meanwhile is the whole object', async (t) => {
  const { server } = await serve(t);
  const { etag = '' } = (await ask(server, '/packs/abc', { method: 'HEAD' })).headers;
  const range = 'bytes=0-9';
  t.is((await ask(server, '/packs/abc', { headers: { range, 'if-range': etag } })).status, 206);
  t.is((await ask(server, '/packs/abc', { headers: { range, 'if-range': '"old"' } })).status, 200);
});

test('caches keep what never changes and ask again for what does', async (t) => {
  const { server } = await serve(t);
  const policy = async (path: string): Promise<string | undefined> =>
    (await ask(server, path)).headers['cache-control'];
  t.is(await policy('/packs/abc'), 'public, max-age=31536000, immutable');
  t.is(await policy('/metadata/3.root.json'), 'public, max-age=31536000, immutable');
  t.is(await policy('/metadata/timestamp.json'), 'no-cache');
  t.is(await policy('/metadata/4.root.json'), 'no-cache');
  t.is((await ask(server, '/metadata/3.root.json')).headers['content-type'], 'application/json');
});

test('nothing but the objects of the directory can be asked for', async (t) => {
  const { server, directory } = await serve(t);
  await writeFile(join(directory, '..', 'secret'), 'secret');
  await symlink(join(directory, '..', 'secret'), join(directory, 'link'));
  await symlink(join(directory, '..'), join(directory, 'up'));
  await writeFile(join(directory, '.silt-lock'), '{}');
  const paths = [
    '/',
    '/packs',
    '/packs/',
    '/missing',
    '/../secret',
    '/packs/../../secret',
    '/%2e%2e/secret',
    '/..%2fsecret',
    '/packs%2fabc',
    '/link',
    '/up/secret',
    '/.silt-lock',
    '//etc/passwd',
    '/%00',
    '/%',
    '/packs\\abc',
  ];
  for (const path of paths) {
    const found = await ask(server, path);
    t.is(found.status, 404, path);
    t.is(found.body.byteLength, 0);
  }
  t.is((await ask(server, '/packs/abc?signature=1')).status, 200);
});

test('only GET and HEAD are answered', async (t) => {
  const { server } = await serve(t);
  for (const method of ['PUT', 'POST', 'DELETE', 'OPTIONS']) {
    const found = await ask(server, '/packs/abc', { method });
    t.is(found.status, 405);
    t.is(found.headers.allow, 'GET, HEAD');
  }
});

test('a client that leaves early does not disturb the others', async (t) => {
  const { server, directory } = await serve(t);
  await writeFile(join(directory, 'packs', 'large'), Buffer.alloc(64 * MiB));
  const { promise, resolve } = Promise.withResolvers<void>();
  const leaving = request(new URL('packs/large', server.url), { agent: false }, (answer) => {
    answer.once('data', () => leaving.destroy());
    answer.on('error', () => {}).on('close', resolve);
  });
  leaving.on('error', () => {}).end();
  await promise;
  t.is((await ask(server, '/packs/abc')).status, 200);
});

test('closing lets an answer under way end, and accepts nothing more', async (t) => {
  const { server, directory } = await serve(t);
  await writeFile(join(directory, 'packs', 'large'), Buffer.alloc(16 * MiB));
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
  request(new URL('packs/large', server.url), { agent: false }, resolve).end();
  const answer = await promise;
  const closed = server.close();
  t.is((await collectBytes(answer)).byteLength, 16 * MiB);
  await closed;
  await t.throwsAsync(ask(server, '/packs/abc'), { code: 'ECONNREFUSED' });
});

test('closing does not wait for ever for a client that takes nothing', async (t) => {
  const { directory } = await serve(t);
  await writeFile(join(directory, 'packs', 'large'), Buffer.alloc(64 * MiB));
  const server = await startStaticServer(directory, { graceMs: 1 });
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
  request(new URL('packs/large', server.url), { agent: false }, resolve).end();
  const answer = await promise;
  await server.close();
  await t.throwsAsync(collectBytes(answer));
});

test('a missing directory and a taken address say what is wrong', async (t) => {
  const { server, directory } = await serve(t);
  await throwsSilt(t, () => startStaticServer(join(directory, 'missing')), 'IO_FAILED');
  await throwsSilt(t, () => startStaticServer(join(directory, 'packs', 'abc')), 'IO_FAILED');
  const port = Number(new URL(server.url).port);
  const error = await throwsSilt(t, () => startStaticServer(directory, { port }), 'IO_FAILED');
  t.is(error.details.port, port);
});
