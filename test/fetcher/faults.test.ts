import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { ErrorCode } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { openHttpStore } from '../../src/store/http.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import type { Fault } from '../support/faults.ts';
import { PATIENT } from '../support/faulty-repository.ts';
import { holdsImage } from '../support/holds-image.ts';
import { fetchRelease, type ServedRepository, serveRepository } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const image = seededBytes('faults', 1500 * KiB);

/** Every fault of the proxy, for a while and for ever, on every kind of object. */
const test = repositoryTest({ new: image });

interface Bench extends ServedRepository {
  readonly output: string;
  readonly directory: string;
  /** Milliseconds that were waited, or would have been. */
  readonly waits: number[];
  /** Fetches into a directory where an older image lies. */
  run(): ReturnType<ServedRepository['fetch']>;
}

const BEFORE = Buffer.from('the image that was there before');

async function openBench(
  t: ExecutionContext<{ repository: string }>,
  http = PATIENT,
  attempts?: number,
): Promise<Bench> {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  await writeFile(output, BEFORE);
  const waits: number[] = [];
  const served = await serveRepository(t, t.context.repository, {}, http);
  const sleep = async (ms: number): Promise<void> => void waits.push(ms);
  const retry = { sleep, random: () => 0, attempts };
  return { ...served, directory, output, waits, run: () => served.fetch({ output, retry }) };
}

const status = (code: number, headers: Record<string, string> = {}): Fault => ({
  kind: 'status',
  status: code,
  headers,
  body: 'an answer of the server',
});

interface Case {
  readonly name: string;
  readonly fault: Fault;
  /** What a fault that does not pass ends in; on the index and on packs. */
  readonly code: ErrorCode;
  /** It is not worth asking again. */
  readonly final?: boolean;
}

const cases: readonly Case[] = [
  { name: '200 to a range', fault: { kind: 'ignore-range' }, code: 'RANGE_INVALID' },
  { name: 'the wrong range', fault: { kind: 'shift-range', by: 3 }, code: 'RANGE_INVALID' },
  {
    name: 'no Content-Range',
    fault: { kind: 'headers', set: { 'content-range': undefined } },
    code: 'RANGE_INVALID',
  },
  {
    name: 'Content-Encoding',
    fault: { kind: 'headers', set: { 'content-encoding': 'gzip' } },
    code: 'RANGE_INVALID',
  },
  { name: 'other bytes', fault: { kind: 'wrong-bytes' }, code: 'DIGEST_MISMATCH' },
  { name: 'a flipped bit', fault: { kind: 'flip-bit', at: 100 }, code: 'DIGEST_MISMATCH' },
  { name: 'a body that ends early', fault: { kind: 'short', bytes: 0, by: 'end' }, code: 'NETWORK' },
  {
    name: 'a connection that closes early',
    fault: { kind: 'short', bytes: 100, by: 'close' },
    code: 'NETWORK',
  },
  { name: 'a longer body', fault: { kind: 'long', bytes: 70_000 }, code: 'RANGE_INVALID' },
  { name: 'a reset at once', fault: { kind: 'reset', after: 0 }, code: 'NETWORK' },
  { name: '404', fault: status(404), code: 'OBJECT_MISSING', final: true },
  { name: '403', fault: status(403), code: 'STORE_REFUSED', final: true },
  { name: '416', fault: status(416), code: 'RANGE_INVALID' },
  { name: '429', fault: status(429, { 'retry-after': '7' }), code: 'NETWORK' },
  { name: '503', fault: status(503, { 'retry-after': '11' }), code: 'NETWORK' },
  { name: '500', fault: status(500), code: 'NETWORK' },
  { name: 'a redirect loop', fault: status(302, { location: '/loop' }), code: 'STORE_REFUSED', final: true },
];

/** What went wrong is told, and nothing has happened to the output. */
async function fails(t: ExecutionContext, bench: Bench, code: ErrorCode): Promise<void> {
  const error = await throwsSilt(t, bench.run, code);
  t.true(error.message.length > 20);
  await holdsImage(t, bench.output, BEFORE);
}

