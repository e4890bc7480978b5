/**
 * Chunkers by name and size, and the one of fixed size.
 */
import test from 'ava';
import fc from 'fast-check';
import { type ChunkerSpec, chunkerNames, chunkerSpec, createChunker } from '../../src/chunker/chunker.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { chunkLengths } from '../support/chunk-lengths.ts';
import { sampleData } from '../support/sample-data.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('averages from 1 KiB to 16 MiB are accepted, and no chunk may be larger than 16 MiB', (t) => {
  t.deepEqual(chunkerSpec('fastcdc-1', 1 * KiB), { name: 'fastcdc-1', min: 640, average: 1024, max: 4096 });
  const largest = { name: 'fastcdc-1', min: 10 * MiB, average: 16 * MiB, max: 16 * MiB };
  t.deepEqual(chunkerSpec('fastcdc-1', 16 * MiB), largest);
  t.deepEqual(chunkerSpec('fixed-1', 5000), { name: 'fixed-1', min: 5000, average: 5000, max: 5000 });
  fc.assert(
    fc.property(
      fc.constantFrom(...chunkerNames),
      fc.integer({ min: KiB, max: 16 * MiB }),
      (name, average) => {
        const { min, max } = chunkerSpec(name, average);
        t.true(min >= 640 && min <= average && average <= max && max <= 16 * MiB);
      },
    ),
    { seed: 1 },
  );
});

test('other averages are refused', async (t) => {
  for (const average of [0, -1, 1023, 16 * MiB + 1, 4096.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await throwsSilt(t, async () => chunkerSpec('fastcdc-1', average), 'USAGE');
    await throwsSilt(t, async () => chunkerSpec('fixed-1', average), 'USAGE');
  }
});

test('a chunker that silt does not know is refused, whatever objects call their members', async (t) => {
  for (const name of ['fastcdc-2', '', 'constructor', '__proto__', 'toString']) {
    await throwsSilt(t, async () => chunkerSpec(name, 4096), 'USAGE');
    const spec = { name, min: 1024, average: 2048, max: 4096 };
    await throwsSilt(t, async () => createChunker(spec), 'FORMAT_UNSUPPORTED');
  }
});

test('sizes that no rule can follow are refused, since an index may hold them', async (t) => {
  for (const [min, average, max] of [
    [63, 128, 256],
    [128, 127, 256],
    [128, 256, 255],
  ] as const) {
    await throwsSilt(
      t,
      async () => createChunker({ name: 'fastcdc-1', min, average, max }),
      'FORMAT_INVALID',
    );
  }
});

const someSizes = [1 * KiB, 3000, 4 * KiB, 64 * KiB, 1 * MiB, 16 * MiB];

for (const average of someSizes) {
  test(`chunks of ${average} bytes on average are within their limits`, (t) => {
    const chunker = createChunker(chunkerSpec('fastcdc-1', average));
    const { min, max } = chunker.spec;
    const bytes = sampleData('random', Math.min(average * 100, 20 * MiB) + 777);
    const lengths = chunkLengths(chunker, bytes);
    t.is(
      lengths.reduce((sum, length) => sum + length, 0),
      bytes.length,
    );
    t.true(lengths.slice(0, -1).every((length) => length >= min && length <= max));
    t.true((lengths.at(-1) as number) <= max);
    if (average <= 64 * KiB) {
      const mean = bytes.length / lengths.length;
      t.true(mean > average && mean < average * 1.45, `mean ${mean}`);
    }
  });
}

test('zeros become chunks of the largest size', (t) => {
  const chunker = createChunker(chunkerSpec('fastcdc-1', 4 * KiB));
  t.deepEqual(chunkLengths(chunker, new Uint8Array(40 * KiB)), [16 * KiB, 16 * KiB, 8 * KiB]);
});

test('the fixed chunker cuts every so many bytes and keeps the rest for the end', (t) => {
  const chunker = createChunker(chunkerSpec('fixed-1', 1000 + 24));
  t.deepEqual([...chunker.cut(0, 3000, false)], [1024, 1024]);
  t.deepEqual([...chunker.cut(0, 3000, true)], [1024, 1024, 952]);
  t.deepEqual([...chunker.cut(2048, 3000, true)], [952]);
  t.deepEqual([...chunker.cut(0, 2048, true)], [1024, 1024]);
  t.deepEqual([...chunker.cut(5, 5, true)], []);
});

test('the fixed chunker answers in bounded parts as well', (t) => {
  const spec: ChunkerSpec = { name: 'fixed-1', min: 1, average: 1, max: 1 };
  const chunker = createChunker(spec, 100_000);
  t.is(chunker.cut(0, 100_000, true).length, 65_536);
  t.is(chunker.cut(65_536, 100_000, true).length, 100_000 - 65_536);
});

test('a buffer holds two of the largest chunks, however small it was asked to be', (t) => {
  for (const name of chunkerNames) {
    const chunker = createChunker(chunkerSpec(name, 64 * KiB), 10);
    t.true(chunker.buffer.length >= 2 * chunker.spec.max);
  }
});
