import test from 'ava';
import fc from 'fast-check';
import { equalBytes } from '../../src/core/bytes.ts';
import { sha256, toHex } from '../../src/core/digest.ts';
import { SiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { withBudget } from '../../src/fetcher/with-budget.ts';
import { encodeRemnantHead, type PackRange } from '../../src/format/remnant.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openHttpStore } from '../../src/store/http.ts';
import { openMirrors } from '../../src/store/mirrors.ts';
import type { ByteRange, CallOptions, ReadStore } from '../../src/store/store.ts';
import { withRemnants } from '../../src/store/with-remnants.ts';
import { collectBytes } from '../support/collect.ts';
import { PATIENT } from '../support/faulty-repository.ts';
import { type MemoryStore, memoryStore } from '../support/memory-store.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const SIZE = 40 * KiB;
const pack = seededBytes('a pack with remnants', SIZE);
const KEY = `packs/${toHex(sha256(pack))}`;
const ENDS = [
  { offset: 0, length: 10 },
  { offset: SIZE - 100, length: 100 },
];

/** A remnant of the pack, with both of its ends and what lies between them in `middle`. */
function remnantOf(...middle: readonly PackRange[]): Uint8Array {
  const ranges = [ENDS[0]!, ...middle, ENDS[1]!];
  const head = encodeRemnantHead({ pack: sha256(pack), packSize: SIZE, ranges });
  return Buffer.concat([head, ...ranges.map(({ offset, length }) => pack.subarray(offset, offset + length))]);
}

/** What a reader of `ranges` sees of `range`. */
function holed(ranges: readonly PackRange[], range: ByteRange): Uint8Array {
  const whole = new Uint8Array(SIZE);
  for (const { offset, length } of ranges) whole.set(pack.subarray(offset, offset + length), offset);
  return whole.subarray(range.offset, range.offset + range.length);
}

async function storeOf(objects: Readonly<Record<string, Uint8Array>>): Promise<MemoryStore> {
  const store = memoryStore();
  for (const [key, bytes] of Object.entries(objects)) await store.putIfAbsent(key, bytes);
  return store;
}

/** The store, what was asked of it by key and range, and with `answer` in place of what it would say. */
function watched(
  store: ReadStore,
  answer: (key: string, options: CallOptions) => Error | undefined = () => undefined,
) {
  const asked: string[] = [];
  const reader: ReadStore = {
    location: 'watched',
    get: (key, options) => store.get(key, options),
    has: (key, options) => store.has(key, options),
    close: () => store.close(),
    async *getRange(key, range, options = {}) {
      asked.push(`${key.slice(6 + 64) || 'pack'} ${range.offset}+${range.length}`);
      const error = answer(key, options);
      if (error !== undefined) throw error;
      for await (const bytes of store.getRange(key, range, options)) {
        // In uneven blocks, so that they end anywhere.
        for (let at = 0; at < bytes.length; at += 777) yield bytes.slice(at, at + 777);
      }
    },
  };
  return { store: reader, asked };
}

const read = (store: ReadStore, offset: number, length: number, options?: CallOptions): Promise<Buffer> =>
  collectBytes(store.getRange(KEY, { offset, length }, options));

const A = { offset: 1000, length: 500 };
const B = { offset: 4000, length: 3000 };

test('while the pack is there it is read, and nothing is asked for besides', async (t) => {
  const { store, asked } = watched(await storeOf({ [KEY]: pack, [`${KEY}.1`]: remnantOf(A) }));
  const reader = withRemnants(store);
  t.true(equalBytes(await read(reader, 900, 700), pack.subarray(900, 1600)));
  t.deepEqual(asked, ['pack 900+700']);
  t.is(await reader.rangesOf(KEY), undefined);
  t.is((await reader.has(KEY))?.size, SIZE);
  t.is((await reader.get(KEY, { maxBytes: SIZE }))?.bytes.length, SIZE);
});

test('where it is gone a range comes from the first remnant there is, by two requests more for the first', async (t) => {
  const { store, asked } = watched(await storeOf({ [`${KEY}.2`]: remnantOf(A, B) }));
  const reader = withRemnants(store);
  t.true(equalBytes(await read(reader, 900, 4000), holed([A, B], { offset: 900, length: 4000 })));
  t.deepEqual(asked, ['pack 900+4000', '.1 0+4096', '.2 0+4096', '.2 4106+1400']);
  asked.length = 0;
  t.true(equalBytes(await read(reader, 4000, 3000), pack.subarray(4000, 7000)));
  t.deepEqual(asked, ['.2 4606+3000']);
  t.deepEqual(await reader.rangesOf(KEY), [ENDS[0], A, B, ENDS[1]]);
});

test('whatever the remnant has and the reader asks for, what is left is right, and the rest zeros or an error', async (t) => {
  const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 4000 }), fc.integer({ min: 1, max: 4000 })), {
    maxLength: 8,
  });
  const wanted = fc.tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE }));
  await fc.assert(
    fc.asyncProperty(lengths, fc.array(wanted, { minLength: 1, maxLength: 4 }), async (runs, reads) => {
      const middle: PackRange[] = [];
      let at = 11;
      for (const [gap, length] of runs) {
        if (at + gap + length >= SIZE - 100) break;
        middle.push({ offset: at + gap, length });
        at += gap + length;
      }
      const { store } = watched(await storeOf({ [`${KEY}.1`]: remnantOf(...middle) }));
      const reader = withRemnants(store);
      for (const [offset, most] of reads) {
        const length = Math.min(most, SIZE - offset);
        const ranges = [...ENDS, ...middle];
        const isLeft = ranges.some(
          (range) => range.offset < offset + length && offset < range.offset + range.length,
        );
        const found = await read(reader, offset, length).catch((error: SiltError) => error.code);
        if (isLeft) t.true(equalBytes(found as Buffer, holed(ranges, { offset, length })));
        else t.is(found, 'OBJECT_MISSING');
      }
    }),
    { seed: 7, numRuns: 120 },
  );
});