for (const { name, fault, code, final = false } of cases) {
  test(`${name}: passes when it passes, and else ends in ${code}`, async (t) => {
    for (const match of [/indexes/, /packs/]) {
      const passing = await openBench(t);
      const rules = [{ match, from: 1, times: 2, fault }];
      passing.proxy.script(fault.kind === 'status' && fault.status === 302 ? [...rules, loop] : rules);
      if (final) {
        await fails(t, passing, code);
        t.deepEqual(passing.waits, []);
      } else {
        await passing.run();
        await holdsImage(t, passing.output, image);
        t.is(passing.proxy.log.filter((request) => request.fault !== undefined).length, 2);
        t.is(passing.waits.length, 2);
        t.deepEqual(await readdir(passing.directory), ['image']);
      }
      const lasting = await openBench(t);
      lasting.proxy.script([{ match, fault }, loop]);
      await fails(t, lasting, code);
      if (!final) t.true(lasting.waits.length >= 5 && lasting.waits.length < 40, `${lasting.waits.length}`);
      // When it is over, the next run ends well, whatever this one left.
      lasting.proxy.script([]);
      await lasting.run();
      await holdsImage(t, lasting.output, image);
    }
  });
}

const loop = { match: /^\/loop/, fault: status(302, { location: '/loop' }) };

for (const { name, fault, code } of [
  { name: 'other bytes', fault: { kind: 'wrong-bytes' }, code: /FORMAT_INVALID|DIGEST_MISMATCH/ },
  {
    name: 'a truncated body',
    fault: { kind: 'short', bytes: 50, by: 'end' },
    code: /FORMAT_INVALID|DIGEST_MISMATCH/,
  },
  { name: 'a longer body', fault: { kind: 'long', bytes: 50 }, code: /FORMAT_INVALID|DIGEST_MISMATCH/ },
  {
    name: 'a flipped bit',
    fault: { kind: 'flip-bit', at: 40 },
    code: /FORMAT_INVALID|DIGEST_MISMATCH|FORMAT_UNSUPPORTED/,
  },
  { name: 'a closed connection', fault: { kind: 'short', bytes: 50, by: 'close' }, code: /NETWORK/ },
  { name: 'a reset', fault: { kind: 'reset', after: 10 }, code: /NETWORK/ },
  { name: '403', fault: status(403), code: /STORE_REFUSED/ },
  { name: '500', fault: status(500), code: /NETWORK/ },
  { name: '404', fault: status(404), code: /OBJECT_MISSING|NOT_A_REPOSITORY/ },
] as const satisfies readonly { name: string; fault: Fault; code: RegExp }[]) {
  test(`metadata: ${name} is one clear error`, async (t) => {
    for (const match of [/metadata/, /targets/]) {
      const bench = await openBench(t);
      bench.proxy.script([{ match, fault }]);
      const error = await t.throwsAsync(bench.run());
      t.regex((error as Error & { code: string }).code, code, String(match));
      await holdsImage(t, bench.output, BEFORE);
      t.is(bench.proxy.count(/packs/).requests, 0);
    }
  });
}

test('Retry-After is waited for, and no longer than the back-off besides', async (t) => {
  const bench = await openBench(t);
  bench.proxy.script([
    { match: /packs/, from: 1, times: 1, fault: status(503, { 'retry-after': '11' }) },
    { match: /indexes/, from: 1, times: 1, fault: status(429, { 'retry-after': '7' }) },
    { match: /metadata/, from: 1, times: 1, fault: status(503, { 'retry-after': '3' }) },
  ]);
  await bench.run();
  await holdsImage(t, bench.output, image);
  t.deepEqual(bench.waits, [3000, 7000, 11_000]);
});

test('a body that breaks in the middle goes on where it broke, wherever that is', async (t) => {
  const random = seededRandom(77);
  for (let round = 0; round < 8; round++) {
    const bench = await openBench(t);
    const after = Math.floor(random() * MiB);
    const kind = round % 2 === 0 ? ('reset' as const) : ('short' as const);
    const fault: Fault = kind === 'reset' ? { kind, after } : { kind, bytes: after, by: 'close' };
    bench.proxy.script([{ match: /packs/, from: 1, times: 3, fault }]);
    const report = await bench.run();
    await holdsImage(t, bench.output, image);
    t.true(bench.proxy.log.filter((request) => request.fault !== undefined).length >= 2);
    const clean = await openBench(t);
    t.is(
      report.dataBytes,
      (await clean.run()).dataBytes,
      `nothing was fetched twice, ${kind} after ${after}`,
    );
  }
});

