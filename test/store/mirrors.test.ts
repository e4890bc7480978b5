import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { SiltError } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openHttpStore } from '../../src/store/http.ts';
import { FIRST_OUT_MS, MOST_OUT_MS } from '../../src/store/mirror-health.ts';
import { type Mirrors, openMirrors } from '../../src/store/mirrors.ts';
import type { CallOptions, ReadStore } from '../../src/store/store.ts';
import { collect, collectBytes } from '../support/collect.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { PATIENT } from '../support/faulty-repository.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { type Repository, testReading } from '../support/store-contract.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const KEY = 'packs/abc';
const object = seededBytes('mirrors', 100 * KiB);
const ALL = { offset: 0, length: object.length };
const MAX = { maxBytes: MiB };

const broken = (details = {}): SiltError => new SiltError('NETWORK', 'reset', { transient: true, details });
const refused = new SiltError('STORE_REFUSED', 'refused');
const missing = new SiltError('OBJECT_MISSING', 'missing');

/** Bytes that come, then what happens; nothing: all goes well. */
interface Turn {
  readonly after?: number;
  readonly error?: SiltError;
  readonly flip?: boolean;
  readonly absent?: boolean;
}

interface Place extends ReadStore {
  readonly asked: string[];
  readonly options: CallOptions[];
  turns: Turn[];
}

function place(location: string, ...turns: Turn[]): Place {
  const asked: string[] = [];
  const options: CallOptions[] = [];
  const self: Place = {
    location,
    asked,
    options,
    turns,
    async get(key, given) {
      asked.push(key);
      options.push(given);
      const { error, absent } = self.turns.shift() ?? {};
      if (error !== undefined) throw error;
      return absent === true ? undefined : { bytes: object };
    },
    async *getRange(_, { offset, length }, given = {}) {
      asked.push(`${offset}+${length}`);
      options.push(given);
      const { after = 0, error, flip } = self.turns.shift() ?? {};
      const body = Buffer.from(object.subarray(offset, offset + length));
      if (flip === true) body[0] = (body[0] ?? 0) ^ 1;
      const end = error === undefined ? body.length : after;
      for (let at = 0; at < end; at += 1000) yield body.subarray(at, Math.min(at + 1000, end));
      if (error !== undefined) throw error;
    },
    async has(key) {
      asked.push(key);
      const { error, absent } = self.turns.shift() ?? {};
      if (error !== undefined) throw error;
      return absent === true ? undefined : { size: object.length };
    },
    close: async () => {},
  };
  return self;
}

/** Mirrors over these places, and their clock. */
function over(...places: Place[]): Mirrors & { clock: number } {
  const mirrors = openMirrors(places, { now: () => opened.clock });
  const opened = Object.assign(mirrors, { clock: 0 });
  return opened;
}

const read = async (store: ReadStore, options: CallOptions = {}): Promise<boolean> =>
  (await collectBytes(store.getRange(KEY, ALL, options))).equals(object);

async function openBoth(t: ExecutionContext<unknown>): Promise<Repository> {
  const directory = await temporaryDirectory(t);
  const server = await startStaticServer(directory);
  const writer = await openDirectoryStore(directory);
  const reader = openMirrors([openHttpStore(server.url, PATIENT), await openDirectoryStore(directory)]);
  t.teardown(async () => {
    await reader.close();
    await server.close();
  });
  return { writer, reader };
}

testReading(test, 'mirrors', openBoth);

test('the first that is well is asked, and the others are left alone', async (t) => {
  const [a, b] = [place('a'), place('b')];
  const store = over(a, b);
  for (let at = 0; at < 3; at += 1) t.true(await read(store));
  t.deepEqual([a.asked.length, b.asked.length], [3, 0]);
  t.is(store.location, 'a, b');
});

test('what breaks off goes on elsewhere with the very byte that is missing', async (t) => {
  const [a, b] = [place('a', { after: 33_333, error: broken() }), place('b')];
  const store = over(a, b);
  t.true(await read(store));
  t.deepEqual([a.asked, b.asked], [[`0+${object.length}`], [`33333+${object.length - 33_333}`]]);
  t.deepEqual(store.usage(), [
    { location: 'a', requests: 1, bytes: 33_333, failures: 1, wrong: 0 },
    { location: 'b', requests: 1, bytes: object.length - 33_333, failures: 0, wrong: 0 },
  ]);
});

test('a break behind the last byte costs nothing', async (t) => {
  const [a, b] = [place('a', { after: object.length, error: broken() }), place('b')];
  t.true(await read(over(a, b)));
  t.deepEqual([a.asked.length, b.asked.length], [1, 0]);
});

