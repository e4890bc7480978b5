/**
 * Cutting by segments on many workers gives what cutting in one pass gives, whatever the segments.
 */
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type ChunkerSpec, chunkerSpec, createChunker } from '../../src/chunker/chunker.ts';
import { isZero } from '../../src/core/bytes.ts';
import { DIGEST_BYTES, sha256Hex, toHex } from '../../src/core/digest.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { SourceFile } from '../../src/io/source-file.ts';
import { openPool, type WorkerPool } from '../../src/pool/pool.ts';
import type { ScannedChunks } from '../../src/pool/tasks.ts';
import { SEGMENT_BYTES, scanImage } from '../../src/publisher/scan-image.ts';
import { chunkLengths } from '../support/chunk-lengths.ts';
import { type DataKind, dataKinds, sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const pools: readonly WorkerPool[] = [1, 2, 3].map((workers) => openPool(workers));
test.after.always(() => Promise.all(pools.map((pool) => pool.close())));

interface Chunk {
  readonly offset: number;
  readonly length: number;
  /** `zeros` for a chunk of zeros. */
  readonly id: string;
}

function inOnePass(bytes: Uint8Array, spec: ChunkerSpec): Chunk[] {
  let offset = 0;
  return chunkLengths(createChunker(spec), bytes).map((length) => {
    const chunk = bytes.subarray(offset, offset + length);
    offset += length;
    return { offset: offset - length, length, id: isZero(chunk) ? 'zeros' : sha256Hex(chunk) };
  });
}

async function inSegments(
  path: string,
  spec: ChunkerSpec,
  pool: WorkerPool,
  segmentBytes?: number,
): Promise<Chunk[]> {
  using file = SourceFile.open(path);
  const chunks: Chunk[] = [];
  for await (const batch of scanImage(file, spec, pool, segmentBytes)) {
    let offset = batch.from;
    batch.lengths.forEach((length, i) => {
      const id = toHex(batch.ids.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES));
      const zeroId = '0'.repeat(2 * DIGEST_BYTES);
      chunks.push({ offset, length, id: batch.zeros[i] === 1 && id === zeroId ? 'zeros' : id });
      offset += length;
    });
  }
  return chunks;
}

async function sameChunks(
  t: ExecutionContext<unknown>,
  bytes: Uint8Array,
  spec: ChunkerSpec,
  segments: readonly (number | undefined)[],
): Promise<void> {
  const path = join(await temporaryDirectory(t), 'image');
  await writeFile(path, bytes);
  const expected = inOnePass(bytes, spec);
  for (const segmentBytes of segments) {
    for (const pool of pools) {
      const found = await inSegments(path, spec, pool, segmentBytes);
      t.is(JSON.stringify(found), JSON.stringify(expected), `segments of ${segmentBytes}, ${pool.workers}`);
    }
  }
}

const specs = [
  chunkerSpec('fastcdc-1', 1 * KiB),
  chunkerSpec('fastcdc-1', 4 * KiB),
  { name: 'fastcdc-1', min: 64, average: 256, max: 9000 },
  chunkerSpec('fixed-1', 3000),
];

test('any data in any segments on any number of workers gives the chunks of one pass', async (t) => {
  const path = join(await temporaryDirectory(t), 'image');
  const part = fc.record({
    kind: fc.constantFrom<DataKind>(...dataKinds, 'zeros'),
    length: fc.oneof(fc.nat(500), fc.nat(60_000)),
    seed: fc.nat(20),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 6 }),
      fc.constantFrom(...specs),
      fc.constantFrom(...pools),
      fc.integer({ min: 2000, max: 70_000 }),
      async (parts, spec, pool, segmentBytes) => {
        const bytes = Buffer.concat(parts.map(({ kind, length, seed }) => sampleData(kind, length, seed)));
        await writeFile(path, bytes);
        const found = await inSegments(path, spec, pool, segmentBytes);
        t.is(JSON.stringify(found), JSON.stringify(inOnePass(bytes, spec)));
      },
    ),
    { numRuns: 60, seed: 20260101 },
  );
});

