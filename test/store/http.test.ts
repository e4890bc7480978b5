import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import test, { type ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openHttpStore } from '../../src/store/http.ts';
import { collect, collectBytes } from '../support/collect.ts';
import type { Fault } from '../support/faults.ts';
import { faultyRepository, KEY, listen, PATIENT, pack } from '../support/faulty-repository.ts';
import { type Repository, testReading } from '../support/store-contract.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const RANGE = { offset: 1000, length: 300 * KiB };
const MAX = { maxBytes: 2 * MiB };

/** A stall is made visible by these. */
const IMPATIENT = { ...PATIENT, headersTimeoutMs: 100, bodyTimeoutMs: 100 };

async function openRepository(t: ExecutionContext<unknown>): Promise<Repository> {
  const directory = await temporaryDirectory(t);
  const server = await startStaticServer(directory);
  const writer = await openDirectoryStore(directory);
  const reader = openHttpStore(server.url, PATIENT);
  t.teardown(async () => {
    await reader.close();
    await server.close();
  });
  return { writer, reader };
}

testReading(test, 'http', openRepository);

const wrongRanges: Record<string, Fault> = {
  'the whole object': { kind: 'ignore-range' },
  'another range': { kind: 'shift-range', by: 1 },
  'a part without Content-Range': { kind: 'headers', set: { 'content-range': undefined } },
  'a part with a Content-Range of nonsense': { kind: 'headers', set: { 'content-range': 'bytes all' } },
  'a part that says it is longer': {
    kind: 'headers',
    set: { 'content-range': `bytes 1000-999999/${MiB}`, 'content-length': undefined },
  },
  'a part of an object that is too small for it': {
    kind: 'headers',
    set: { 'content-range': `bytes 1000-${1000 + 300 * KiB - 1}/2000` },
  },
  'several parts': { kind: 'headers', set: { 'content-type': 'multipart/byteranges; boundary=x' } },
  'compressed bytes': { kind: 'headers', set: { 'content-encoding': 'gzip' } },
};

for (const [what, fault] of Object.entries(wrongRanges)) {
  test(`a server that sends ${what} is refused before any of it is downloaded`, async (t) => {
    const { store, reports } = await faultyRepository(t, fault);
    const error = await throwsSilt(t, () => collect(store.getRange(KEY, RANGE)), 'RANGE_INVALID');
    t.false(error.transient);
    t.is(reports.length, 1);
    t.is(reports[0]?.bytes, 0);
  });
}

test('the body of a refused answer is cut off, not read to its end', async (t) => {
  const closed = Promise.withResolvers<void>();
  let sent = 0;
  function* blocks(): Generator<Uint8Array> {
    for (; sent < 64 * MiB; sent += MiB) yield new Uint8Array(MiB);
  }
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': 64 * MiB });
    pipeline(blocks(), response).then(closed.resolve, closed.resolve);
  });
  t.teardown(() => server.close());
  const store = openHttpStore(await listen(server), PATIENT);
  t.teardown(() => store.close());
  await throwsSilt(t, () => collect(store.getRange(KEY, RANGE)), 'RANGE_INVALID');
  await closed.promise;
  t.true(sent < 32 * MiB);
});

test('the whole object is good enough where it is exactly what was asked for', async (t) => {
  const { store } = await faultyRepository(t, { kind: 'ignore-range' });
  const found = await collectBytes(store.getRange(KEY, { offset: 0, length: pack.byteLength }));
  t.true(found.equals(pack));
});

const lost: Record<string, Fault> = {
  'ends too early': { kind: 'short', bytes: 1000, by: 'end' },
  'is cut off': { kind: 'short', bytes: 1000, by: 'close' },
  'is reset half-way': { kind: 'reset', after: 1000 },
  'is reset at its first byte': { kind: 'reset', after: 0 },
  'says it is shorter': { kind: 'headers', set: { 'content-length': '1000' } },
};

for (const [what, fault] of Object.entries(lost)) {
  test(`an answer that ${what} may be asked for again`, async (t) => {
    const { store, proxy } = await faultyRepository(t, fault);
    const error = await throwsSilt(t, () => collect(store.getRange(KEY, RANGE)), 'NETWORK');
    t.true(error.transient);
    proxy.script([]);
    const found = await collectBytes(store.getRange(KEY, RANGE));
    t.true(found.equals(pack.subarray(RANGE.offset, RANGE.offset + RANGE.length)));
  });
}