test('a line that breaks every 100 KiB still gets there', async (t) => {
  const bench = await openBench(t);
  bench.proxy.script([{ match: /packs/, fault: { kind: 'short', bytes: 100 * KiB, by: 'close' } }]);
  const report = await bench.run();
  await holdsImage(t, bench.output, image);
  t.true(report.requests > 10);
});

test('a body that changes while it is fetched in parts is found out', async (t) => {
  const bench = await openBench(t);
  bench.proxy.script([
    { match: /packs/, from: 1, times: 1, fault: { kind: 'reset', after: 200_000 } },
    { match: /packs/, from: 2, times: 2, fault: { kind: 'wrong-bytes' } },
  ]);
  await bench.run();
  await holdsImage(t, bench.output, image);
});

for (const { name, match, fault } of [
  { name: 'a pack that stalls', match: /packs/, fault: { kind: 'stall', after: 1000 } },
  { name: 'an index that stalls', match: /indexes/, fault: { kind: 'stall', after: 100 } },
  { name: 'a server that is silent', match: /packs/, fault: { kind: 'silence' } },
] as const) {
  test(`${name} is asked again, and given up in the end`, async (t) => {
    const hasty = { ...PATIENT, bodyTimeoutMs: 300, headersTimeoutMs: 300 };
    const passing = await openBench(t, hasty, 3);
    passing.proxy.script([{ match, from: 1, times: 1, fault }]);
    await passing.run();
    await holdsImage(t, passing.output, image);
    const lasting = await openBench(t, hasty, 3);
    lasting.proxy.script([{ match, fault }]);
    await fails(t, lasting, 'NETWORK');
    t.is(await again(lasting.proxy, lasting), image.length);
  });
}

async function again(proxy: FaultProxy, bench: Bench): Promise<number> {
  proxy.script([]);
  return (await bench.run()).imageSize;
}

test('a server that is not there is a network error', async (t) => {
  const { output, proxy } = await openBench(t);
  await proxy.close();
  const store = openHttpStore(proxy.url);
  t.teardown(() => store.close());
  const waits: number[] = [];
  const retry = { sleep: async (ms: number) => void waits.push(ms) };
  await throwsSilt(t, () => fetchRelease(store, { output, retry }), 'NETWORK');
  t.true(waits.length > 0);
  await holdsImage(t, output, BEFORE);
});

test('a fetch that is stopped while it waits stops at once', async (t) => {
  const { fetch, output, proxy } = await openBench(t);
  proxy.script([{ match: /packs/, fault: status(503, { 'retry-after': '300' }) }]);
  const stop = new AbortController();
  const reason = new Error('stopped by the user');
  const retry = { onRetry: () => stop.abort(reason) };
  const error = await t.throwsAsync(fetch({ output, retry, signal: stop.signal }));
  t.is(error, reason);
  await holdsImage(t, output, BEFORE);
});

test('when a fetch fails, what was under way has ended', async (t) => {
  const output = join(await temporaryDirectory(t), 'image');
  const finished: string[] = [];
  const onRequest = ({ key }: { readonly key: string }): void => void finished.push(key);
  const { proxy, fetch } = await serveRepository(t, t.context.repository, {}, { ...PATIENT, onRequest });
  proxy.script([{ match: /packs/, from: 2, fault: { kind: 'stall', after: 10 } }]);
  const onProgress = ({ phase }: { phase: string }): void => {
    if (phase === 'rebuild') throw new Error('the listener failed');
  };
  const costs = { requestBytes: 0, maxBytes: 64 * KiB };
  await t.throwsAsync(fetch({ output, costs, onProgress }), { message: 'the listener failed' });
  t.true(proxy.count(/packs/).requests >= 2);
  t.is(finished.length, proxy.log.length);
});