test('an empty image has no chunks, and one of a byte has one', async (t) => {
  for (const bytes of [[], [1], [0]]) {
    for (const spec of specs) await sameChunks(t, Uint8Array.from(bytes), spec, [1, undefined]);
  }
});

test('an image that ends with its segment ends there', async (t) => {
  const bytes = seededBytes('segments', 64 * KiB);
  for (const spec of specs)
    await sameChunks(t, bytes, spec, [64 * KiB, 32 * KiB, 64 * KiB - 1, 64 * KiB + 1]);
});

test('long runs of zeros across segments are cut as in one pass', async (t) => {
  const bytes = Buffer.concat([
    seededBytes('ahead', 10_001),
    new Uint8Array(300_000),
    seededBytes('between', 5),
    new Uint8Array(100_001),
    seededBytes('behind', 30_000),
  ]);
  for (const spec of specs) await sameChunks(t, bytes, spec, [10_000, 16 * KiB, 50_021]);
});

test('data that repeats itself, and so may be cut nowhere or everywhere, is cut as in one pass', async (t) => {
  for (const period of [1, 2, 64, 1000, 4096]) {
    const one = seededBytes(`period ${period}`, period);
    const bytes = new Uint8Array(200_000).map((_, at) => one[at % period] as number);
    await sameChunks(t, bytes, specs[1] as ChunkerSpec, [9000, 65_537]);
  }
});

test('segments smaller than a chunk are of no consequence', async (t) => {
  const bytes = Buffer.concat([seededBytes('small', 20_000), new Uint8Array(40_000)]);
  for (const spec of specs) await sameChunks(t, bytes, spec, [700]);
});

test('the segments that publishing uses give the chunks of one pass', async (t) => {
  const noise = seededBytes('noise', SEGMENT_BYTES + MiB);
  const bytes = Buffer.concat([noise, new Uint8Array(2 * MiB), noise.subarray(0, 100_000)]);
  await sameChunks(t, bytes, specs[1] as ChunkerSpec, [undefined]);
});

test('whoever stops early leaves nothing unhandled', async (t) => {
  const path = join(await temporaryDirectory(t), 'image');
  await writeFile(path, seededBytes('early', MiB));
  using file = SourceFile.open(path);
  for await (const batch of scanImage(file, specs[0] as ChunkerSpec, pools[0] as WorkerPool, 64 * KiB)) {
    t.is(batch.from, 0);
    await truncate(path, 0);
    break;
  }
});

test('an image that becomes shorter is found out while it is scanned', async (t) => {
  const path = join(await temporaryDirectory(t), 'image');
  for (const pool of pools) {
    await writeFile(path, seededBytes('shorter', MiB));
    using file = SourceFile.open(path);
    await truncate(path, MiB - 1);
    const scan = async (): Promise<void> => {
      for await (const _ of scanImage(file, specs[0] as ChunkerSpec, pool, 64 * KiB));
    };
    await throwsSilt(t, scan, 'IMAGE_CHANGED');
  }
});

test('segments that fail ahead of their turn are met in their turn', async (t) => {
  const path = join(await temporaryDirectory(t), 'image');
  await writeFile(path, seededBytes('ahead', 1000));
  using file = SourceFile.open(path);
  const first = Promise.withResolvers<ScannedChunks>();
  const later = new Error('a later segment failed');
  const pool = {
    ...(pools[0] as WorkerPool),
    scan: (task: { readonly from: number }) => (task.from === 0 ? first.promise : Promise.reject(later)),
  };
  const batches: number[] = [];
  const scan = async (): Promise<void> => {
    const spec = chunkerSpec('fixed-1', 1024);
    for await (const batch of scanImage(file, spec, pool, 500)) batches.push(batch.from);
  };
  const scanning = t.throwsAsync(scan);
  // Long enough for a rejection that nobody has taken note of to end this process.
  for (let i = 0; i < 10; i++) await turn();
  first.resolve({
    from: 0,
    lengths: Uint32Array.of(500),
    ids: new Uint8Array(DIGEST_BYTES),
    zeros: Uint8Array.of(0),
  });
  t.is(await scanning, later);
  t.deepEqual(batches, [0]);
});
