import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { IndexHead } from '../../src/format/index-head.ts';
import { SourceFile } from '../../src/io/source-file.ts';
import { openPool } from '../../src/pool/pool.ts';
import { ChunkCost } from '../../src/publisher/chunk-cost.ts';
import { holdingsOf } from '../../src/publisher/held-chunks.ts';
import { publishBench } from '../support/publish-bench.ts';
import { readIndex } from '../support/rebuild-image.ts';
import { fetchRelease } from '../support/release-repository.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const chunker = chunkerSpec('fastcdc-1', 2 * KiB);

interface Scene {
  readonly cost: ChunkCost;
  readonly head: IndexHead;
  /** What a device with the old image fetches: parts of level 2, and frames. */
  readonly fetched: number;
  readonly full: number;
}

/** Publishes both; `other` is the chunker of the old one. */
async function scene(
  t: ExecutionContext<unknown>,
  old: Uint8Array,
  next: Uint8Array,
  other = chunker,
): Promise<Scene> {
  const bench = await publishBench(t);
  const path = await bench.file('old', old);
  const { manifest: first } = await bench.publish('1', { a: path }, { chunker: other });
  const { manifest } = await bench.publish('2', { a: await bench.file('next', next) }, { chunker });
  const image = manifest.images[0]!;
  const { bytes, head } = await readIndex(bench.store, image);
  const { head: baseHead } = await readIndex(bench.store, first.images[0]!);
  await using pool = openPool(1);
  using base = SourceFile.open(path);
  const held = await holdingsOf(base, baseHead, chunker, pool);
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const cost = await ChunkCost.of(head, image.index.head.size, read, held);
  const fetch = (output: string, seeds: string[]) =>
    fetchRelease(bench.store, { product: 'os', output: join(bench.directory, output), seeds });
  const update = await fetch('update', [path]);
  const install = await fetch('install', []);
  const headBytes = image.index.head.size;
  return {
    cost,
    head,
    fetched: update.dataBytes + update.indexBytes - headBytes,
    full: install.dataBytes + install.indexBytes,
  };
}

test('the cost without a delta is what a device with the base fetches', async (t) => {
  const old = sampleData('sparse', 12 * MiB);
  const next = Buffer.concat([old.subarray(MiB), seededBytes('behind', MiB)]);
  for (const at of [70_000, 3_000_000, 3_400_000, 9_000_000]) next.set(seededBytes(`${at}`, 5000), at);
  const { cost, fetched, full } = await scene(t, old, next);
  t.true(cost.total > MiB && cost.total < 1.2 * MiB, String(cost.total));
  // Ranges that are merged carry a few bytes more.
  t.true(cost.total <= fetched && fetched < 1.05 * cost.total, `${cost.total}, fetched ${fetched}`);
  t.true(cost.full <= full && full < 1.02 * cost.full, `${cost.full}, fetched ${full}`);
});

test('a device cuts its seed as the new image was cut, whatever the base was published with', async (t) => {
  const old = seededBytes('other chunker', 3 * MiB);
  const next = Buffer.concat([seededBytes('ahead', 20_000), old]);
  const { cost, fetched } = await scene(t, old, next, chunkerSpec('fastcdc-1', 16 * KiB));
  // The chunks ahead lie in a frame of 1 MiB; without the chunks of the base it were all three.
  t.true(cost.total < 1.1 * MiB, String(cost.total));
  // A little less, as windows of the new kind are found whole too, and no level 2 is read for them.
  t.true(fetched <= cost.total && fetched > 0.95 * cost.total, `${cost.total}, fetched ${fetched}`);
});

test('windows cost more by themselves than together, for they share frames', async (t) => {
  const old = seededBytes('shared frames', 4 * MiB);
  const next = Uint8Array.from(old);
  for (let at = 100_000; at < next.length; at += 400_000) next[at] = (next[at] as number) ^ 1;
  const { cost, head } = await scene(t, old, next);
  const alone = head.windows.map((_, i) => cost.alone(i));
  const sum = alone.reduce((total, bytes) => total + bytes, 0);
  t.true(sum > 3 * cost.total, `${sum}, together ${cost.total}`);
  t.true(alone.every((bytes) => bytes <= cost.total));
  const parts = alone.map((_, i) =>
    cost.framesOf(i).reduce((bytes, frame) => bytes + cost.storedBytes(frame), cost.level2Of(i)),
  );
  t.deepEqual(parts, alone);
});

test('an image of which a device holds every window costs nothing', async (t) => {
  const bytes = Buffer.concat([seededBytes('same', MiB), new Uint8Array(2 * MiB)]);
  const { cost, fetched } = await scene(t, bytes, bytes);
  t.is(cost.total, 0);
  t.is(fetched, 0);
});