test('one that failed is out for a while, then tried by one request, and longer with each failure', async (t) => {
  const [a, b] = [place('a', ...Array(20).fill({ error: refused })), place('b')];
  const store = over(a, b);
  let out = FIRST_OUT_MS;
  for (let failures = 1; failures < 10; failures += 1) {
    t.true(await read(store));
    t.is(a.asked.length, failures);
    store.clock += out - 1;
    t.true(await read(store));
    t.is(a.asked.length, failures);
    store.clock += 1;
    out = Math.min(2 * out, MOST_OUT_MS);
  }
  t.is(out, MOST_OUT_MS);
  const before = a.asked.length;
  store.clock += out;
  await Promise.all([read(store), read(store), read(store)]);
  t.is(a.asked.length, before + 1);
});

test('one that answers again is preferred again', async (t) => {
  const [a, b] = [place('a', { error: broken() }), place('b')];
  const store = over(a, b);
  t.true(await read(store));
  store.clock += FIRST_OUT_MS;
  t.true(await read(store));
  t.true(await read(store));
  t.deepEqual([a.asked.length, b.asked.length], [3, 1]);
});

test('several that fail together are one failure', async (t) => {
  const a = place('a', ...Array(8).fill({ error: broken() }));
  const store = over(a, place('b'));
  const reads = Array.from({ length: 8 }, () => read(store));
  store.clock = 1;
  await Promise.all(reads);
  store.clock += FIRST_OUT_MS;
  const before = a.asked.length;
  t.true(await read(store));
  t.is(a.asked.length, before + 1);
});

test('bytes that were wrong take their place out, and answers do not forgive it', async (t) => {
  const [a, b] = [place('a', { flip: true }), place('b')];
  const store = over(a, b);
  t.false(await read(store));
  t.true(await read(store, { fresh: true }));
  t.deepEqual([a.asked.length, b.asked.length], [1, 1]);
  t.is(b.options[0]?.fresh, true);
  t.deepEqual(
    store.usage().map(({ wrong }) => wrong),
    [1, 0],
  );
  store.clock += FIRST_OUT_MS;
  a.turns = [{ flip: true }];
  t.false(await read(store));
  t.true(await read(store, { fresh: true }));
  store.clock += FIRST_OUT_MS;
  t.true(await read(store));
  t.deepEqual([a.asked.length, b.asked.length], [2, 3]);
});

test('when nobody is well, each is asked once, and the failure names them all', async (t) => {
  const [a, b] = [place('a', { error: refused }, { error: refused }), place('b', { error: broken() })];
  const store = over(a, b);
  const error = await throwsSilt(t, () => collect(store.getRange(KEY, ALL)), 'NETWORK');
  t.true(error.transient);
  t.regex(error.message, /^none of 2 places gave packs\/abc: a: refused; b: reset$/);
  t.deepEqual([a.asked.length, b.asked.length], [1, 1]);
  const final = over(place('a', { error: refused }), place('b', { error: refused }));
  const refusal = await throwsSilt(t, () => final.get(KEY, MAX), 'STORE_REFUSED');
  t.false(refusal.transient);
});

test('one that said when to come back is not asked before, though nobody else answers', async (t) => {
  const a = place('a', { error: broken({ status: 503, retryAfterMs: 60_000 }) });
  const b = place('b', { error: broken() }, { error: broken() });
  const store = over(a, b);
  const first = await throwsSilt(t, () => collect(store.getRange(KEY, ALL)), 'NETWORK');
  // The other may be asked sooner.
  t.is(first.details.retryAfterMs, undefined);
  await throwsSilt(t, () => collect(store.getRange(KEY, ALL)), 'NETWORK');
  t.is(a.asked.length, 1);
  store.clock = 60_000;
  t.true(await read(store));
});

test('when all said when to come back, nobody is asked, and the shortest wait is told', async (t) => {
  const a = place('a', { error: broken({ retryAfterMs: 60_000 }) });
  const b = place('b', { error: broken({ retryAfterMs: 20_000 }) });
  const store = over(a, b);
  const first = await throwsSilt(t, () => collect(store.getRange(KEY, ALL)), 'NETWORK');
  t.is(first.details.retryAfterMs, 20_000);
  store.clock = 5000;
  const second = await throwsSilt(t, () => store.get(KEY, MAX), 'NETWORK');
  t.true(second.transient);
  t.is(second.details.retryAfterMs, 15_000);
  t.deepEqual([a.asked.length, b.asked.length], [1, 1]);
  store.clock = 20_000;
  t.true(await read(store));
});

test('what one has not yet is had from another, without any harm to its name', async (t) => {
  const [a, b] = [place('a', { error: missing }, { absent: true }, { absent: true }), place('b')];
  const store = over(a, b);
  t.true(await read(store));
  t.is((await store.get(KEY, MAX))?.bytes.length, object.length);
  t.is((await store.has(KEY))?.size, object.length);
  t.deepEqual([a.asked.length, b.asked.length], [3, 3]);
});

