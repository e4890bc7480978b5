import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import { HELD_BYTES, PARALLEL_UPLOADS, UploadQueue } from '../../src/publisher/upload-queue.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { publishBench } from '../support/publish-bench.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { withBeforePut } from '../support/with-before-put.ts';

interface Gate {
  readonly store: Store;
  /** Keys whose writes wait, oldest first. */
  readonly waiting: string[];
  /** Most writes that ever waited at once. */
  readonly most: () => number;
  /** Lets the oldest write go on, or fail. */
  release(error?: Error): void;
  /** Waits until so many writes wait. */
  until(count: number): Promise<void>;
}

/** A store whose writes wait until the test lets them go on. */
function gated(store: Store): Gate {
  const waiting: string[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  let most = 0;
  return {
    store: withBeforePut(store, (key) => {
      const gate = Promise.withResolvers<void>();
      waiting.push(key);
      gates.push(gate);
      most = Math.max(most, waiting.length);
      return gate.promise;
    }),
    waiting,
    most: () => most,
    release(error) {
      waiting.shift();
      const gate = gates.shift();
      if (error === undefined) gate?.resolve();
      else gate?.reject(error);
    },
    async until(count) {
      while (waiting.length < count) await turn();
    },
  };
}

/** True when `promise` is still unsettled after the event loop has gone round many times. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.finally(() => {
    settled = true;
  });
  for (let i = 0; i < 100 && !settled; i++) await turn();
  return !settled;
}

test('only so many objects are on their way at once, and the next waits for room', async (t) => {
  const { store, until, release, waiting } = gated(await openDirectoryStore(await temporaryDirectory(t)));
  const uploads = new UploadQueue(store);
  for (let i = 0; i < PARALLEL_UPLOADS; i++) await uploads.put(`packs/${i}`, seededBytes(`${i}`, 10));
  await until(PARALLEL_UPLOADS);
  const next = uploads.put('packs/next', seededBytes('next', 10));
  t.true(await isPending(next));
  t.is(waiting.length, PARALLEL_UPLOADS);
  release();
  await next;
  await until(PARALLEL_UPLOADS);
  t.deepEqual([waiting[0], waiting.at(-1)], ['packs/1', 'packs/next']);
  while (waiting.length > 0) release();
  await uploads.finish();
  const objectsUploaded = PARALLEL_UPLOADS + 1;
  t.deepEqual(uploads.totals, { bytesUploaded: 10 * objectsUploaded, objectsUploaded });
});

test('few large objects are on their way at once, since their bytes are held', async (t) => {
  const { store, until, release, waiting } = gated(await openDirectoryStore(await temporaryDirectory(t)));
  const uploads = new UploadQueue(store);
  const body = new Uint8Array(HELD_BYTES / 2);
  await uploads.put('packs/a', body);
  await uploads.put('packs/b', body);
  const next = uploads.put('packs/c', new Uint8Array(1));
  await until(2);
  t.true(await isPending(next));
  release();
  await next;
  await until(2);
  t.is(waiting.at(-1), 'packs/c');
  const large = uploads.put('packs/large', new Uint8Array(HELD_BYTES + 1));
  t.true(await isPending(large));
  while (waiting.length > 0) release();
  await large;
  await until(1);
  release();
  await uploads.finish();
  t.is(uploads.totals.objectsUploaded, 4);
});

test('what is there already is not sent and counts for nothing', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  await store.putIfAbsent('packs/a', seededBytes('a', 10));
  const refusing = withBeforePut(store, () => {
    throw new SiltError('INTERNAL', 'nothing is to be written');
  });
  const uploads = new UploadQueue(refusing);
  await uploads.put('packs/a', seededBytes('a', 10));
  await uploads.finish();
  t.deepEqual(uploads.totals, { bytesUploaded: 0, objectsUploaded: 0 });
});

test('an object that another publisher stores meanwhile counts for nothing', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  const uploads = new UploadQueue(
    withBeforePut(store, async (key) => void (await store.putIfAbsent(key, seededBytes('a', 10)))),
  );
  await uploads.put('packs/a', seededBytes('a', 10));
  await uploads.finish();
  t.deepEqual(uploads.totals, { bytesUploaded: 0, objectsUploaded: 0 });
});

test('an object of another size under the same name is damage', async (t) => {
  const store = await openDirectoryStore(await temporaryDirectory(t));
  await store.putIfAbsent('packs/a', seededBytes('a', 9));
  const uploads = new UploadQueue(store);
  await uploads.put('packs/a', seededBytes('a', 10));
  const error = await throwsSilt(t, () => uploads.finish(), 'DIGEST_MISMATCH');
  t.like(error.details, { key: 'packs/a', expected: 10, found: 9 });
});

test('a body may be a file', async (t) => {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(join(directory, 'repository'), { create: true });
  const path = join(directory, 'body');
  await writeFile(path, seededBytes('body', 1000));
  const uploads = new UploadQueue(store);
  await uploads.put('indexes/a', { path, size: 1000 });
  await uploads.finish();
  t.deepEqual(uploads.totals, { bytesUploaded: 1000, objectsUploaded: 1 });
});

test('the first failure is thrown by whatever is called next, and again', async (t) => {
  const gate = gated(await openDirectoryStore(await temporaryDirectory(t)));
  const uploads = new UploadQueue(gate.store);
  for (let i = 0; i < PARALLEL_UPLOADS; i++) await uploads.put(`packs/${i}`, seededBytes(`${i}`, 10));
  await gate.until(PARALLEL_UPLOADS);
  const next = uploads.put('packs/next', seededBytes('next', 10));
  gate.release(new SiltError('NO_SPACE', 'the file system is full'));
  await throwsSilt(t, () => next, 'NO_SPACE');
  gate.release(new SiltError('NETWORK', 'reset'));
  while (gate.waiting.length > 0) gate.release();
  await throwsSilt(t, () => uploads.finish(), 'NO_SPACE');
  t.deepEqual(gate.waiting, []);
});

test('nothing is on its way any more once the queue is disposed of', async (t) => {
  const gate = gated(await openDirectoryStore(await temporaryDirectory(t)));
  const uploads = new UploadQueue(gate.store);
  await uploads.put('packs/a', seededBytes('a', 10));
  await gate.until(1);
  const disposed = uploads[Symbol.asyncDispose]();
  t.true(await isPending(disposed));
  gate.release();
  await disposed;
  // The store was told to stop.
  t.is(await gate.store.has('packs/a'), undefined);
});

test('a slow store slows its publisher down: it stops packing and holds few packs', async (t) => {
  const bench = await publishBench(t);
  const gate = gated(bench.store);
  const image = await bench.file('image', seededBytes('slow', 100 * MiB));
  let bytesDone = 0;
  const published = bench.publish(
    '1',
    { a: image },
    {
      workers: 2,
      onProgress: (progress) => {
        bytesDone = progress.bytesDone;
      },
    },
    gate.store,
  );
  published.catch(() => {});
  const atOnce = HELD_BYTES / (16 * MiB);
  await gate.until(atOnce);
  // Work already begun comes to its end; then nothing moves any more.
  for (let quiet = 0, seen = bytesDone; quiet < 50; quiet = seen === bytesDone ? quiet + 1 : 0) {
    seen = bytesDone;
    t.true(await isPending(published));
  }
  t.is(gate.waiting.length, atOnce);
  t.true(bytesDone <= 80 * MiB, `${bytesDone} bytes done with ${atOnce} packs under way`);
  const releasing = { done: false };
  published.finally(() => {
    releasing.done = true;
  });
  while (!releasing.done) {
    gate.release();
    await turn();
  }
  const { manifest } = await published;
  // Indexes are small, so more of them go at once.
  t.true(gate.most() <= atOnce + 1, String(gate.most()));
  await t.notThrowsAsync(rebuildImage(bench.store, manifest.images[0]!));
});