test('a pack of which nothing is left is missing by its own name, and is asked for again the next time', async (t) => {
  const { store, asked } = watched(await storeOf({}));
  const reader = withRemnants(store);
  for (let time = 1; time <= 2; time += 1) {
    const error = await throwsSilt(t, () => read(reader, 0, 10), 'OBJECT_MISSING');
    t.regex(error.message, new RegExp(`${KEY} is missing`));
  }
  t.deepEqual(asked.slice(0, 4), ['pack 0+10', '.1 0+4096', '.2 0+4096', '.3 0+4096']);
  t.is(asked.length, 8);
});

test('bytes that are not left are looked for once more past all caches, then missing', async (t) => {
  const fresh: boolean[] = [];
  const { store } = watched(await storeOf({ [`${KEY}.1`]: remnantOf(A) }), (_, options) => {
    fresh.push(options.fresh === true);
    return undefined;
  });
  const reader = withRemnants(store);
  const error = await throwsSilt(t, () => read(reader, 5000, 10), 'OBJECT_MISSING');
  t.regex(error.message, /made smaller.*silt verify/);
  t.deepEqual(fresh, [false, false, false, false, true, true, true, true]);
});

test('a range that leaves the pack is refused as it is by the pack', async (t) => {
  const reader = withRemnants(await storeOf({ [`${KEY}.1`]: remnantOf(A) }));
  await throwsSilt(t, () => read(reader, SIZE - 10, 11), 'RANGE_INVALID');
});

test('readers at the same time look once, and one that is stopped stops no other', async (t) => {
  const inner = await storeOf({ [`${KEY}.1`]: remnantOf(A, B) });
  const controller = new AbortController();
  const gate = Promise.withResolvers<void>();
  const { store, asked } = watched(inner);
  const slow: ReadStore = {
    ...store,
    async *getRange(key, range, options = {}) {
      if (key.endsWith('.1') && range.offset === 0) await gate.promise;
      options.signal?.throwIfAborted();
      yield* store.getRange(key, range, options);
    },
  };
  const reader = withRemnants(slow);
  const stopped = read(reader, 1000, 10, { signal: controller.signal });
  const others = Array.from({ length: 5 }, (_, i) => read(reader, 4000 + i, 10));
  controller.abort(new SiltError('INTERRUPTED', 'stopped'));
  gate.resolve();
  await throwsSilt(t, () => stopped, 'INTERRUPTED');
  for (const [i, bytes] of (await Promise.all(others)).entries()) {
    t.true(equalBytes(bytes, pack.subarray(4000 + i, 4010 + i)));
  }
  t.is(asked.filter((each) => each === '.1 0+4096').length, 1);
});

