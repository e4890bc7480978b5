/**
 * Chunks that only other products hold are used in long runs and stored again otherwise: src/publisher/
 * chunk-intake.ts says why.
 */
import test from 'ava';
import { equalBytes } from '../../src/core/bytes.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { FOREIGN_RUN_BYTES } from '../../src/publisher/chunk-intake.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const shared = seededBytes('shared', 6 * MiB);

/** Publishes `bytes` as product `app` and requires that it can be rebuilt. */
async function publishApp(bench: PublishBench, version: string, bytes: Uint8Array) {
  const path = await bench.file(`app-${version}`, bytes);
  const report = await bench.publish(version, { a: path }, { product: 'app' });
  const rebuilt = await rebuildImage(bench.store, report.manifest.images[0]!);
  return { ...report, rebuilds: equalBytes(rebuilt, bytes) };
}

test('an image that another product has is stored once', async (t) => {
  const bench = await publishBench(t);
  await bench.publish('1', { a: await bench.file('os', shared) });
  const report = await publishApp(bench, '1', shared);
  t.like(report, { rebuilds: true, newChunks: 0, newBytes: 0 });
});

test('a long stretch of another product is used, a short one is stored again', async (t) => {
  const bench = await publishBench(t);
  await bench.publish('1', { a: await bench.file('os', shared) });
  const own = seededBytes('own', 300 * KiB);
  const long = shared.subarray(MiB, MiB + 4 * FOREIGN_RUN_BYTES);
  const short = shared.subarray(3 * MiB, 3 * MiB + FOREIGN_RUN_BYTES / 2);
  const report = await publishApp(bench, '1', Buffer.concat([own, long, own.subarray(0, 100_000), short]));
  t.true(report.rebuilds);
  const least = own.length + short.length;
  t.true(report.newBytes >= least && report.newBytes < least + 128 * KiB, `${report.newBytes} of ${least}`);
});

test('what was stored again belongs to the product, and is used in stretches of any length', async (t) => {
  const bench = await publishBench(t);
  await bench.publish('1', { a: await bench.file('os', shared) });
  const short = shared.subarray(3 * MiB, 3 * MiB + FOREIGN_RUN_BYTES / 2);
  const first = await publishApp(bench, '1', Buffer.concat([seededBytes('one', 100_000), short]));
  const second = await publishApp(bench, '2', Buffer.concat([seededBytes('two', 100_000), short]));
  t.true(first.rebuilds && second.rebuilds);
  t.true(first.newBytes >= 100_000 + short.length - 64 * KiB);
  t.true(second.newBytes < 100_000 + 64 * KiB, String(second.newBytes));
});
