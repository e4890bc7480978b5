/**
 * How connections come about: addresses of both families, proxies, versions of HTTP; and what of a location is
 * shown.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openHttpStore } from '../../src/store/http.ts';
import type { HttpStoreOptions } from '../../src/store/http-options.ts';
import { openMirroredStore, openReadStore, openStore } from '../../src/store/open.ts';
import { publicLocation } from '../../src/store/public-location.ts';
import { collect, collectBytes } from '../support/collect.ts';
import { faultyRepository, KEY, listen, PATIENT, pack } from '../support/faulty-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { certify } from '../support/test-pki.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const MAX = { maxBytes: pack.length };
const DAY_MS = 86_400_000;

const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);
const ipv6Test = hasIpv6 ? test : test.skip;

async function serve(t: ExecutionContext<unknown>, host: string): Promise<URL> {
  const directory = await temporaryDirectory(t);
  await (await openDirectoryStore(directory)).putIfAbsent(KEY, pack);
  const server = await startStaticServer(directory, { host, graceMs: 0 });
  t.teardown(() => server.close());
  return new URL(server.url);
}

async function size(t: ExecutionContext<unknown>, url: string, options: HttpStoreOptions = {}) {
  const store = openHttpStore(url, { ...PATIENT, ...options });
  t.teardown(() => store.close());
  return (await store.get(KEY, MAX))?.bytes.length;
}

/** A name with these addresses, whatever name it is. */
function addresses(...list: readonly (readonly [string, 4 | 6])[]): LookupFunction {
  return (_, __, callback) => callback(null, list.map(([address, family]) => ({ address, family })) as never);
}

ipv6Test('an address of IPv6 names a server', async (t) => {
  const url = await serve(t, '::1');
  t.is(url.hostname, '[::1]');
  t.is(await size(t, url.href), pack.length);
});

ipv6Test('where one family is dead the other serves, whichever comes first', async (t) => {
  const four = await serve(t, '127.0.0.1');
  const six = await serve(t, '::1');
  for (const { port } of [four, six]) {
    for (const order of [addresses(['::1', 6], ['127.0.0.1', 4]), addresses(['127.0.0.1', 4], ['::1', 6])]) {
      t.is(await size(t, `http://silt.example:${port}/`, { lookup: order }), pack.length);
    }
  }
});

test('an address that swallows what is sent to it is left for the next', async (t) => {
  const { port } = await serve(t, '127.0.0.1');
  // Of the net for documentation, RFC 5737: nobody answers, or the machine knows no way there.
  const lookup = addresses(['192.0.2.1', 4], ['127.0.0.1', 4]);
  t.is(await size(t, `http://silt.example:${port}/`, { lookup }), pack.length);
});

ipv6Test('NO_PROXY names addresses of IPv6, domains and ports', async (t) => {
  const { port } = await serve(t, '::1');
  const proxy = createServer((_, response) => response.end('from the proxy'));
  const env = { HTTP_PROXY: await listen(proxy) };
  t.teardown(() => proxy.close());
  const lookup = addresses(['::1', 6]);
  const ask = (host: string, NO_PROXY: string) =>
    size(t, `http://${host}:${port}/`, { env: { ...env, NO_PROXY }, lookup });
  t.is(await ask('[::1]', '::1'), pack.length);
  t.is(await ask('[::1]', 'example.com'), 'from the proxy'.length);
  t.is(await ask('a.example.com', 'other, .example.com'), pack.length);
  t.is(await ask('a.example.com', `example.com:${port}`), pack.length);
  t.is(await ask('a.example.com', 'example.com:1'), 'from the proxy'.length);
  t.is(await ask('a.example.com', '*'), pack.length);
});

test('a password of the proxy goes to the proxy, and into no message', async (t) => {
  const seen: (string | undefined)[] = [];
  const proxy = createServer((request, response) => {
    seen.push(request.headers['proxy-authorization']);
    response.writeHead(407).end();
  });
  const env = { HTTP_PROXY: (await listen(proxy)).replace('//', '//user:tops3cret@') };
  t.teardown(() => proxy.close());
  const store = openHttpStore('http://silt.example/', { ...PATIENT, env });
  t.teardown(() => store.close());
  const error = await throwsSilt(t, () => store.get(KEY, MAX), 'STORE_REFUSED');
  t.is(seen[0], `Basic ${Buffer.from('user:tops3cret').toString('base64')}`);
  t.false(JSON.stringify([error.message, error.details]).includes('tops3cret'));
});

