import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { ReadStore, Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { collect } from '../support/collect.ts';
import { type Repository, testReading, testWriting } from '../support/store-contract.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const MAX = { maxBytes: 1000 };
const quick = { sleep: async () => {}, random: () => 0 };
const reset = (): SiltError => new SiltError('NETWORK', 'reset', { transient: true });

testReading(test, 'with retry', open);
testWriting(test, 'with retry', open);

async function open(t: ExecutionContext<unknown>): Promise<Repository> {
  const store = withRetry(await openDirectoryStore(await temporaryDirectory(t)), quick);
  return { writer: store, reader: store };
}

/** A store whose calls fail once each: before they reach the directory, or after they have done their work. */
async function flaky(t: ExecutionContext<unknown>, when: 'before' | 'after'): Promise<Store> {
  const inner = await openDirectoryStore(await temporaryDirectory(t));
  const failed = new Set<string>();
  const once = async <T>(name: string, action: () => Promise<T>): Promise<T> => {
    const first = !failed.has(name);
    failed.add(name);
    if (first && when === 'before') throw reset();
    const result = await action();
    if (first) throw reset();
    return result;
  };
  return {
    location: inner.location,
    get: (key, options) => once('get', () => inner.get(key, options)),
    getRange: (key, range, options) => inner.getRange(key, range, options),
    has: (key, options) => once('has', () => inner.has(key, options)),
    close: () => inner.close(),
    putIfAbsent: (key, body) => once('putIfAbsent', () => inner.putIfAbsent(key, body)),
    putIfMatch: (key, bytes, etag) => once(`putIfMatch ${etag}`, () => inner.putIfMatch(key, bytes, etag)),
    list: (prefix) => inner.list(prefix),
    remove: (key) => once('remove', () => inner.remove(key)),
  };
}

test('calls that never arrived are made again', async (t) => {
  const store = withRetry(await flaky(t, 'before'), quick);
  t.is(await store.putIfAbsent('packs/a', Buffer.from('a')), 'created');
  t.is((await store.get('packs/a', MAX))?.bytes.byteLength, 1);
  t.is((await store.has('packs/a'))?.size, 1);
  const etag = await store.putIfMatch('timestamp', Buffer.from('1'), undefined);
  await store.putIfMatch('timestamp', Buffer.from('2'), etag);
  await store.remove('packs/a');
  t.is(await store.has('packs/a'), undefined);
});

test('calls that arrived unheard are told by what they left', async (t) => {
  const store = withRetry(await flaky(t, 'after'), quick);
  t.is(await store.putIfAbsent('packs/a', Buffer.from('a')), 'created');
  t.is(await store.putIfAbsent('packs/a', Buffer.from('a')), 'exists');
  const first = await store.putIfMatch('timestamp', Buffer.from('1'), undefined);
  t.is((await store.get('timestamp', MAX))?.etag, first);
  const second = await store.putIfMatch('timestamp', Buffer.from('2'), first);
  t.is((await store.get('timestamp', MAX))?.etag, second);
  await store.remove('packs/a');
});

/** A store in which somebody else puts `other` at the moment of the first try, whose answer is lost. */
async function raced(t: ExecutionContext<unknown>, other: string): Promise<Store> {
  const inner = await openDirectoryStore(await temporaryDirectory(t));
  let calls = 0;
  return {
    ...withRetry(inner, quick),
    putIfAbsent: async (key, body) => {
      calls += 1;
      if (calls > 1) return await inner.putIfAbsent(key, body);
      await inner.putIfAbsent(key, Buffer.from(other));
      throw reset();
    },
  };
}

test('what somebody else has put meanwhile is not taken for an own object, unless it is the same', async (t) => {
  const own = Buffer.from('our own');
  for (const other of ['our gun', 'short', 'something longer']) {
    t.is(await withRetry(await raced(t, other), quick).putIfAbsent('metadata/2.root.json', own), 'exists');
  }
  t.is(await withRetry(await raced(t, 'our own'), quick).putIfAbsent('metadata/2.root.json', own), 'created');
});

test('a file whose answer was lost is told by its size', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  await writeFile(path, 'our own');
  for (const [other, outcome] of [
    ['our gun', 'created'],
    ['short', 'exists'],
  ] as const) {
    const store = withRetry(await raced(t, other), quick);
    t.is(await store.putIfAbsent('indexes/a', { path, size: 7 }), outcome);
  }
});

test('a conflict with somebody else stays one, also on a repetition', async (t) => {
  const inner = await openDirectoryStore(await temporaryDirectory(t));
  for (const other of ['short', 'somebody else was faster']) {
    let calls = 0;
    const outrun: Store = {
      ...withRetry(inner, quick),
      putIfMatch: async (key, bytes, etag) => {
        calls += 1;
        if (calls > 1) return await inner.putIfMatch(key, bytes, etag);
        await inner.remove(key);
        await inner.putIfMatch(key, Buffer.from(other), undefined);
        throw reset();
      },
    };
    const store = withRetry(outrun, quick);
    const put = () => store.putIfMatch('timestamp', Buffer.from('our own'), undefined);
    const error = await throwsSilt(t, put, 'CONFLICT');
    t.true(error.details.answerLost, 'it may have been carried out before');
  }
});

test('a range is not asked for again: its reader knows what is missing', async (t) => {
  let calls = 0;
  const failing: ReadStore = {
    ...(await openDirectoryStore(await temporaryDirectory(t))),
    location: 'here',
    // biome-ignore lint/correctness/useYield: it fails before it could
    async *getRange() {
      calls += 1;
      throw reset();
    },
  };
  const store = withRetry(failing, quick);
  await throwsSilt(t, () => collect(store.getRange('packs/a', { offset: 0, length: 1 })), 'NETWORK');
  t.is(calls, 1);
});

test('a store that can only be read stays one', async (t) => {
  const { location, get, getRange, has, close } = withRetry(await flaky(t, 'before'), quick);
  const reader: ReadStore = { location, get, getRange, has, close };
  t.false('putIfAbsent' in withRetry(reader));
});