test('what arrived before a reset has been handed on', async (t) => {
  const { store } = await faultyRepository(t, { kind: 'short', bytes: 100_000, by: 'close' });
  let received = 0;
  const reading = async (): Promise<void> => {
    for await (const block of store.getRange(KEY, RANGE)) received += block.byteLength;
  };
  await throwsSilt(t, reading, 'NETWORK');
  t.is(received, 100_000);
});

test('an answer that goes on after the range is refused', async (t) => {
  const { store } = await faultyRepository(t, { kind: 'long', bytes: 1 });
  const error = await throwsSilt(t, () => collect(store.getRange(KEY, RANGE)), 'RANGE_INVALID');
  t.false(error.transient);
});

test('a stall and a silence end when patience does', async (t) => {
  for (const fault of [{ kind: 'stall', after: 1000 }, { kind: 'silence' }] as const) {
    const { store, reports } = await faultyRepository(t, fault, IMPATIENT);
    const error = await throwsSilt(t, () => collect(store.getRange(KEY, RANGE)), 'NETWORK');
    t.true(error.transient);
    t.is(reports.length, 1);
  }
});

test('altered bytes come through, for the digest to find', async (t) => {
  const { store } = await faultyRepository(t, { kind: 'flip-bit', at: 5 });
  const found = await collectBytes(store.getRange(KEY, RANGE));
  t.is(found.byteLength, RANGE.length);
  t.is((found[5] ?? 0) ^ (pack[RANGE.offset + 5] ?? 0), 0x10);
});

test('requests and bytes are reported exactly, once each', async (t) => {
  const { store, reports, proxy } = await faultyRepository(t, undefined);
  await store.has(KEY);
  await store.get(KEY, MAX);
  await collect(store.getRange(KEY, RANGE));
  await store.get('packs/missing', MAX);
  const expected = [
    ['HEAD', KEY, 200, 0],
    ['GET', KEY, 200, MiB],
    ['GET', KEY, 206, RANGE.length],
    ['GET', 'packs/missing', 404, 0],
  ];
  t.deepEqual(
    reports.map(({ method, key, status, bytes }) => [method, key, status, bytes]),
    expected,
  );
  t.true(reports.every((report) => report.seconds >= 0 && Object.isFrozen(report)));
  t.deepEqual(proxy.count(), { requests: 4, bytes: MiB + RANGE.length });
});

test('many objects share few connections', async (t) => {
  const { store, proxy } = await faultyRepository(t, undefined, { ...PATIENT, connections: 2 });
  await Promise.all(Array.from({ length: 20 }, () => collect(store.getRange(KEY, RANGE))));
  t.is(proxy.count().requests, 20);
  t.true(proxy.log.every(({ status }) => status === 206));
});

test('the size of an object is known although the server answers no HEAD, or leaves out the length', async (t) => {
  const { store, proxy } = await faultyRepository(t, undefined);
  proxy.script([{ match: /packs/, fault: { kind: 'status', status: 405 }, times: 1 }]);
  t.is((await store.has(KEY))?.size, MiB);
  proxy.script([
    { match: /packs/, fault: { kind: 'headers', set: { 'content-length': undefined } }, times: 1 },
  ]);
  t.is((await store.has(KEY))?.size, MiB);
});

test('a compressed document is refused rather than misread', async (t) => {
  const { store } = await faultyRepository(t, { kind: 'headers', set: { 'content-encoding': 'br' } });
  await throwsSilt(t, () => store.get(KEY, MAX), 'FORMAT_INVALID');
});

test('an object that grows beyond its cap is cut off', async (t) => {
  const { store, reports } = await faultyRepository(t, {
    kind: 'headers',
    set: { 'content-length': undefined },
  });
  await throwsSilt(t, () => store.get(KEY, { maxBytes: 100_000 }), 'FORMAT_INVALID');
  t.true((reports[0]?.bytes ?? 0) < 300_000);
});
