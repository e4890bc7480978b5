/**
 * How chunks are gathered into windows.
 */
import test from 'ava';
import fc from 'fast-check';
import { defaultWindows, WindowGatherer, windowSelector, windowSpec } from '../../src/chunker/windows.ts';
import { GiB, KiB, MiB } from '../../src/core/sizes.ts';
import { seededRandom } from '../support/seeded-bytes.ts';

interface Chunk {
  readonly length: number;
  readonly selector: number;
  readonly zero: boolean;
}

/** The chunks of each window. */
function gather(chunks: readonly Chunk[], spec = defaultWindows, averageChunk = 4 * KiB): Chunk[][] {
  const gatherer = new WindowGatherer(spec, averageChunk);
  const windows: Chunk[][] = [];
  let open: Chunk[] = [];
  const close = (): void => {
    windows.push(open);
    open = [];
    gatherer.begin();
  };
  for (const chunk of chunks) {
    if (gatherer.endsBefore(chunk.length, chunk.zero)) close();
    open.push(chunk);
    if (gatherer.add(chunk.length, chunk.selector, chunk.zero)) close();
  }
  if (open.length > 0) close();
  return windows;
}

const lengthOf = (chunks: readonly Chunk[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

/** `count` chunks like those of an image: data with runs of zeros of every length. */
function someChunks(seed: number, count: number, zeroRuns = true): Chunk[] {
  const random = seededRandom(seed);
  const chunks: Chunk[] = [];
  while (chunks.length < count) {
    if (zeroRuns && random() < 0.01) {
      for (let run = Math.floor(random() * 700); run > 0; run--) {
        chunks.push({ length: 16 * KiB, selector: 0, zero: true });
      }
    }
    const length = 2 * KiB + Math.floor(random() * 6 * KiB);
    chunks.push({ length, selector: Math.floor(random() * 2 ** 32), zero: false });
  }
  return chunks;
}

test('windows hold every chunk once, in order, and none is larger than the largest', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(5000), (seed, count) => {
      const chunks = someChunks(seed, count);
      const windows = gather(chunks);
      t.deepEqual(windows.flat(), chunks);
      t.true(windows.every((window) => lengthOf(window) <= defaultWindows.max));
    }),
    { seed: 1, numRuns: 30 },
  );
});

test('a window is at least the smallest size, but for the last and for one that would grow too large', (t) => {
  const windows = gather(someChunks(7, 20_000));
  for (const window of windows.slice(0, -1)) t.true(lengthOf(window) >= defaultWindows.min);
});

test('windows of data are about as large as asked for', (t) => {
  const windows = gather(someChunks(3, 60_000, false), defaultWindows, 5 * KiB);
  const mean = lengthOf(windows.flat()) / windows.length;
  t.true(mean > 400 * KiB && mean < 620 * KiB, `mean ${mean}`);
});

test('behind an insertion windows fall into step again', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 200 }), (seed, other, inserted) => {
      const chunks = someChunks(seed, 6000, false);
      const before = gather(chunks);
      const after = gather([...someChunks(other, inserted, false), ...chunks]);
      const ends = new Set(before.map((window) => window.at(-1)));
      const met = after.findIndex((window) => ends.has(window.at(-1)));
      t.true(met >= 0 && met < 25, `in step after ${met} windows`);
      const rest = after.slice(met + 1);
      t.deepEqual(rest, before.slice(before.length - rest.length));
    }),
    { seed: 2, numRuns: 40 },
  );
});

test('a long run of zeros becomes windows of nothing else', (t) => {
  const data = someChunks(5, 100, false);
  const zeros = Array.from({ length: 4096 }, () => ({ length: 16 * KiB, selector: 0, zero: true }));
  const windows = gather([...data, ...zeros, ...data]);
  const onlyZeros = windows.filter((window) => window.every(({ zero }) => zero));
  t.true(lengthOf(onlyZeros.flat()) >= lengthOf(zeros) - 2 * defaultWindows.max);
  t.true(onlyZeros.some((window) => lengthOf(window) === defaultWindows.max));
});

test('zeros and data part only where the window is large enough', (t) => {
  const spec = { min: 1000, average: 2000, max: 8000 };
  const data = (length: number): Chunk => ({ length, selector: 2 ** 32 - 1, zero: false });
  const zero = (length: number): Chunk => ({ length, selector: 0, zero: true });
  const lengths = (chunks: Chunk[]): number[] => gather(chunks, spec, 500).map(lengthOf);
  t.deepEqual(lengths([data(999), zero(500)]), [1499]);
  t.deepEqual(lengths([data(1000), zero(500)]), [1000, 500]);
  t.deepEqual(lengths([zero(1000), data(500)]), [1000, 500]);
  t.deepEqual(lengths([zero(4000), zero(4000), zero(1)]), [8000, 1]);
});

test('a chunk as large as the largest window is a window', (t) => {
  const spec = windowSpec(16 * MiB, 1 * GiB);
  t.is(spec.max, 16 * MiB);
  const chunk = { length: 16 * MiB, selector: 0, zero: false };
  t.deepEqual(gather([chunk, chunk, chunk], spec, 16 * MiB).map(lengthOf), [16 * MiB, 16 * MiB, 16 * MiB]);
  t.deepEqual(windowSpec(16 * KiB, 0), defaultWindows);
  t.deepEqual(windowSpec(16 * KiB, 2 * GiB), defaultWindows);
});

test('the selector is bytes 8 to 11 of the chunk id, little-endian', (t) => {
  const id = Uint8Array.from({ length: 64 }, (_, at) => 0xf0 - at);
  t.is(windowSelector(id), 0xe5_e6_e7_e8);
  t.is(windowSelector(id, 32), 0xc5_c6_c7_c8);
});

test('windows grow with images of more than 2 GiB, up to 2 MiB on average, and no larger than 4 MiB', (t) => {
  t.is(windowSpec(16 * KiB, 2 * GiB + 1).average, 1 * MiB);
  t.is(windowSpec(16 * KiB, 4 * GiB).average, 1 * MiB);
  t.is(windowSpec(16 * KiB, 64 * GiB).average, 2 * MiB);
  t.is(windowSpec(16 * KiB, 64 * GiB).max, 4 * MiB);
});
