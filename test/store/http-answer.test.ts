import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import test from 'ava';
import { isSiltError } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { openHttpStore } from '../../src/store/http.ts';
import { collect, collectBytes } from '../support/collect.ts';
import type { Fault } from '../support/faults.ts';
import { faultyRepository, KEY, listen, PATIENT, pack } from '../support/faulty-repository.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const RANGE = { offset: 1000, length: 300 * KiB };
const MAX = { maxBytes: 2 * MiB };

const statuses = [
  { status: 404, code: 'OBJECT_MISSING', transient: false },
  { status: 410, code: 'OBJECT_MISSING', transient: false },
  { status: 401, code: 'STORE_REFUSED', transient: false },
  { status: 403, code: 'STORE_REFUSED', transient: false },
  { status: 400, code: 'STORE_REFUSED', transient: false },
  { status: 416, code: 'RANGE_INVALID', transient: false },
  { status: 408, code: 'NETWORK', transient: true },
  { status: 425, code: 'NETWORK', transient: true },
  { status: 429, code: 'NETWORK', transient: true },
  { status: 500, code: 'NETWORK', transient: true },
  { status: 502, code: 'NETWORK', transient: true },
  { status: 503, code: 'NETWORK', transient: true },
] as const;

test('each status has its meaning', async (t) => {
  for (const { status, code, transient } of statuses) {
    const { store } = await faultyRepository(t, { kind: 'status', status, body: 'a page about it' });
    const error = await throwsSilt(t, () => collect(store.getRange(KEY, RANGE)), code);
    t.is(error.transient, transient, String(status));
    if (code === 'OBJECT_MISSING') {
      t.is(await store.get(KEY, MAX), undefined);
      t.is(await store.has(KEY), undefined);
    } else if (status !== 416) {
      await throwsSilt(t, () => store.get(KEY, MAX), code);
      await throwsSilt(t, () => store.has(KEY), code);
    }
  }
});

test('a server tells when to come back, in seconds or by date, but not in a year', async (t) => {
  const now = Date.UTC(2026, 10, 22, 12, 0, 0);
  const cases: Record<string, number | undefined> = {
    '7': 7000,
    'Sun, 22 Nov 2026 12:00:30 GMT': 30_000,
    'Sun, 22 Nov 2026 11:00:00 GMT': 0,
    '31536000': 300_000,
    soon: undefined,
  };
  for (const [text, retryAfterMs] of Object.entries(cases)) {
    const fault: Fault = { kind: 'status', status: 503, headers: { 'retry-after': text } };
    const { store } = await faultyRepository(t, fault, { ...PATIENT, now: () => now });
    const error = await throwsSilt(t, () => collect(store.getRange(KEY, RANGE)), 'NETWORK');
    t.is(error.details.retryAfterMs, retryAfterMs, text);
    t.is(error.details.status, 503);
  }
});

test('a redirect is followed, and each hop counted', async (t) => {
  const { store, proxy, reports } = await faultyRepository(t, undefined);
  proxy.script([
    { match: /packs/, fault: { kind: 'status', status: 302, headers: { location: '/elsewhere' } }, times: 1 },
    { match: /elsewhere/, fault: { kind: 'status', status: 307, headers: { location: `./${KEY}?x=1` } } },
  ]);
  t.true((await collectBytes(store.getRange(KEY, RANGE))).equals(pack.subarray(1000, 1000 + 300 * KiB)));
  t.deepEqual(
    reports.map(({ status }) => status),
    [302, 307, 206],
  );
});

test('redirects that never end are an error that waiting does not help', async (t) => {
  const { store, reports } = await faultyRepository(t, {
    kind: 'status',
    status: 301,
    headers: { location: `/${KEY}` },
  });
  const error = await throwsSilt(t, () => store.get(KEY, MAX), 'STORE_REFUSED');
  t.false(error.transient);
  t.is(reports.length, 6);
});

test('a redirect to another scheme is refused', async (t) => {
  const { store } = await faultyRepository(t, {
    kind: 'status',
    status: 302,
    headers: { location: 'file:///etc/passwd' },
  });
  await throwsSilt(t, () => store.get(KEY, MAX), 'STORE_REFUSED');
});

