import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { DIGEST_BYTES, sha256 } from '../../src/core/digest.ts';
import { SiltError } from '../../src/core/errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import { openFrame } from '../../src/format/frame.ts';
import { defaultWorkers, openPool, type WorkerPool } from '../../src/pool/pool.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const content = seededBytes('pool', 3 * MiB);
const fixed = chunkerSpec('fixed-1', 4096);
const zstd = { codec: 'zstd', level: 1 } as const;

async function setUp(
  t: ExecutionContext<unknown>,
  workers = 1,
  signal?: AbortSignal,
): Promise<{ pool: WorkerPool; path: string }> {
  const path = join(await temporaryDirectory(t), 'image');
  await writeFile(path, content);
  const pool = openPool(workers, signal);
  t.teardown(() => pool.close());
  return { pool, path };
}

test('a scan cuts and names the chunks that begin in its range', async (t) => {
  const { pool, path } = await setUp(t);
  const scanned = await pool.scan({ path, size: 20_000, from: 4096, until: 12_289, chunker: fixed });
  t.is(scanned.from, 4096);
  t.deepEqual([...scanned.lengths], [4096, 4096, 4096]);
  t.deepEqual([...scanned.zeros], [0, 0, 0]);
  t.deepEqual(
    Buffer.from(scanned.ids),
    Buffer.concat([1, 2, 3].map((i) => sha256(content.subarray(i * 4096, (i + 1) * 4096)))),
  );
});

test('a frame gathers its chunks from wherever they lie', async (t) => {
  const { pool, path } = await setUp(t);
  const parts = [content.subarray(MiB, MiB + 5000), content.subarray(10, 20)];
  const frame = await pool.frame({
    path,
    offsets: Float64Array.of(MiB, 10),
    lengths: Uint32Array.of(5000, 10),
    ids: Buffer.concat(parts.map((part) => sha256(part))),
    compression: zstd,
  });
  t.is(frame.plain, 5010);
  const plain = openFrame(frame, frame.stored);
  t.deepEqual(Buffer.from(plain), Buffer.concat(parts));
});

test('digests are those of the stretches, however long', async (t) => {
  const { pool, path } = await setUp(t);
  const stretches = [
    [0, 0],
    [0, content.length],
    [7, 2 * MiB + 1],
  ] as const;
  const digests = await pool.digests({
    path,
    offsets: Float64Array.from(stretches, ([offset]) => offset),
    lengths: Float64Array.from(stretches, ([, length]) => length),
  });
  stretches.forEach(([offset, length], i) => {
    const expected = sha256(content.subarray(offset, offset + length));
    t.deepEqual(
      Buffer.from(digests.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)),
      Buffer.from(expected),
    );
  });
});

test('an error of a worker arrives with its code, its message and its details', async (t) => {
  const { pool, path } = await setUp(t);
  const task = { path, size: content.length + 1, from: 0, until: content.length + 1, chunker: fixed };
  const error = await throwsSilt(t, () => pool.scan(task), 'IMAGE_CHANGED');
  t.true(error instanceof SiltError);
  t.like(error, { name: 'SiltError', transient: false, details: { path } });
  t.regex(error.message, /image changed while it was read/);
});

test('a chunk that is not what it was, or not all there, makes no frame', async (t) => {
  const { pool, path } = await setUp(t);
  const id = sha256(content.subarray(0, 100));
  const task = {
    path,
    offsets: Float64Array.of(1),
    lengths: Uint32Array.of(100),
    ids: id,
    compression: zstd,
  };
  await throwsSilt(t, () => pool.frame(task), 'IMAGE_CHANGED');
  const good = await pool.frame({ ...task, offsets: Float64Array.of(0) });
  t.is(good.plain, 100);
  await truncate(path, 99);
  await throwsSilt(t, () => pool.frame({ ...task, offsets: Float64Array.of(0) }), 'IMAGE_CHANGED');
  const stretch = { path, offsets: Float64Array.of(0), lengths: Float64Array.of(100) };
  await throwsSilt(t, () => pool.digests(stretch), 'IMAGE_CHANGED');
});

test('an image that is gone has changed, and one that cannot be read is an error of its own', async (t) => {
  const { pool, path } = await setUp(t);
  const task = { offsets: Float64Array.of(0), lengths: Float64Array.of(1) };
  await throwsSilt(t, () => pool.digests({ ...task, path: `${path}.gone` }), 'IMAGE_CHANGED');
  await throwsSilt(t, () => pool.digests({ ...task, path: join(path, '..') }), 'IO_FAILED');
});

test('a chunker that nobody knows is refused in the worker too', async (t) => {
  const { pool, path } = await setUp(t);
  const task = { path, size: 10, from: 0, until: 10, chunker: { ...fixed, name: 'constructor' } };
  await throwsSilt(t, () => pool.scan(task), 'FORMAT_UNSUPPORTED');
});

test('a worker serves images cut in different ways, one after the other', async (t) => {
  const { pool, path } = await setUp(t);
  const range = { path, size: 40_000, from: 0, until: 40_000 };
  for (const size of [4096, 8192, 4096]) {
    const { lengths } = await pool.scan({ ...range, chunker: chunkerSpec('fixed-1', size) });
    t.is(lengths[0], size);
    t.is(lengths.length, Math.ceil(40_000 / size));
  }
});

test('an abort ends tasks that run and tasks that wait, with its reason', async (t) => {
  const abort = new AbortController();
  const reason = new SiltError('INTERRUPTED', 'stopped by Ctrl-C');
  const { pool, path } = await setUp(t, 1, abort.signal);
  const task = { path, size: content.length, from: 0, until: content.length, chunker: fixed };
  await pool.scan(task);
  const tasks = [pool.scan(task), pool.scan(task), pool.scan(task)];
  abort.abort(reason);
  for (const outcome of await Promise.allSettled(tasks)) t.like(outcome, { status: 'rejected', reason });
  t.is(await t.throwsAsync(pool.scan(task)), reason);
});

test('closing ends tasks that run and tasks that wait', async (t) => {
  const { pool, path } = await setUp(t);
  const task = { path, size: content.length, from: 0, until: content.length, chunker: fixed };
  const tasks = [pool.scan(task), pool.scan(task)].map((scan) => t.throwsAsync(scan));
  await pool.close();
  t.is((await Promise.all(tasks)).length, 2);
});

test("a result that comes in just after its task was cancelled is nobody's error", async (t) => {
  for (let round = 0; round < 6; round++) {
    const abort = new AbortController();
    const { pool, path } = await setUp(t, 2, abort.signal);
    const task = { path, size: content.length, from: 0, until: 300_000, chunker: fixed };
    const tasks = Array.from({ length: 6 }, () => pool.scan(task));
    const settled = Promise.allSettled(tasks);
    await tasks[0];
    // Busy for long enough that the other worker's result waits for us to look at it.
    for (let i = 0; i < 20; i++) sha256(content);
    abort.abort(new Error('stopped by the test'));
    await pool.close();
    await settled;
  }
  // An exception that nobody catches would end this process.
  t.pass();
});

test('there are as many workers as asked for, and one at least', async (t) => {
  const { pool } = await setUp(t, 3);
  t.is(pool.workers, 3);
  t.true(defaultWorkers() >= 1);
  for (const workers of [0, -1, 1.5, Number.NaN]) {
    await throwsSilt(t, async () => openPool(workers), 'USAGE');
  }
});