test('what is missing everywhere is missing, and those that are out are not waited for', async (t) => {
  const [a, b] = [place('a', { absent: true }, { absent: true }), place('b', { absent: true })];
  const store = over(a, b);
  t.is(await store.get(KEY, MAX), undefined);
  t.deepEqual([a.asked.length, b.asked.length], [1, 1]);
  b.turns = [{ error: broken() }];
  t.is(await store.get(KEY, MAX), undefined);
  a.turns = [{ absent: true }];
  t.is(await store.get(KEY, MAX), undefined);
  t.deepEqual([a.asked.length, b.asked.length], [3, 2]);
  const nowhere = over(place('a', { error: missing }), place('b', { error: missing }));
  const error = await throwsSilt(t, () => collect(nowhere.getRange(KEY, ALL)), 'OBJECT_MISSING');
  t.false(error.transient);
});

test('an object that is missing here and out of reach there may still come', async (t) => {
  const store = over(place('a', { error: missing }), place('b', { error: broken() }));
  const error = await throwsSilt(t, () => collect(store.getRange(KEY, ALL)), 'NETWORK');
  t.true(error.transient);
});

test('whoever pays for requests hears of those beyond the first, and may forbid them', async (t) => {
  const failingOnce = (): Mirrors => over(place('a', { error: broken() }), place('b'));
  const repeats: true[] = [];
  t.true(await read(failingOnce(), { onRepeat: () => void repeats.push(true) }));
  t.is(repeats.length, 1);
  const stop = (): never => {
    throw new SiltError('OVER_BUDGET', 'no more');
  };
  await throwsSilt(t, () => read(failingOnce(), { onRepeat: stop }), 'OVER_BUDGET');
});

test('an abort ends it, and nobody else is asked', async (t) => {
  const controller = new AbortController();
  const reason = new Error('stop');
  const a = place('a', { error: broken() });
  const b = place('b');
  const store = over(a, b);
  controller.abort(reason);
  const error = await t.throwsAsync(read(store, { signal: controller.signal }));
  t.is(error, reason);
  t.deepEqual([a.asked.length, b.asked.length], [0, 0]);
});

test('a reader may leave early', async (t) => {
  const store = over(place('a'), place('b'));
  for await (const block of store.getRange(KEY, ALL)) {
    t.true(block.length > 0);
    break;
  }
  t.is(store.usage()[0]?.bytes, 1000);
  t.true(await read(store));
});

test('whatever fails where, the bytes are right or it is an error, and nobody is asked twice by a call', async (t) => {
  const turn = fc.record({
    after: fc.nat(object.length),
    kind: fc.constantFrom('well', 'network', 'refused', 'missing', 'later'),
  });
  const errors = { network: broken(), refused, missing, later: broken({ retryAfterMs: 1000 }) } as const;
  const script = fc.array(fc.array(turn, { maxLength: 6 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(script, fc.array(fc.nat(10_000), { maxLength: 8 }), async (turns, waits) => {
      const places = turns.map((list, at) =>
        place(
          `${at}`,
          ...list.map(({ after, kind }) => (kind === 'well' ? {} : { after, error: errors[kind] })),
        ),
      );
      const store = over(...places);
      for (const wait of waits) {
        store.clock += wait;
        const before = places.map(({ asked }) => asked.length);
        try {
          if (!(await read(store))) return false;
        } catch (error) {
          if (!(error instanceof SiltError)) throw error;
        }
        if (places.some(({ asked }, at) => asked.length > (before[at] ?? 0) + 1)) return false;
      }
      const used = store.usage();
      return used.every(({ requests }, at) => requests === places[at]?.asked.length);
    }),
    { numRuns: 100, seed: 7 },
  );
  t.pass();
});

test('over HTTP, a host that dies in the middle is left for the next', async (t) => {
  const directory = await temporaryDirectory(t);
  await (await openDirectoryStore(directory)).putIfAbsent(KEY, object);
  const server = await startStaticServer(directory, { graceMs: 0 });
  const rules = [{ match: /packs/, fault: { kind: 'reset', after: 40_000 } as const }];
  const [bad, good] = [await startFaultProxy(server.url, { rules }), await startFaultProxy(server.url)];
  const store = openMirrors([openHttpStore(bad.url, PATIENT), openHttpStore(good.url, PATIENT)]);
  t.teardown(async () => {
    await store.close();
    await Promise.all([bad.close(), good.close()]);
    await server.close();
  });
  t.true(await read(store));
  t.true(await read(store));
  t.deepEqual([bad.count().requests, good.count().requests], [1, 2]);
});