test('headers of the user go to the repository, and nowhere else', async (t) => {
  const elsewhere = await faultyRepository(t, undefined);
  const location = `${elsewhere.proxy.url}${KEY}`;
  const headers = { authorization: 'Bearer secret' };
  const { store, proxy } = await faultyRepository(
    t,
    { kind: 'status', status: 302, headers: { location } },
    { ...PATIENT, headers },
  );
  t.is((await store.get(KEY, MAX))?.bytes.byteLength, pack.byteLength);
  t.is(proxy.log[0]?.headers.authorization, 'Bearer secret');
  t.is(proxy.log[0]?.headers['accept-encoding'], 'identity');
  t.is(proxy.log[0]?.headers['user-agent'], 'silt');
  t.is(elsewhere.proxy.log[0]?.headers.authorization, undefined);
});

test('the query of a signed URL goes with every object, and stays out of messages', async (t) => {
  const { proxy } = await faultyRepository(t, undefined);
  const store = openHttpStore(`${proxy.url.slice(0, -1)}?signature=secret`, PATIENT);
  t.teardown(() => store.close());
  await store.get(KEY, MAX);
  t.is(proxy.log[0]?.path, `/${KEY}?signature=secret`);
  const error = await throwsSilt(
    t,
    () => collect(store.getRange('packs/x', { offset: 0, length: 1 })),
    'OBJECT_MISSING',
  );
  t.false(`${store.location} ${error.message} ${JSON.stringify(error.details)}`.includes('secret'));
});

test('user and password of a URL become a header, and stay out of messages', async (t) => {
  const { proxy } = await faultyRepository(t, undefined);
  const store = openHttpStore(proxy.url.replace('//', '//device:p%40ss@'), PATIENT);
  t.teardown(() => store.close());
  await store.get(KEY, MAX);
  t.is(proxy.log[0]?.headers.authorization, `Basic ${Buffer.from('device:p@ss').toString('base64')}`);
  t.is(store.location, proxy.url);
});

test('nobody at the other end, or an unknown name, is a network failure that may pass', async (t) => {
  const closed = createTcpServer();
  const url = await listen(closed);
  closed.close();
  for (const location of [url, 'http://repository.invalid/']) {
    const store = openHttpStore(location, PATIENT);
    t.teardown(() => store.close());
    const error = await throwsSilt(t, () => store.get(KEY, MAX), 'NETWORK');
    t.true(error.transient);
  }
});

test('what does not speak HTTP is a network failure', async (t) => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.end('SSH-2.0-dropbear\r\n');
  });
  t.teardown(() => server.close());
  const store = openHttpStore(await listen(server), PATIENT);
  t.teardown(() => store.close());
  await throwsSilt(t, () => store.get(KEY, MAX), 'NETWORK');
});

test('requests go through the proxy of the environment, unless it is told otherwise', async (t) => {
  const asked: string[] = [];
  const forward = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('from the proxy');
  });
  t.teardown(() => forward.close());
  const env = { HTTP_PROXY: await listen(forward) };
  const through = openHttpStore('http://repository.invalid/r/', { ...PATIENT, env });
  t.teardown(() => through.close());
  const found = await through.get('metadata/timestamp.json', MAX);
  t.is(Buffer.from(found?.bytes ?? []).toString(), 'from the proxy');
  t.deepEqual(asked, ['http://repository.invalid/r/metadata/timestamp.json']);
  const { proxy } = await faultyRepository(t, undefined);
  const around = openHttpStore(proxy.url, { ...PATIENT, env: { ...env, NO_PROXY: '127.0.0.1' } });
  t.teardown(() => around.close());
  t.is((await around.get(KEY, MAX))?.bytes.byteLength, MiB);
  t.is(asked.length, 1);
});

test('a proxy that wants credentials is told apart from a bad network', async (t) => {
  const forward = createServer((_, response) => response.writeHead(407).end());
  forward.on('connect', (_, socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'));
  t.teardown(() => forward.close());
  const url = await listen(forward);
  for (const location of ['http://repository.invalid/', 'https://repository.invalid/']) {
    const store = openHttpStore(location, { ...PATIENT, env: { HTTP_PROXY: url, HTTPS_PROXY: url } });
    t.teardown(() => store.close());
    await throwsSilt(t, () => store.get(KEY, MAX), 'STORE_REFUSED');
  }
});

test('only http and https locations are taken', (t) => {
  for (const url of ['ftp://example.org/', 'repository', '']) {
    const error = t.throws(() => openHttpStore(url));
    t.true(isSiltError(error, 'USAGE'));
  }
});
