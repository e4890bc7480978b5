import { readFile, truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import test from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { openHttpStore } from '../../src/store/http.ts';
import { type Cdn, imageOne, imageTwo, publishCdn, startCdn } from '../support/cdn.ts';
import { collectBytes } from '../support/collect.ts';
import { PATIENT } from '../support/faulty-repository.ts';
import { nginxTest } from '../support/nginx-test.ts';
import { sharedDirectory } from '../support/release-repository.ts';
import { certify } from '../support/test-pki.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const shared = await sharedDirectory();
const repository = await publishCdn(shared.path);
test.after.always(() => shared.remove());

const DAY_MS = 86_400_000;
const FIRST = { selector: { version: '1.0.0' } } as const;

/** The pack that the first release fills, and where its bytes lie. */
function firstPack(cdn: Cdn): { key: string; path: string } {
  const path = cdn.origin.log.find((entry) => /^\/packs\//.test(entry.path))?.path ?? '';
  return { key: path.slice(1), path };
}

/** The files in which nginx keeps slices of objects whose path matches. */
async function cached(cdn: Cdn, path: RegExp): Promise<{ file: string; bytes: Buffer; body: number }[]> {
  const all = await Promise.all(
    (await cdn.nginx.cacheFiles()).map(async (file) => {
      const bytes = await readFile(file);
      const key = /\nKEY: (.*)\n/.exec(bytes.toString('latin1', 0, 1000))?.[1] ?? '';
      return { file, bytes, key, body: bytes.indexOf('\r\n\r\n') + 4 };
    }),
  );
  return all.filter(({ key }) => path.test(key));
}

/** Turns bits over in everything that is kept of such objects; says of how many. */
async function poison(cdn: Cdn, path: RegExp): Promise<number> {
  const files = await cached(cdn, path);
  for (const { file, bytes, body } of files) {
    for (let at = body; at < bytes.length; at += 1000) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
    await writeFile(file, bytes);
  }
  return files.length;
}

nginxTest('the second device that fetches an update costs the origin nothing', async (t) => {
  const cdn = await startCdn(t, repository);
  const one = await cdn.fetch();
  t.true(one.image.equals(imageTwo));
  const first = cdn.atOrigin();
  const { packs = [], other = [] } = Object.groupBy(first, (line) =>
    /\/packs\//.test(line) ? 'packs' : 'other',
  );
  // The catalog, the manifest, the index; and each slice of two packs once.
  t.deepEqual(
    other.map((line) => line.replace(/[0-9a-f]{64}/, '…')),
    ['/metadata/timestamp.json whole', '/targets/router/….2.0.0.json whole', `/indexes/… bytes=0-${MiB - 1}`],
  );
  t.is(new Set(packs).size, packs.length);
  const sizes = [...one.requests].filter(({ key }) => key.startsWith('packs/')).map(({ bytes }) => bytes);
  t.is(
    packs.length,
    sizes.reduce((sum, bytes) => sum + Math.ceil(bytes / MiB), 0),
  );
  const two = await cdn.fetch();
  t.true(two.image.equals(imageTwo));
  t.deepEqual(cdn.atOrigin(), []);
  t.deepEqual([one.report.requests, two.report.requests], [one.requests.length, one.requests.length]);
});

nginxTest(
  'a device that wants a little of a pack makes the node fetch the slice around it alone',
  async (t) => {
    const cdn = await startCdn(t, repository);
    await cdn.fetch(FIRST);
    const { key, path } = firstPack(cdn);
    const pack = await readFile(`${repository}${path}`);
    const fresh = await startCdn(t, repository);
    const store = openHttpStore(fresh.nginx.url, PATIENT);
    t.teardown(() => store.close());
    const range = { offset: MiB + 1000, length: 40 * KiB };
    const found = await collectBytes(store.getRange(key, range));
    t.true(found.equals(pack.subarray(range.offset, range.offset + range.length)));
    t.deepEqual(fresh.atOrigin(), [`${path} bytes=${MiB}-${2 * MiB - 1}`]);
  },
);

nginxTest(
  'a range over several slices is put together from those at hand and those that are not',
  async (t) => {
    const cdn = await startCdn(t, repository);
    await cdn.fetch(FIRST);
    const { key, path } = firstPack(cdn);
    const pack = await readFile(`${repository}${path}`);
    const fresh = await startCdn(t, repository);
    const store = openHttpStore(fresh.nginx.url, PATIENT);
    t.teardown(() => store.close());
    await collectBytes(store.getRange(key, { offset: MiB, length: 10 }));
    fresh.atOrigin();
    const range = { offset: MiB - 5, length: MiB + 10 };
    const found = await collectBytes(store.getRange(key, range));
    t.true(found.equals(pack.subarray(range.offset, range.offset + range.length)));
    t.deepEqual(fresh.atOrigin(), [`${path} bytes=0-${MiB - 1}`, `${path} bytes=${2 * MiB}-${3 * MiB - 1}`]);
  },
);

for (const kind of ['packs', 'indexes'] as const) {
  nginxTest(`wrong bytes of ${kind} in the cache are found, passed by and healed`, async (t) => {
    const cdn = await startCdn(t, repository);
    await cdn.fetch();
    cdn.atOrigin();
    t.true((await poison(cdn, new RegExp(`/${kind}/`))) > 0);
    const victim = await cdn.fetch();
    t.true(victim.image.equals(imageTwo));
    t.true(victim.waits.length > 0);
    t.true(cdn.atOrigin().every((line) => line.startsWith(`/${kind}/`)));
    const next = await cdn.fetch();
    t.true(next.image.equals(imageTwo));
    t.deepEqual([next.waits, cdn.atOrigin()], [[], []]);
  });
}

nginxTest(
  'wrong bytes that the origin gave once are not kept beyond the device that finds them',
  async (t) => {
    const cdn = await startCdn(t, repository);
    cdn.origin.script([{ match: /\/packs\//, fault: { kind: 'flip-bit', at: 500_000 }, times: 1 }]);
    const victim = await cdn.fetch();
    t.true(victim.image.equals(imageTwo));
    t.is(victim.waits.length, 1);
    const next = await cdn.fetch();
    t.true(next.image.equals(imageTwo));
    t.deepEqual(next.waits, []);
  },
);

nginxTest('another range than the one asked for is neither passed on nor kept', async (t) => {
  const cdn = await startCdn(t, repository);
  cdn.origin.script([{ match: /\/packs\//, fault: { kind: 'shift-range', by: 4096 }, times: 1 }]);
  const device = await cdn.fetch();
  t.true(device.image.equals(imageTwo));
  t.true(device.waits.length > 0);
  t.regex(cdn.nginx.errors(), /unexpected range in slice response/);
  t.deepEqual((await cdn.fetch()).waits, []);
});

nginxTest('half an object in the cache is passed by', async (t) => {
  const cdn = await startCdn(t, repository);
  await cdn.fetch();
  cdn.atOrigin();
  const files = await cached(cdn, /\/packs\//);
  for (const { file, bytes, body } of files) await truncate(file, body + ((bytes.length - body) >> 1));
  // nginx announces the whole and sends half: the device sees a stall, and that is why it is less patient here.
  const victim = await cdn.fetch({ parallel: 8 }, { ...PATIENT, bodyTimeoutMs: 1000 });
  t.true(victim.image.equals(imageTwo));
  t.true(cdn.atOrigin().length > 0);
  t.deepEqual((await cdn.fetch()).waits, []);
});

nginxTest('an answer that broke off at the origin is not kept', async (t) => {
  const cdn = await startCdn(t, repository);
  cdn.origin.script([{ match: /\/packs\//, fault: { kind: 'short', bytes: 5000, by: 'close' }, times: 1 }]);
  t.true((await cdn.fetch()).image.equals(imageTwo));
  const next = await cdn.fetch();
  t.true(next.image.equals(imageTwo));
  t.deepEqual(next.waits, []);
});

nginxTest('what the origin asks to wait reaches the device, and is waited', async (t) => {
  const cdn = await startCdn(t, repository);
  const busy = { kind: 'status', status: 503, headers: { 'retry-after': '7' } } as const;
  // Twice: the node tries it again itself.
  cdn.origin.script([{ match: /\/packs\//, fault: busy, times: 2 }]);
  const device = await cdn.fetch({ parallel: 1 });
  t.true(device.image.equals(imageTwo));
  t.deepEqual(
    device.waits.map((ms) => ms >= 7000 && ms < 8000),
    Array(device.waits.length).fill(true),
  );
  t.true(device.waits.length > 0);
});

nginxTest('asking past the cache is rationed, and what the cache has is not', async (t) => {
  const replace = [['burst=100 nodelay', 'burst=2 nodelay']] as const;
  const cdn = await startCdn(t, repository, { replace });
  const ask = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${cdn.nginx.url}metadata/timestamp.json`, { headers })).status;
  const pushing = await Promise.all(Array.from({ length: 60 }, () => ask({ 'cache-control': 'no-cache' })));
  t.true(pushing.includes(429));
  const ordinary = await Promise.all(Array.from({ length: 60 }, () => ask({})));
  t.true(ordinary.every((status) => status === 200));
});

nginxTest('a token in the query or a header makes no other object, and stays at the node', async (t) => {
  const cdn = await startCdn(t, repository);
  const url = `${cdn.nginx.url}metadata/timestamp.json`;
  const headers = { authorization: 'Bearer secret', cookie: 'a=b' };
  t.is((await fetch(`${url}?token=one`, { headers })).headers.get('x-cache'), 'MISS');
  t.is((await fetch(`${url}?token=two`)).headers.get('x-cache'), 'HIT');
  t.deepEqual(cdn.atOrigin(), ['/metadata/timestamp.json whole']);
  const [seen] = cdn.origin.log;
  t.deepEqual([seen?.headers.authorization, seen?.headers.cookie], [undefined, undefined]);
});

nginxTest('no path leads out of the repository, and nothing can be written', async (t) => {
  const cdn = await startCdn(t, repository);
  const tries: readonly (readonly [string, string, number])[] = [
    ['GET', '/packs/../../other/packs/abc', 400],
    ['GET', '/other/%2e%2e/packs/abc', 400],
    ['GET', '/other%2f..%2fpacks/abc', 400],
    ['GET', '/packs/..', 400],
    ['GET', '/somewhere/else', 404],
    ['GET', '/', 400],
    ['PUT', '/packs/abc', 405],
    ['DELETE', '/metadata/timestamp.json', 405],
  ];
  for (const [method, path, status] of tries) t.is(await raw(cdn.nginx.port, method, path), status, path);
  t.deepEqual(cdn.atOrigin(), []);
  t.is(await raw(cdn.nginx.port, 'GET', '/packs/abc'), 404);
});

/** The status of a request whose path nobody tidies up. */
async function raw(port: number, method: string, path: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  request({ port, method, path }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  })
    .on('error', reject)
    .end();
  return await promise;
}

nginxTest('several ranges at once are not served, whoever asks', async (t) => {
  const cdn = await startCdn(t, repository);
  await cdn.fetch(FIRST);
  const { key } = firstPack(cdn);
  const answer = await fetch(`${cdn.nginx.url}${key}`, { headers: { range: 'bytes=0-1,100-101' } });
  t.is(answer.status, 200);
  t.true(Buffer.from(await answer.arrayBuffer()).equals(await readFile(`${repository}/${key}`)));
});

nginxTest(
  'with a cold cache and no origin a device is told to try later; with a warm one it is done',
  async (t) => {
    const cdn = await startCdn(t, repository);
    await cdn.fetch(FIRST);
    await cdn.origin.close();
    t.true((await cdn.fetch(FIRST)).image.equals(imageOne));
    const error = await throwsSilt(t, () => cdn.fetch(), 'NETWORK');
    t.true(error.transient);
  },
);

nginxTest('an update comes over HTTP/2 through TLS, where that is wanted', async (t) => {
  const { certificate, key } = await certify({
    name: 'silt cdn',
    ca: true,
    usage: [],
    hosts: ['127.0.0.1'],
    from: new Date(Date.now() - DAY_MS),
    to: new Date(Date.now() + DAY_MS),
  });
  const only = 'if ($server_protocol != "HTTP/2.0") { return 426; } if ($silt_path = "") {';
  const replace = [['if ($silt_path = "") {', only]] as const;
  const cdn = await startCdn(t, repository, { replace, tls: { certificate, key } });
  t.true((await cdn.fetch({}, { ...PATIENT, http2: true })).image.equals(imageTwo));
  const error = await throwsSilt(t, () => cdn.fetch(), 'STORE_REFUSED');
  t.is(error.details.status, 426);
});
