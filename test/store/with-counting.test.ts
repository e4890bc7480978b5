import test, { type ExecutionContext } from 'ava';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { kindOf, withCounting } from '../../src/store/with-counting.ts';
import { collect } from '../support/collect.ts';
import { type Repository, testReading, testWriting } from '../support/store-contract.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

testReading(test, 'with counting', open);
testWriting(test, 'with counting', open);

async function open(t: ExecutionContext<unknown>): Promise<Repository> {
  const store = withCounting(await openDirectoryStore(await temporaryDirectory(t)));
  return { writer: store, reader: store };
}

test('requests and bytes are counted by kind of object', async (t) => {
  const store = withCounting(await openDirectoryStore(await temporaryDirectory(t)));
  await store.putIfAbsent('packs/a', new Uint8Array(100));
  await store.putIfAbsent('packs/a', new Uint8Array(100));
  await store.putIfMatch('metadata/timestamp.json', new Uint8Array(7), undefined);
  const before = store.counts();
  await collect(store.getRange('packs/a', { offset: 10, length: 20 }));
  await store.get('packs/missing', { maxBytes: 10 });
  await store.get('metadata/timestamp.json', { maxBytes: 10 });
  await store.has('indexes/a');
  await collect(store.list('deltas/'));
  await store.remove('packs/a');
  const { kinds, ...total } = store.counts();
  t.deepEqual(kinds.packs, { requests: 5, bytesRead: 20, bytesWritten: 100, objectsWritten: 1 });
  t.deepEqual(kinds.metadata, { requests: 2, bytesRead: 7, bytesWritten: 7, objectsWritten: 1 });
  t.is(kinds.indexes.requests, 1);
  t.is(kinds.deltas.requests, 1);
  t.deepEqual(total, { requests: 9, bytesRead: 27, bytesWritten: 107, objectsWritten: 2 });
  t.is(before.requests, 3);
  t.true(Object.isFrozen(before) && Object.isFrozen(before.kinds.packs));
});

test('an object belongs to the kind that its key begins with', (t) => {
  t.is(kindOf('packs/abc'), 'packs');
  t.is(kindOf('targets/x.y/1.json'), 'targets');
  t.is(kindOf('packsize/abc'), 'other');
  t.is(kindOf(''), 'other');
});
