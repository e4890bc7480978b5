import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { collect } from '../support/collect.ts';
import { type Repository, testReading, testWriting } from '../support/store-contract.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const MAX = { maxBytes: MiB };

async function open(t: ExecutionContext<unknown>): Promise<Repository> {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  return { writer: store, reader: store };
}

testReading(test, 'directory', open);
testWriting(test, 'directory', open);

/** A real process that works on the repository at `directory`, see the worker. */
function startWriter(t: ExecutionContext<unknown>, directory: string, task: string): ChildProcess {
  const child = fork(new URL('../support/directory-writer.ts', import.meta.url), [directory, task]);
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

test('a mistyped path is no repository, unless it is to be created', async (t) => {
  const path = join(await temporaryDirectory(t), 'new', 'repository');
  await throwsSilt(t, () => openDirectoryStore(path), 'NOT_A_REPOSITORY');
  const store = await openDirectoryStore(path, { create: true });
  t.is(await store.putIfAbsent('packs/a', Buffer.from('a')), 'created');
  await writeFile(join(path, 'file'), '');
  await throwsSilt(t, () => openDirectoryStore(join(path, 'file')), 'NOT_A_REPOSITORY');
});

test('a symbolic link leads neither a reader nor a writer out of the repository', async (t) => {
  const outside = await temporaryDirectory(t);
  const inside = await temporaryDirectory(t);
  await writeFile(join(outside, 'secret'), 'secret');
  await symlink(outside, join(inside, 'packs'));
  await mkdir(join(inside, 'deltas'));
  await symlink(join(outside, 'secret'), join(inside, 'deltas', 'link'));
  const store = await openDirectoryStore(inside);
  await throwsSilt(t, () => store.get('packs/secret', MAX), 'STORE_REFUSED');
  await throwsSilt(t, () => store.get('deltas/link', MAX), 'STORE_REFUSED');
  await throwsSilt(t, () => store.putIfAbsent('packs/new', Buffer.from('x')), 'STORE_REFUSED');
  await throwsSilt(t, () => store.putIfAbsent('packs/deep/new', Buffer.from('x')), 'STORE_REFUSED');
  await throwsSilt(t, () => store.remove('packs/secret'), 'STORE_REFUSED');
  t.is(await store.putIfAbsent('deltas/link', Buffer.from('x')), 'exists');
  t.deepEqual(await collect(store.list('')), []);
  t.deepEqual(await readdir(outside), ['secret']);
});

test('a large object keeps one validator through every call', async (t) => {
  const { writer } = await open(t);
  const large = Buffer.alloc(MiB + 1, 1);
  const etag = await writer.putIfMatch('large', large, undefined);
  t.is((await writer.has('large'))?.etag, etag);
  t.is((await writer.get('large', { maxBytes: 2 * MiB }))?.etag, etag);
  const next = await writer.putIfMatch('large', large, etag);
  t.not(next, etag);
});

test('two processes that replace the same object lose no update', async (t) => {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(directory);
  await store.putIfMatch('counter', Buffer.from('0'), undefined);
  const writers = [startWriter(t, directory, 'count'), startWriter(t, directory, 'count')];
  const ends = await Promise.all(writers.map((writer) => once(writer, 'exit')));
  t.deepEqual(
    ends.map(([code]) => code),
    [0, 0],
  );
  t.is(Buffer.from((await store.get('counter', MAX))?.bytes ?? []).toString(), '50');
  t.deepEqual((await readdir(directory)).sort(), ['counter']);
});

test('a writer killed in the middle of a put leaves nothing to be seen', async (t) => {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(directory);
  const writer = startWriter(t, directory, 'put-endless');
  await once(writer, 'message');
  writer.kill('SIGKILL');
  await once(writer, 'exit');
  const left = await readdir(join(directory, 'packs'));
  t.is(left.length, 1);
  t.regex(left[0] ?? '', /^\.silt-[0-9a-f]{16}\.tmp$/);
  t.is(await store.get('packs/endless', MAX), undefined);
  t.deepEqual(await collect(store.list('')), []);
  t.is(await store.putIfAbsent('packs/endless', Buffer.from('whole')), 'created');
});

test('a writer killed while it holds the lock does not stop the next one', async (t) => {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(directory);
  const writer = startWriter(t, directory, 'hold-lock');
  await once(writer, 'message');
  const impatient = await openDirectoryStore(directory, { lockWaitMs: 0 });
  const error = await throwsSilt(t, () => impatient.putIfMatch('a', Buffer.from('1'), undefined), 'LOCKED');
  t.is(error.details.pid, writer.pid);
  writer.kill('SIGKILL');
  await once(writer, 'exit');
  await store.putIfMatch('a', Buffer.from('2'), undefined);
  t.is(await readFile(join(directory, 'a'), 'utf8'), '2');
  t.deepEqual(await readdir(directory), ['a']);
});
