import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../../src/core/sizes.ts';
import { jobImage, newDeltaJob } from '../../../src/format/delta-job.ts';
import { attemptJob } from '../../../src/publisher/jobs/job-attempt.ts';
import { JobBench } from '../../../src/publisher/jobs/job-bench.ts';
import type { Store } from '../../../src/store/store.ts';
import { withFlips } from '../../support/edited-image.ts';
import { publishBench } from '../../support/publish-bench.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { withBeforePut } from '../../support/with-before-put.ts';

test('a job that hangs while it is stored is given up, and the next one begins with nothing of it', async (t) => {
  const bench = await publishBench(t);
  const image = seededBytes('image', 300 * KiB);
  const old = await bench.publish('1', { rootfs: await bench.file('old', image) });
  const next = await bench.publish('2', {
    rootfs: await bench.file('next', withFlips(image, 0, 200_000, 999)),
  });
  const [base, target] = [old, next].map(({ manifest }) => jobImage(manifest.images[0]!, manifest));
  const job = newDeltaJob({ silt: '1', base: base!, target: target!, entropy: 'model' });
  const hangs = Promise.withResolvers<void>();
  let puts = 0;
  const store: Store = withBeforePut(bench.store, async () => {
    puts += 1;
    if (puts > 1) return;
    hangs.resolve();
    await Promise.withResolvers<never>().promise;
  });
  const directory = await temporaryDirectory(t);
  const shop = new JobBench({ store, directory, silt: '1', master: undefined, workers: 1 });
  const worker = new AbortController();
  const { signal } = worker;
  let moves = 0;
  const onMove = (count: number): void => {
    moves = count;
  };
  const patience = { patienceMs: 60_000, signal, onMove };
  // Given up as a job that stands still is: by its signal, whatever it does.
  const first = attemptJob((attempt) => shop.answer(job, attempt), patience);
  await hangs.promise;
  t.true(moves > 3, 'both images, matches, windows');
  const stop = new AbortController();
  const second = await attemptJob((attempt) => shop.answer(job, attempt), {
    ...patience,
    signal: stop.signal,
  });
  t.true(second.kept);
  t.is(
    (await bench.store.has(`deltas/${second.kept ? second.sha256 : ''}`))?.size,
    second.kept ? second.size : 0,
  );
  const third = await attemptJob((attempt) => shop.answer(job, attempt), {
    ...patience,
    signal: stop.signal,
  });
  t.deepEqual({ ...third, seconds: 0 }, { ...second, seconds: 0 });
  const places = (await readdir(directory)).map((name) => name.replace(/-.*/, ''));
  t.deepEqual(
    places.toSorted(),
    ['images', 'images', 'job'],
    'the images of the second are those of the third',
  );
  t.deepEqual(
    (await readdir(join(directory, (await readdir(directory)).find((name) => name.startsWith('job'))!)))
      .length,
    1,
  );
  worker.abort(new Error('stopped'));
  void first.catch(() => {});
});

test('threads of a job end with it', async (t) => {
  const bench = await publishBench(t);
  const image = seededBytes('image', 300 * KiB);
  const { manifest } = await bench.publish('1', { rootfs: await bench.file('old', image) });
  const same = jobImage(manifest.images[0]!, manifest);
  const job = newDeltaJob({ silt: '1', base: same, target: same, entropy: 'model' });
  const directory = await temporaryDirectory(t);
  const shop = new JobBench({ store: bench.store, directory, silt: '1', master: undefined, workers: 2 });
  const stop = new AbortController();
  const attempt = attemptJob(
    async (given) => {
      const answer = shop.answer(job, given);
      stop.abort(new Error('stopped'));
      return await answer;
    },
    { patienceMs: 60_000, signal: stop.signal },
  );
  await t.throwsAsync(attempt, { message: 'stopped' });
  t.deepEqual(await readdir(directory), [], 'nor do images stay that nobody uses again');
});
