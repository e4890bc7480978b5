import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { parseRange } from '../../src/server/byte-range.ts';
import { openHttpStore } from '../../src/store/http.ts';
import type { HttpStoreOptions } from '../../src/store/http-options.ts';
import type { ReadStore } from '../../src/store/store.ts';
import { collect, collectBytes } from '../support/collect.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { certify } from '../support/test-pki.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const DAY_MS = 86_400_000;
/** Signed by itself; what is checked here is checked by the clock. */
const { certificate: cert, key } = await certify({
  name: 'silt test',
  ca: true,
  usage: [],
  hosts: ['127.0.0.1'],
  from: new Date(Date.now() - DAY_MS),
  to: new Date(Date.now() + DAY_MS),
});

const pack = seededBytes('tls pack', 2 * MiB);
const RANGE = { offset: 1000, length: MiB };
const MAX = { maxBytes: 4 * MiB };

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | number>;
  readonly body: Uint8Array;
}

/** The pack, or the range of it that is asked for. */
function answer(range: string | undefined): Answer {
  const span = parseRange(range, pack.byteLength);
  if (span === undefined || span === 'unsatisfiable') {
    return { status: 200, headers: { 'content-length': pack.byteLength }, body: pack };
  }
  const { start, end } = span;
  const contentRange = `bytes ${start}-${end - 1}/${pack.byteLength}`;
  const headers = { 'content-range': contentRange, 'content-length': end - start };
  return { status: 206, headers, body: pack.subarray(start, end) };
}

const respond: RequestListener = (request, response) => {
  const { status, headers, body } = answer(request.headers.range);
  response.writeHead(status, headers).end(body);
};

async function listen(t: ExecutionContext<unknown>, server: Server | Http2SecureServer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  t.teardown(() => server.close());
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function open(t: ExecutionContext<unknown>, url: string, options: HttpStoreOptions = {}): ReadStore {
  const store = openHttpStore(url, { tls: { ca: cert }, ...options });
  t.teardown(() => store.close());
  return store;
}

test('HTTP/2 is spoken where it is wanted and the server offers it, over one connection', async (t) => {
  const versions = new Set<string>();
  let connections = 0;
  const server = createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
    versions.add(request.httpVersion);
    const { status, headers, body } = answer(request.headers.range);
    response.writeHead(status, headers);
    response.end(body);
  });
  server.on('secureConnection', () => {
    connections += 1;
  });
  const store = open(t, await listen(t, server), { http2: true });
  t.is((await store.get('packs/a', MAX))?.bytes.byteLength, pack.byteLength);
  const found = await Promise.all(
    Array.from({ length: 8 }, () => collectBytes(store.getRange('packs/a', RANGE))),
  );
  t.true(found.every((bytes) => bytes.equals(pack.subarray(1000, 1000 + MiB))));
  t.deepEqual([...versions], ['2.0']);
  t.is(connections, 1);
});

test('a stream that is reset over HTTP/2 may be asked for again', async (t) => {
  const server = createSecureServer({ cert, key }, (_, response) => {
    response.writeHead(206, { 'content-range': `bytes 1000-${1000 + MiB - 1}/${pack.byteLength}` });
    response.write(pack.subarray(1000, 2000), () => response.stream.close(2));
  });
  const store = open(t, await listen(t, server), { http2: true });
  const error = await throwsSilt(t, () => collect(store.getRange('packs/a', RANGE)), 'NETWORK');
  t.true(error.transient);
});

test('a stream that stalls over HTTP/2 ends when patience does', async (t) => {
  const server = createSecureServer({ cert, key }, (_, response) => {
    response.writeHead(206, { 'content-range': `bytes 1000-${1000 + MiB - 1}/${pack.byteLength}` });
    response.write(pack.subarray(1000, 2000));
  });
  const store = open(t, await listen(t, server), { bodyTimeoutMs: 100, http2: true });
  const error = await throwsSilt(t, () => collect(store.getRange('packs/a', RANGE)), 'NETWORK');
  t.true(error.transient);
});

test('a certificate nobody vouches for ends it, and waiting does not help', async (t) => {
  const server = createServer({ cert, key }, respond);
  const url = await listen(t, server);
  const distrusting = openHttpStore(url);
  t.teardown(() => distrusting.close());
  const error = await throwsSilt(t, () => distrusting.get('packs/a', MAX), 'STORE_REFUSED');
  t.false(error.transient);
  const misnamed = open(t, url.replace('127.0.0.1', 'localhost'));
  await throwsSilt(t, () => misnamed.get('packs/a', MAX), 'STORE_REFUSED');
});

test('a redirect from https to http is refused', async (t) => {
  const server = createServer({ cert, key }, (_, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:1/packs/a' }).end();
  });
  const store = open(t, await listen(t, server));
  const error = await throwsSilt(t, () => store.get('packs/a', MAX), 'STORE_REFUSED');
  t.regex(error.message, /from https to http/);
});

test('a client certificate is presented to a server that wants one', async (t) => {
  const server = createServer({ cert, key, ca: cert, requestCert: true }, respond);
  const url = await listen(t, server);
  const known = open(t, url, { tls: { ca: cert, cert, key } });
  t.is((await known.get('packs/a', MAX))?.bytes.byteLength, pack.byteLength);
  const stranger = open(t, url);
  await t.throwsAsync(stranger.get('packs/a', MAX));
});

test('https goes through a tunnel of the proxy, with the certificate still checked', async (t) => {
  const server = createServer({ cert, key }, respond);
  const url = await listen(t, server);
  const tunnels: string[] = [];
  const proxy = createHttpServer();
  proxy.on('connect', (request, socket) => {
    tunnels.push(request.url ?? '');
    const onward = connect(Number(new URL(url).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) end.on('error', () => {});
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  proxy.listen(0, '127.0.0.1', resolve);
  await promise;
  t.teardown(() => proxy.close());
  const env = { https_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  const store = open(t, url, { env });
  t.is((await store.get('packs/a', MAX))?.bytes.byteLength, pack.byteLength);
  t.deepEqual(tunnels, [new URL(url).host]);
  const distrusting = openHttpStore(url, { env });
  t.teardown(() => distrusting.close());
  await throwsSilt(t, () => distrusting.get('packs/a', MAX), 'STORE_REFUSED');
});