test('a remnant that made place for a smaller one is looked for again, in the middle of a reader too', async (t) => {
  const inner = await storeOf({ [`${KEY}.1`]: remnantOf(A, B) });
  const { store, asked } = watched(inner);
  const reader = withRemnants(store);
  await read(reader, 1000, 10);
  await inner.putIfAbsent(`${KEY}.2`, remnantOf(B));
  await inner.remove(`${KEY}.1`);
  asked.length = 0;
  t.true(equalBytes(await read(reader, 4000, 3000), pack.subarray(4000, 7000)));
  t.deepEqual(asked, [
    '.1 4606+3000',
    'pack 4000+3000',
    '.1 0+4096',
    '.2 0+4096',
    '.3 0+4096',
    '.2 4106+3000',
  ]);
  // Stored again by a publisher, it is read as it is.
  await inner.putIfAbsent(KEY, pack);
  await inner.remove(`${KEY}.2`);
  t.true(equalBytes(await read(reader, 1000, 6000), pack.subarray(1000, 7000)));
});

test('a remnant that does not have all of a range gives way to one that has, when its bytes turn out wrong', async (t) => {
  const reader = withRemnants(await storeOf({ [`${KEY}.1`]: remnantOf(A), [`${KEY}.2`]: remnantOf(A, B) }));
  const range = { offset: 1000, length: 6000 };
  t.true(equalBytes(await read(reader, 1000, 6000), holed([A], range)));
  t.true(equalBytes(await read(reader, 1000, 6000, { fresh: true }), holed([A, B], range)));
  // And what the first has nothing of comes from the second.
  t.true(equalBytes(await read(reader, 4000, 3000), pack.subarray(4000, 7000)));
});

test('a head that only a cache still has leads to the next remnant, and is asked for once', async (t) => {
  const { store, asked } = watched(await storeOf({ [`${KEY}.2`]: remnantOf(B) }));
  const cached: ReadStore = {
    ...store,
    async *getRange(key, range, options) {
      if (key === `${KEY}.1` && range.offset === 0) yield remnantOf(A, B).slice(0, range.length);
      else yield* store.getRange(key, range, options);
    },
  };
  const reader = withRemnants(cached);
  t.true(equalBytes(await read(reader, 4000, 3000), pack.subarray(4000, 7000)));
  t.is(asked.filter((each) => each === '.1 4606+3000').length, 2, 'past the cache the second time');
  asked.length = 0;
  t.true(equalBytes(await read(reader, 4000, 3000), pack.subarray(4000, 7000)));
  t.deepEqual(asked, ['.2 4106+3000']);
  // What no remnant has the bytes of is missing, by the name of the pack.
  const error = await throwsSilt(t, () => read(reader, 1000, 500), 'OBJECT_MISSING');
  t.is(error.details.key, KEY);
});

