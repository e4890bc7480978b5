import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { windowSpec } from '../../src/chunker/windows.ts';
import { isSiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { scanSeed } from '../../src/fetcher/scan-seed.ts';
import { SeedIndexReader, SeedIndexWriter } from '../../src/fetcher/seed-index-file.ts';
import type { SeedChunk, SeedWindow } from '../../src/format/seed-index.ts';
import { SourceFile } from '../../src/io/source-file.ts';
import { oldImage } from '../support/release-images.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const version = { size: 1, changed: '1700000000123456789', inode: '42' };
const spec = chunkerSpec('fastcdc-1', 2 * KiB);
const windowing = windowSpec(spec.max, 0);

function write(path: string, chunks: readonly SeedChunk[], windows: readonly SeedWindow[]): void {
  using writer = new SeedIndexWriter(path);
  for (const chunk of chunks) writer.addChunk(chunk);
  for (const { length, digest } of windows) writer.addWindow(length, digest);
  writer.finish(version, spec, windowing);
}

test('gives back what was written, however much it is', async (t) => {
  const path = join(await temporaryDirectory(t), 'index');
  const chunk = fc.record({
    length: fc.integer({ min: 1, max: 16 * KiB * KiB }),
    zero: fc.boolean(),
    hint: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  });
  const property = fc.property(
    fc.array(chunk, { maxLength: 50 }),
    fc.constantFrom(1, 1, 1, 200),
    (some, times) => {
      const chunks = Array.from({ length: times }, () => some).flat();
      const windows = chunks.map(({ length, zero }, i) => ({
        length,
        digest: zero ? undefined : seededBytes(`window ${i}`, 32),
      }));
      write(path, chunks, windows);
      const reader = SeedIndexReader.open(path);
      const { chunks: count, windows: windowCount, size, changed, inode } = reader.summary;
      t.is(count, chunks.length);
      t.is(windowCount, windows.length);
      t.is(
        size,
        chunks.reduce((sum, { length }) => sum + length, 0),
      );
      t.deepEqual([changed, inode], [version.changed, version.inode]);
      t.deepEqual([reader.summary.chunker, reader.summary.windowing], [spec, windowing]);
      let at = 0;
      let wrong = 0;
      let offset = 0;
      reader.forEachChunk((where, found) => {
        const expected = chunks[at++] as SeedChunk;
        if (where !== offset || found.length !== expected.length) wrong += 1;
        if (found.zero !== expected.zero || found.hint !== expected.hint) wrong += 1;
        offset += expected.length;
      });
      const found = [...reader.windows()];
      for (const [i, { length, digest }] of windows.entries()) {
        if (found[i]?.length !== length) wrong += 1;
        if (digest !== undefined && reader.window(digest)?.offset !== found[i]?.offset) wrong += 1;
      }
      reader.close();
      t.is(wrong, 0);
      t.is(at, chunks.length);
    },
  );
  fc.assert(property, { seed: 8, numRuns: 40 });
});

test('samples are windows with bytes, spread over the file', async (t) => {
  const path = join(await temporaryDirectory(t), 'index');
  const windows = Array.from({ length: 100 }, (_, i) => ({
    length: 10,
    digest: i % 2 === 0 ? undefined : seededBytes(`window ${i}`, 32),
  }));
  write(path, [{ length: 1000, zero: false, hint: 1 }], windows);
  const reader = SeedIndexReader.open(path);
  const samples = reader.sampleWindows(8);
  t.is(samples.length, 8);
  t.true(
    samples.every(
      ({ offset, digest }) => Buffer.compare(seededBytes(`window ${offset / 10}`, 32), digest) === 0,
    ),
  );
  t.true((samples.at(-1)?.offset ?? 0) > 700);
  reader.close();
});

/** Opens and reads all of it; true unless it refuses with an error of its own. */
function reads(t: ExecutionContext, path: string, what: string): boolean {
  try {
    const reader = SeedIndexReader.open(path);
    try {
      reader.forEachChunk(() => {});
      reader.sampleWindows(4);
    } finally {
      reader.close();
    }
    return true;
  } catch (error) {
    t.true(isSiltError(error), `${what}: ${error}`);
    return false;
  }
}

test('a damaged file is refused when it is opened, or read to its end', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'index');
  const chunks = Array.from({ length: 30 }, (_, hint) => ({ length: 1000 + hint, zero: hint === 7, hint }));
  write(path, chunks, [{ length: 30_435, digest: seededBytes('window', 32) }]);
  const whole = await readFile(path);
  for (let end = 0; end < whole.length; end += 7) {
    await writeFile(path, whole.subarray(0, end));
    t.false(reads(t, path, `cut at ${end}`));
  }
  await writeFile(path, Buffer.concat([whole, Buffer.from('x')]));
  t.false(reads(t, path, 'longer'));
  const random = seededRandom(9);
  let accepted = 0;
  for (let round = 0; round < 300; round++) {
    const copy = Buffer.from(whole);
    const at = Math.floor(random() * whole.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    await writeFile(path, copy);
    if (reads(t, path, `bit at ${at}`)) accepted += 1;
    await writeFile(path, seededBytes(`noise ${round}`, Math.floor(random() * 700)));
    t.false(reads(t, path, `noise ${round}`));
  }
  // Hints and digests are only that: hints.
  t.true(accepted < 270, `${accepted}`);
});

test('a file that is cut has the chunks and windows of its image, whatever it is read in', async (t) => {
  const directory = await temporaryDirectory(t);
  const [seed, path] = [join(directory, 'seed'), join(directory, 'index')];
  await writeFile(seed, oldImage);
  using file = SourceFile.open(seed);
  const progress: number[] = [];
  await scanSeed(file, path, spec, windowing, { onProgress: (done) => progress.push(done) });
  const reader = SeedIndexReader.open(path);
  t.is(reader.summary.size, oldImage.length);
  t.is(
    [...reader.windows()].reduce((sum, { length }) => sum + length, 0),
    oldImage.length,
  );
  t.is(progress.at(-1), oldImage.length);
  reader.close();
  t.deepEqual((await readdir(directory)).sort(), ['index', 'seed']);
});

test('a scan stops when told to, and ends where the file has come to end', async (t) => {
  const directory = await temporaryDirectory(t);
  const [seed, path] = [join(directory, 'seed'), join(directory, 'index')];
  await writeFile(seed, oldImage);
  using file = SourceFile.open(seed);
  const signal = AbortSignal.abort(new Error('stop'));
  await t.throwsAsync(scanSeed(file, path, spec, windowing, { signal }), { message: 'stop' });
  // As if the file had been longer when it was opened.
  await scanSeed(file, path, spec, windowing, { size: oldImage.length + 50_000_000 });
  const reader = SeedIndexReader.open(path);
  t.is(reader.summary.size, oldImage.length);
  reader.close();
});

test('an index that cannot be written is an error of the place, not of the seed', async (t) => {
  const directory = await temporaryDirectory(t);
  const seed = join(directory, 'seed');
  await writeFile(seed, 'bytes');
  using file = SourceFile.open(seed);
  const error = await throwsSilt(
    t,
    () => scanSeed(file, join(directory, 'no', 'index'), spec, windowing),
    'IO_FAILED',
  );
  t.regex(error.message, /index/);
});
