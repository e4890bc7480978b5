/**
 * The words of the Store contract (src/store/store.ts) as tests: one suite that every store is held to.
 *
 * @module
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { sha256Hex } from '../../src/core/digest.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { ReadStore, Store } from '../../src/store/store.ts';
import { collect, collectBytes } from './collect.ts';
import { seededBytes } from './seeded-bytes.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { throwsSilt } from './throws-silt.ts';

/** An empty repository: somebody who writes it, and the store that reads it. Both may be one. */
export interface Repository {
  readonly writer: Store;
  readonly reader: ReadStore;
}

/** Makes an empty repository for one test, which cleans up after itself. */
export type OpenRepository = (t: ExecutionContext<unknown>) => Promise<Repository>;

const MAX = { maxBytes: 64 * MiB };

const BAD_KEYS = ['', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a/./b', 'a\\b', 'a\0b', '.silt-lock'];

/** Tests what a device needs. */
export function testReading(test: TestFn<unknown>, name: string, open: OpenRepository): void {
  const pack = seededBytes('pack', 3 * MiB + 5);
  const packKey = `packs/${sha256Hex(pack)}`;

  test(`${name}: an object comes back as it was put`, async (t) => {
    const { writer, reader } = await open(t);
    await writer.putIfAbsent(packKey, pack);
    const found = await reader.get(packKey, MAX);
    t.is(sha256Hex(found?.bytes ?? new Uint8Array()), sha256Hex(pack));
    t.is((await reader.has(packKey))?.size, pack.byteLength);
  });

  test(`${name}: an empty object is an object`, async (t) => {
    const { writer, reader } = await open(t);
    await writer.putIfAbsent('packs/empty', new Uint8Array());
    t.is((await reader.get('packs/empty', MAX))?.bytes.byteLength, 0);
    t.is((await reader.has('packs/empty'))?.size, 0);
    const range = { offset: 0, length: 1 };
    await throwsSilt(t, () => collect(reader.getRange('packs/empty', range)), 'RANGE_INVALID');
  });

  test(`${name}: what is missing is undefined, and a range of it an error`, async (t) => {
    const { writer, reader } = await open(t);
    await writer.putIfAbsent('packs/there', pack);
    t.is(await reader.get('packs/missing', MAX), undefined);
    t.is(await reader.get('nowhere/at/all', MAX), undefined);
    t.is(await reader.get('packs', MAX), undefined);
    t.is(await reader.has('packs/missing'), undefined);
    const range = { offset: 0, length: 1 };
    const error = await throwsSilt(
      t,
      () => collect(reader.getRange('packs/missing', range)),
      'OBJECT_MISSING',
    );
    t.false(error.transient);
  });

  test(`${name}: a range is exactly the bytes asked for`, async (t) => {
    const { writer, reader } = await open(t);
    await writer.putIfAbsent(packKey, pack);
    const ranges = [
      [0, 1],
      [0, pack.byteLength],
      [pack.byteLength - 1, 1],
      [256 * KiB - 1, 2],
      [12_345, MiB + 1],
    ] as const;
    for (const [offset, length] of ranges) {
      const found = await collectBytes(reader.getRange(packKey, { offset, length }));
      t.true(found.equals(pack.subarray(offset, offset + length)), `${offset}+${length}`);
    }
  });

  test(`${name}: a range that does not lie within the object is refused`, async (t) => {
    const { writer, reader } = await open(t);
    await writer.putIfAbsent('packs/small', pack.subarray(0, 100));
    const ranges = [
      [0, 101],
      [99, 2],
      [100, 1],
      [5000, 1],
      [0, 0],
      [-1, 1],
      [0.5, 1],
      [2 ** 53, 1],
    ] as const;
    for (const [offset, length] of ranges) {
      const error = await throwsSilt(
        t,
        () => collect(reader.getRange('packs/small', { offset, length })),
        'RANGE_INVALID',
      );
      t.false(error.transient);
    }
  });

  test(`${name}: blocks of a range are the reader's to keep, and a reader may leave early`, async (t) => {
    const { writer, reader } = await open(t);
    await writer.putIfAbsent(packKey, pack);
    const blocks = await collect(reader.getRange(packKey, { offset: 0, length: pack.byteLength }));
    t.true(blocks.every((block) => block.byteLength <= 256 * KiB));
    t.is(sha256Hex(Buffer.concat(blocks)), sha256Hex(pack));
    for await (const block of reader.getRange(packKey, { offset: 0, length: pack.byteLength })) {
      t.true(block.byteLength > 0);
      break;
    }
    t.is((await reader.has(packKey))?.size, pack.byteLength);
  });

  test(`${name}: an object larger than its cap is refused`, async (t) => {
    const { writer, reader } = await open(t);
    await writer.putIfAbsent('metadata/1.root.json', pack.subarray(0, 1000));
    t.is((await reader.get('metadata/1.root.json', { maxBytes: 1000 }))?.bytes.byteLength, 1000);
    await throwsSilt(t, () => reader.get('metadata/1.root.json', { maxBytes: 999 }), 'FORMAT_INVALID');
  });

  test(`${name}: no key leads out of the repository`, async (t) => {
    const { reader } = await open(t);
    for (const key of BAD_KEYS) {
      await throwsSilt(t, () => reader.get(key, MAX), 'FORMAT_INVALID');
      await throwsSilt(t, () => reader.has(key), 'FORMAT_INVALID');
      await throwsSilt(t, () => collect(reader.getRange(key, { offset: 0, length: 1 })), 'FORMAT_INVALID');
    }
  });

  test(`${name}: keys with unusual characters name the object they were put under`, async (t) => {
    const { writer, reader } = await open(t);
    const keys = ['targets/a b.json', 'targets/50%.json', 'targets/ü+&?#=.json', 'targets/x.y/1.0~rc1.json'];
    for (const key of keys) await writer.putIfAbsent(key, Buffer.from(key));
    for (const key of keys) {
      t.is(Buffer.from((await reader.get(key, MAX))?.bytes ?? []).toString(), key);
    }
  });

  test(`${name}: an aborted call throws the reason it was aborted with`, async (t) => {
    const { writer, reader } = await open(t);
    await writer.putIfAbsent(packKey, pack);
    const reason = new Error('the user pressed Ctrl-C');
    const signal = AbortSignal.abort(reason);
    t.is(await t.throwsAsync(reader.get(packKey, { ...MAX, signal })), reason);
    t.is(await t.throwsAsync(reader.has(packKey, { signal })), reason);
    const controller = new AbortController();
    const partial = async (): Promise<void> => {
      const range = { offset: 0, length: pack.byteLength };
      for await (const _ of reader.getRange(packKey, range, { signal: controller.signal })) {
        controller.abort(reason);
      }
    };
    t.is(await t.throwsAsync(partial), reason);
  });

  test(`${name}: the validator stays while the object does, and changes with it`, async (t) => {
    const { writer, reader } = await open(t);
    const key = 'metadata/timestamp.json';
    const etag = await writer.putIfMatch(key, Buffer.from('{"version":1}'), undefined);
    const first = await reader.has(key);
    t.is((await reader.get(key, MAX))?.etag, first?.etag);
    t.is((await reader.has(key))?.etag, first?.etag);
    await writer.putIfMatch(key, Buffer.from('{"version":2}'), etag);
    const second = await reader.get(key, MAX);
    t.is(Buffer.from(second?.bytes ?? []).toString(), '{"version":2}');
    t.not(second?.etag, first?.etag);
  });
}

/** Tests what a publisher needs. */
export function testWriting(test: TestFn<unknown>, name: string, open: OpenRepository): void {
  test(`${name}: an immutable object is created once and never replaced`, async (t) => {
    const { writer } = await open(t);
    t.is(await writer.putIfAbsent('packs/a', Buffer.from('first')), 'created');
    t.is(await writer.putIfAbsent('packs/a', Buffer.from('second')), 'exists');
    t.is(Buffer.from((await writer.get('packs/a', MAX))?.bytes ?? []).toString(), 'first');
  });

  test(`${name}: of several writers of one object exactly one creates it`, async (t) => {
    const { writer } = await open(t);
    const bodies = Array.from({ length: 8 }, (_, index) => seededBytes(`writer ${index}`, 100 * KiB));
    const outcomes = await Promise.all(bodies.map((body) => writer.putIfAbsent('packs/raced', body)));
    t.is(outcomes.filter((outcome) => outcome === 'created').length, 1);
    const winner = bodies[outcomes.indexOf('created')] ?? new Uint8Array();
    t.is(sha256Hex((await writer.get('packs/raced', MAX))?.bytes ?? new Uint8Array()), sha256Hex(winner));
  });

  test(`${name}: a body may be a file`, async (t) => {
    const { writer } = await open(t);
    const bytes = seededBytes('file body', 2 * MiB + 3);
    const path = join(await temporaryDirectory(t), 'pack');
    await writeFile(path, bytes);
    t.is(await writer.putIfAbsent('packs/file', { path, size: bytes.byteLength }), 'created');
    t.is(sha256Hex((await writer.get('packs/file', MAX))?.bytes ?? new Uint8Array()), sha256Hex(bytes));
    t.is(await writer.putIfAbsent('packs/file', { path, size: bytes.byteLength }), 'exists');
  });

  test(`${name}: a file that is shorter than promised stores nothing`, async (t) => {
    const { writer } = await open(t);
    const path = join(await temporaryDirectory(t), 'pack');
    await writeFile(path, seededBytes('short', 1000));
    await throwsSilt(t, () => writer.putIfAbsent('packs/short', { path, size: 1001 }), 'IO_FAILED');
    t.is(await writer.has('packs/short'), undefined);
    t.deepEqual(await collect(writer.list('')), []);
  });

  test(`${name}: an object is replaced by whoever saw its latest state`, async (t) => {
    const { writer } = await open(t);
    const key = 'metadata/timestamp.json';
    const first = await writer.putIfMatch(key, Buffer.from('1'), undefined);
    await throwsSilt(t, () => writer.putIfMatch(key, Buffer.from('x'), undefined), 'CONFLICT');
    t.is((await writer.has(key))?.etag, first);
    const second = await writer.putIfMatch(key, Buffer.from('2'), first);
    t.is((await writer.get(key, MAX))?.etag, second);
    const error = await throwsSilt(t, () => writer.putIfMatch(key, Buffer.from('x'), first), 'CONFLICT');
    t.false(error.transient);
    t.is(Buffer.from((await writer.get(key, MAX))?.bytes ?? []).toString(), '2');
    await writer.remove(key);
    await throwsSilt(t, () => writer.putIfMatch(key, Buffer.from('x'), second), 'CONFLICT');
  });

  test(`${name}: of several writers that saw the same state exactly one replaces it`, async (t) => {
    const { writer } = await open(t);
    const key = 'metadata/timestamp.json';
    const etag = await writer.putIfMatch(key, Buffer.from('start'), undefined);
    const attempts = Array.from({ length: 5 }, async (_, index) => {
      await writer.putIfMatch(key, Buffer.from(`writer ${index}`), etag);
      return index;
    });
    const outcomes = await Promise.allSettled(attempts);
    t.deepEqual(outcomes.map((outcome) => outcome.status).sort(), [
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'rejected',
    ]);
    const winner = outcomes.findIndex((outcome) => outcome.status === 'fulfilled');
    t.is(Buffer.from((await writer.get(key, MAX))?.bytes ?? []).toString(), `writer ${winner}`);
  });

  test(`${name}: a listing holds every key with the prefix, with its size`, async (t) => {
    const { writer } = await open(t);
    const objects = { 'packs/ab1': 1, 'packs/ab2': 20, 'packs/b': 3, 'deltas/ab1': 4, 'targets/p/1.json': 5 };
    for (const [key, size] of Object.entries(objects)) {
      await writer.putIfAbsent(key, seededBytes(key, size));
    }
    const listed = async (prefix: string): Promise<[string, number][]> => {
      const found = await collect(writer.list(prefix));
      return found.map(({ key, size }): [string, number] => [key, size]).sort();
    };
    t.deepEqual(await listed(''), Object.entries(objects).sort());
    t.deepEqual(await listed('packs/ab'), [
      ['packs/ab1', 1],
      ['packs/ab2', 20],
    ]);
    t.deepEqual(await listed('packs'), await listed('packs/'));
    t.deepEqual(await listed('targets/p'), [['targets/p/1.json', 5]]);
    t.deepEqual(await listed('nothing/'), []);
  });

  test(`${name}: the time of an object is when it got its bytes`, async (t) => {
    const { writer } = await open(t);
    const modified = async (key: string): Promise<number> => (await writer.has(key))?.modified ?? Number.NaN;
    await writer.putIfAbsent('packs/first', Buffer.from('1'));
    const etag = await writer.putIfMatch('metadata/timestamp.json', Buffer.from('1'), undefined);
    const [first, replaced] = [await modified('packs/first'), await modified('metadata/timestamp.json')];
    t.true(Number.isSafeInteger(first) && first > Date.parse('2020-01-01'), String(first));
    await writer.putIfMatch('metadata/timestamp.json', Buffer.from('2'), etag);
    await writer.putIfAbsent('packs/first', Buffer.from('2'));
    t.is(await modified('packs/first'), first);
    t.true((await modified('metadata/timestamp.json')) >= replaced && replaced >= first);
  });

  test(`${name}: what is removed is gone, and removing it again is no error`, async (t) => {
    const { writer } = await open(t);
    await writer.putIfAbsent('packs/a', Buffer.from('a'));
    await writer.remove('packs/a');
    await writer.remove('packs/a');
    await writer.remove('nowhere/b');
    t.is(await writer.get('packs/a', MAX), undefined);
    t.is(await writer.putIfAbsent('packs/a', Buffer.from('b')), 'created');
  });

  test(`${name}: nothing can be written outside the repository`, async (t) => {
    const { writer } = await open(t);
    for (const key of BAD_KEYS) {
      await throwsSilt(t, () => writer.putIfAbsent(key, Buffer.from('x')), 'FORMAT_INVALID');
      await throwsSilt(t, () => writer.putIfMatch(key, Buffer.from('x'), undefined), 'FORMAT_INVALID');
      await throwsSilt(t, () => writer.remove(key), 'FORMAT_INVALID');
    }
    t.deepEqual(await collect(writer.list('../')), []);
  });
}