test('who asks past the caches does not take what another reader has just had from one', async (t) => {
  const { store } = watched(await storeOf({ [`${KEY}.1`]: remnantOf(A, B) }));
  const [asking, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const cached: ReadStore = {
    ...store,
    async *getRange(key, range, options = {}) {
      if (key === KEY && options.fresh === true) {
        asking.resolve();
        await gate.promise;
      }
      const isHead = key === `${KEY}.1` && range.offset === 0;
      if (isHead && options.fresh !== true) yield remnantOf(A).slice(0, range.length);
      else yield* store.getRange(key, range, options);
    },
  };
  const reader = withRemnants(cached);
  const fresh = read(reader, 4000, 3000, { fresh: true });
  await asking.promise;
  await read(reader, 1000, 500);
  gate.resolve();
  t.true(equalBytes(await fresh, pack.subarray(4000, 7000)));
});

test('a head that is damaged on the way is asked for past the cache', async (t) => {
  const good = remnantOf(A);
  const bad = Uint8Array.from(good);
  bad.set([0xff], 60);
  const [cache, origin] = [await storeOf({ [`${KEY}.1`]: bad }), await storeOf({ [`${KEY}.1`]: good })];
  const store: ReadStore = {
    ...cache,
    getRange: (key, range, options) => (options?.fresh ? origin : cache).getRange(key, range, options),
  };
  t.true(equalBytes(await read(withRemnants(store), 1000, 500), pack.subarray(1000, 1500)));
  const error = await throwsSilt(t, () => read(withRemnants(cache), 1000, 500), 'DIGEST_MISMATCH');
  t.is(error.details.key, `${KEY}.1`);
});

test('the remnant of another pack is none of this one', async (t) => {
  const other = encodeRemnantHead({
    pack: sha256(Buffer.from('other')),
    packSize: SIZE,
    ranges: [{ offset: 0, length: SIZE }],
  });
  const reader = withRemnants(await storeOf({ [`${KEY}.1`]: Buffer.concat([other, pack]) }));
  await throwsSilt(t, () => read(reader, 1000, 500), 'DIGEST_MISMATCH');
});

test('a failure that may pass goes to whoever asked, and nothing of it is remembered', async (t) => {
  let down = true;
  const { store } = watched(await storeOf({ [`${KEY}.1`]: remnantOf(A) }), (key) =>
    down && key.endsWith('.1') ? new SiltError('NETWORK', 'reset', { transient: true }) : undefined,
  );
  const reader = withRemnants(store);
  t.true((await throwsSilt(t, () => read(reader, 1000, 500), 'NETWORK')).transient);
  down = false;
  t.true(equalBytes(await read(reader, 1000, 500), pack.subarray(1000, 1500)));
});

test('a server that does not tell what is missing from what is forbidden is understood', async (t) => {
  const inner = await storeOf({ [`${KEY}.2`]: remnantOf(A) });
  const refused = new SiltError('STORE_REFUSED', 'refused', { details: { status: 403 } });
  const { store } = watched(inner, (key) => (inner.objects.has(key) ? undefined : refused));
  t.true(equalBytes(await read(withRemnants(store), 1000, 500), pack.subarray(1000, 1500)));
  await inner.remove(`${KEY}.2`);
  await throwsSilt(t, () => read(withRemnants(store), 1000, 500), 'STORE_REFUSED');
});

test('one mirror is down, another has what is left: that is read', async (t) => {
  const down = watched(await storeOf({}), () => new SiltError('NETWORK', 'down', { transient: true }));
  const { store } = watched(await storeOf({ [`${KEY}.1`]: remnantOf(A) }));
  const reader = withRemnants(openMirrors([down.store, store]));
  t.true(equalBytes(await read(reader, 1000, 500), pack.subarray(1000, 1500)));
});

test('over HTTP and from a directory it is the same', async (t) => {
  const directory = await temporaryDirectory(t);
  const own = await openDirectoryStore(directory);
  await own.putIfAbsent(`${KEY}.2`, remnantOf(A, B));
  const server = await startStaticServer(directory, { graceMs: 0 });
  const http = openHttpStore(server.url, PATIENT);
  t.teardown(async () => {
    await http.close();
    await server.close();
  });
  const range = { offset: 900, length: 4000 };
  for (const store of [own, http]) {
    t.true(equalBytes(await read(withRemnants(store), 900, 4000), holed([A, B], range)));
  }
});

test('a budget within sees every request, and may forbid it', async (t) => {
  const inner = await storeOf({ [`${KEY}.1`]: remnantOf(A) });
  const { store, usage } = withBudget(inner, {});
  await read(withRemnants(store), 900, 700);
  t.like(usage, { requests: 3, bytes: 4096 + 500, dataBytes: 4096 + 500 });
  const tight = withBudget(inner, { maxRequests: 2 });
  await throwsSilt(t, () => read(withRemnants(tight.store), 900, 700), 'OVER_BUDGET');
});

test('other objects pass through', async (t) => {
  const { store, asked } = watched(await storeOf({ 'indexes/x': pack }));
  const reader = withRemnants(store);
  t.true(
    equalBytes(
      await collectBytes(reader.getRange('indexes/x', { offset: 5, length: 9 })),
      pack.subarray(5, 14),
    ),
  );
  await throwsSilt(
    t,
    () => collectBytes(reader.getRange('packs/notes', { offset: 0, length: 1 })),
    'OBJECT_MISSING',
  );
  t.is(asked.length, 2);
});
