/**
 * Where chunks end does not depend on how the input was split: the ground that parallel publishing, resuming
 * and seeds stand on.
 */
import test from 'ava';
import fc from 'fast-check';
import { chunkerSpec, createChunker } from '../../src/chunker/chunker.ts';
import { scanChunks } from '../../src/chunker/scan.ts';
import { KiB } from '../../src/core/sizes.ts';
import { chunkLengths, readFrom } from '../support/chunk-lengths.ts';
import { oracleCuts } from '../support/fastcdc-oracle.ts';
import { type DataKind, dataKinds, sampleData } from '../support/sample-data.ts';
import { seededRandom } from '../support/seeded-bytes.ts';

const LENGTH = 200 * KiB;
const chunkers = [chunkerSpec('fastcdc-1', 2 * KiB), chunkerSpec('fixed-1', 1500)].map((spec) =>
  createChunker(spec),
);
const [fastcdc, fixed] = chunkers as [(typeof chunkers)[0], (typeof chunkers)[0]];
const kind = fc.constantFrom<DataKind>(...dataKinds);
const chunkerKind = fc.constantFrom(...chunkers);

/** Where chunks end. */
function ends(lengths: readonly number[], from = 0): number[] {
  let at = from;
  return lengths.map((length) => {
    at += length;
    return at;
  });
}

test('reading the input in pieces of any size gives the same chunks', (t) => {
  fc.assert(
    fc.property(
      chunkerKind,
      kind,
      fc.nat(99),
      fc.integer({ min: 1, max: 9000 }),
      (chunker, data, seed, most) => {
        const bytes = sampleData(data, LENGTH, seed);
        const random = seededRandom(seed);
        const readAt = readFrom(bytes, () => Math.floor(random() * most));
        t.deepEqual(chunkLengths(chunker, bytes, { readAt }), chunkLengths(chunker, bytes));
      },
    ),
    { seed: 2, numRuns: 40 },
  );
});

test('a small buffer gives the same chunks as a large one', (t) => {
  for (const data of dataKinds) {
    const bytes = sampleData(data, LENGTH);
    for (const { spec } of chunkers) {
      const small = createChunker(spec, 2 * spec.max);
      const large = createChunker(spec, LENGTH * 2);
      t.deepEqual(chunkLengths(small, bytes), chunkLengths(large, bytes));
    }
  }
});

test('starting again at any cut gives the chunks that follow it', (t) => {
  fc.assert(
    fc.property(
      chunkerKind,
      kind,
      fc.nat(99),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (chunker, data, seed, where) => {
        const bytes = sampleData(data, LENGTH, seed);
        const whole = chunkLengths(chunker, bytes);
        const skipped = Math.floor(where * whole.length);
        const from = ends(whole)[skipped - 1] ?? 0;
        t.deepEqual(chunkLengths(chunker, bytes, { from }), whole.slice(skipped));
        t.deepEqual(chunkLengths(chunker, bytes.slice(from)), whole.slice(skipped));
      },
    ),
    { seed: 3, numRuns: 60 },
  );
});

test('a stretch visits the chunks that begin in it, and stretches join without a gap', (t) => {
  fc.assert(
    fc.property(
      chunkerKind,
      kind,
      fc.nat(99),
      fc.array(fc.nat(LENGTH), { maxLength: 6 }),
      (chunker, data, seed, at) => {
        const bytes = sampleData(data, LENGTH, seed);
        const joined: number[] = [];
        let from = 0;
        for (const until of [...at, LENGTH].sort((a, b) => a - b)) {
          const part = chunkLengths(chunker, bytes, { from, until });
          joined.push(...part);
          from = ends(part, from).at(-1) ?? from;
        }
        t.deepEqual(joined, chunkLengths(chunker, bytes));
      },
    ),
    { seed: 4, numRuns: 40 },
  );
});

test('a scan begun anywhere falls into step with one that began elsewhere', (t) => {
  const bytes = sampleData('text', LENGTH);
  const whole = new Set(ends(chunkLengths(fastcdc, bytes)));
  for (let from = 1; from < 20_000; from += 977) {
    const other = ends(chunkLengths(fastcdc, bytes, { from }), from);
    const met = other.findIndex((end) => whole.has(end));
    t.true(met >= 0 && met < 30, `from ${from}: in step after ${met} chunks`);
    t.true(other.slice(met).every((end) => whole.has(end)));
  }
});

test('a cut depends on nothing ahead of the 64 bytes before the smallest size', (t) => {
  const { min } = fastcdc.spec;
  const bytes = sampleData('random', LENGTH);
  const [first] = chunkLengths(fastcdc, bytes);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: min - 64, maxLength: min - 64 }), (head) => {
      const altered = bytes.slice();
      altered.set(head);
      t.is(chunkLengths(fastcdc, altered)[0], first);
    }),
    { seed: 5, numRuns: 20 },
  );
});

test('a cut depends on nothing behind it', (t) => {
  const bytes = sampleData('random', LENGTH);
  const [first] = chunkLengths(fastcdc, bytes) as [number];
  const altered = bytes.slice();
  altered.fill(7, first);
  t.is(chunkLengths(fastcdc, altered)[0], first);
});

test('a visitor may stop a scan, which ends behind that chunk', (t) => {
  const bytes = sampleData('random', LENGTH);
  const whole = ends(chunkLengths(fastcdc, bytes));
  let visited = 0;
  const end = scanChunks(fastcdc, readFrom(bytes), { from: 0, until: LENGTH, size: LENGTH }, () => {
    visited += 1;
    return visited === 5 ? 'stop' : undefined;
  });
  t.is(end, whole[4] as number);
});

test('the visitor sees the bytes of each chunk', (t) => {
  const bytes = sampleData('text', LENGTH);
  for (const chunker of chunkers) {
    const end = scanChunks(
      chunker,
      readFrom(bytes),
      { from: 0, until: LENGTH, size: LENGTH },
      (offset, chunk) => {
        t.is(Buffer.compare(chunk, bytes.subarray(offset, offset + chunk.length)), 0);
        return undefined;
      },
    );
    t.is(end, LENGTH);
  }
});

test('an input that ends early ends the scan with what there is', (t) => {
  const bytes = sampleData('random', 10_000);
  const range = { from: 0, until: LENGTH, size: LENGTH };
  t.is(
    scanChunks(fixed, readFrom(bytes), range, () => undefined),
    10_000,
  );
  t.is(
    scanChunks(fixed, readFrom(bytes), { ...range, from: 10_000 }, () => undefined),
    10_000,
  );
});

test('oracle and scan agree over many buffers', (t) => {
  const bytes = sampleData('sparse', 3 * LENGTH);
  const chunker = createChunker(fastcdc.spec, 2 * fastcdc.spec.max);
  t.deepEqual(chunkLengths(chunker, bytes), oracleCuts(bytes, fastcdc.spec));
});