test('HTTP/2 is spoken only to whoever asks for it', async (t) => {
  const party = await certify({
    name: 'silt',
    ca: true,
    usage: [],
    hosts: ['127.0.0.1'],
    from: new Date(Date.now() - DAY_MS),
    to: new Date(Date.now() + DAY_MS),
  });
  const tls = { ca: party.certificate };
  const versions: string[] = [];
  const server = createSecureServer(
    { cert: party.certificate, key: party.key, allowHTTP1: true },
    (request, response) => {
      versions.push(request.httpVersion);
      response.writeHead(200).end(pack);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  t.is(await size(t, url, { tls }), pack.length);
  t.is(await size(t, url, { tls, http2: true }), pack.length);
  t.deepEqual(versions, ['1.1', '2.0']);
});

test('after wrong bytes every cache on the way is told so', async (t) => {
  const { store, proxy } = await faultyRepository(t, undefined);
  const range = { offset: 0, length: 1000 };
  await collectBytes(store.getRange(KEY, range));
  await collectBytes(store.getRange(KEY, range, { fresh: true }));
  await store.get(KEY, { ...MAX, fresh: true });
  t.deepEqual(
    proxy.log.map(({ headers }) => headers['cache-control']),
    [undefined, 'no-cache', 'no-cache'],
  );
});

test('of a location that carries secrets only the rest is shown', (t) => {
  const shown: Readonly<Record<string, string>> = {
    'https://user:tops3cret@cdn.example/r?token=tops3cret#tops3cret': 'https://cdn.example/r',
    'HTTPS://CDN.example?Signature=tops3cret': 'https://cdn.example/',
    'http://user:tops3cret@@cdn example/r?tops3cret': 'http://cdn example/r',
    'https:user:tops3cret@:port/': 'https::port/',
    './directory?not=a-query': './directory?not=a-query',
    's3://bucket/prefix': 's3://bucket/prefix',
  };
  for (const [location, expected] of Object.entries(shown)) t.is(publicLocation(location), expected);
});

test('a signature in the URL goes with every request to its host, to no other, and into no message', async (t) => {
  const elsewhere = await faultyRepository(t, undefined);
  const { proxy } = await faultyRepository(t, undefined);
  const secret = 'tops3cret';
  const signed = `${proxy.url}?Expires=1&Signature=${secret}`;
  const location = `${elsewhere.proxy.url}${KEY}`;
  const reports: unknown[] = [];
  const store = await openReadStore(signed, { onRequest: (report) => reports.push(report) });
  t.teardown(() => store.close());
  const range = { offset: 0, length: 10 };
  proxy.script([{ match: /packs/, fault: { kind: 'status', status: 302, headers: { location } }, times: 1 }]);
  await collect(store.getRange(KEY, range));
  await store.has(KEY);
  await store.get(KEY, MAX);
  t.true(proxy.log.every(({ path }) => path === `/${KEY}?Expires=1&Signature=${secret}`));
  t.deepEqual(
    elsewhere.proxy.log.map(({ path }) => path),
    [`/${KEY}`],
  );
  const told: unknown[] = [store.location, reports];
  for (const status of [403, 404, 416, 429, 500]) {
    proxy.script([{ match: /packs/, fault: { kind: 'status', status } }]);
    const error = await t.throwsAsync(collect(store.getRange(KEY, range)));
    told.push(error?.message, (error as { details?: unknown }).details);
  }
  proxy.script([{ match: /packs/, fault: { kind: 'reset', after: 0 } }]);
  const reset = await throwsSilt(t, () => collect(store.getRange(KEY, range)), 'NETWORK');
  told.push(reset.message, reset.details);
  const written = await throwsSilt(t, () => openStore(signed), 'USAGE');
  const unusable = await throwsSilt(t, () => openReadStore(`http://x:port/?${secret}`), 'USAGE');
  const twice = await throwsSilt(t, () => openMirroredStore([signed, signed]), 'USAGE');
  for (const error of [written, unusable, twice]) told.push(error.message, error.details);
  t.false(JSON.stringify(told).includes(secret));
});

test('a place that is not there counts as one that is down', async (t) => {
  const { proxy } = await faultyRepository(t, undefined);
  const failures: string[] = [];
  const store = await openMirroredStore(['/media/no-such-stick', proxy.url], {
    onFailure: (location, { code }) => failures.push(`${location} ${code}`),
  });
  t.teardown(() => store.close());
  t.is((await store.get(KEY, MAX))?.bytes.length, pack.length);
  t.deepEqual(failures, ['/media/no-such-stick NOT_A_REPOSITORY']);
  t.is((await collectBytes(store.getRange(KEY, { offset: 0, length: 10 }))).length, 10);
  await throwsSilt(t, () => openMirroredStore(['/media/no-such-stick', 'ftp://x/']), 'USAGE');
});
