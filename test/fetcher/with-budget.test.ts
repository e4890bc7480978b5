import test from 'ava';
import { type Budget, withBudget } from '../../src/fetcher/with-budget.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { ReadStore } from '../../src/store/store.ts';
import { collectBytes } from '../support/collect.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** A store whose objects are 1,000 bytes each, and whose ranges come byte by byte when asked to. */
function thousands(pause: () => Promise<void> = async () => {}): ReadStore & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    location: 'thousands',
    async get(key) {
      asked.push(key);
      return { bytes: new Uint8Array(1000) };
    },
    async *getRange(key, { length }) {
      asked.push(key);
      for (let at = 0; at < length; at += 100) {
        await pause();
        yield new Uint8Array(Math.min(100, length - at));
      }
    },
    async has(key) {
      asked.push(key);
      return { size: 1000 };
    },
    close: async () => {},
  };
}

const open = (budget: Budget, store = thousands()) => ({ ...withBudget(store, budget), inner: store });

test('bytes and requests are counted by kind', async (t) => {
  const { store, usage } = open({});
  await store.get('metadata/catalog.json', { maxBytes: 5000 });
  await collectBytes(store.getRange('indexes/a', { offset: 0, length: 250 }));
  await collectBytes(store.getRange('packs/a', { offset: 10, length: 333 }));
  await store.has('packs/a');
  await collectBytes(store.getRange('deltas/a', { offset: 0, length: 77 }));
  t.deepEqual(usage, {
    requests: 5,
    bytes: 1660,
    metadataBytes: 1000,
    indexBytes: 250,
    deltaBytes: 77,
    dataBytes: 333,
  });
});

test('a request that would exceed the budget is not made', async (t) => {
  const { store, usage, inner } = open({ maxBytes: 500, maxRequests: 3 });
  await collectBytes(store.getRange('packs/a', { offset: 0, length: 400 }));
  await throwsSilt(
    t,
    () => collectBytes(store.getRange('packs/b', { offset: 0, length: 101 })),
    'OVER_BUDGET',
  );
  await collectBytes(store.getRange('packs/c', { offset: 0, length: 100 }));
  await throwsSilt(t, () => store.get('metadata/x', { maxBytes: 5000 }), 'OVER_BUDGET');
  await store.has('packs/d');
  await throwsSilt(t, () => store.has('packs/e'), 'OVER_BUDGET');
  t.deepEqual(inner.asked, ['packs/a', 'packs/c', 'packs/d']);
  t.is(usage.bytes, 500);
});

test('what is under way counts in full, so that several at once keep the budget together', async (t) => {
  const turn = Promise.withResolvers<void>();
  const { store, usage } = open(
    { maxBytes: 1000 },
    thousands(() => turn.promise),
  );
  const range = { offset: 0, length: 600 };
  const first = collectBytes(store.getRange('packs/a', range));
  await throwsSilt(t, () => collectBytes(store.getRange('packs/b', range)), 'OVER_BUDGET');
  turn.resolve();
  t.is((await first).length, 600);
  t.is(usage.bytes, 600);
  await collectBytes(store.getRange('packs/b', { offset: 0, length: 400 }));
  t.is(usage.bytes, 1000);
});

test('what was broken off counts as far as it came', async (t) => {
  const { store, usage } = open({ maxBytes: 1000 });
  for await (const _ of store.getRange('packs/a', { offset: 0, length: 1000 })) break;
  t.is(usage.bytes, 100);
  await collectBytes(store.getRange('packs/a', { offset: 100, length: 900 }));
  t.is(usage.bytes, 1000);
});

test('an object that proves larger than what is left is over budget, not too large for its format', async (t) => {
  const directory = await openDirectoryStore(await temporaryDirectory(t));
  await directory.putIfAbsent('metadata/x', new Uint8Array(1000));
  const { store, usage } = withBudget(directory, { maxBytes: 999 });
  const error = await throwsSilt(t, () => store.get('metadata/x', { maxBytes: 5000 }), 'OVER_BUDGET');
  t.like(error.details, { needed: 1000, allowed: 999 });
  t.is(usage.bytes, 0);
  const { store: enough } = withBudget(directory, { maxBytes: 1000 });
  t.is((await enough.get('metadata/x', { maxBytes: 5000 }))?.bytes.length, 1000);
  await throwsSilt(
    t,
    () => withBudget(directory, {}).store.get('metadata/x', { maxBytes: 10 }),
    'FORMAT_INVALID',
  );
});
