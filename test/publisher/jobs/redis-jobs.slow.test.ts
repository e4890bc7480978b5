import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { SiltError } from '../../../src/core/errors.ts';
import { KiB, MiB } from '../../../src/core/sizes.ts';
import { jobImage, newDeltaJob } from '../../../src/format/delta-job.ts';
import { openPool } from '../../../src/pool/pool.ts';
import { answerJob } from '../../../src/publisher/jobs/answer-job.ts';
import type { QueuePlace } from '../../../src/publisher/jobs/redis-connection.ts';
import { openRedisQueue } from '../../../src/publisher/jobs/redis-queue.ts';
import { RestoredImages } from '../../../src/publisher/jobs/restored-images.ts';
import type { PublishOptions } from '../../../src/publisher/publish.ts';
import { withFlips } from '../../support/edited-image.ts';
import { jobWorker, type StuckTask, startWorker } from '../../support/job-worker.ts';
import { type PublishBench, publishBench } from '../../support/publish-bench.ts';
import { redisTest, startRedis } from '../../support/redis-server.ts';
import { repositoryObjects } from '../../support/repository-objects.ts';
import { makeDevices, master, sealedBench } from '../../support/sealed-release.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { withBeforePut } from '../../support/with-before-put.ts';

const images = ['a', 'b'].map((name) => seededBytes(`jobs ${name}`, 250 * KiB));
/** Three releases of two images. */
const releases = [1, 2, 3].map((turn) =>
  images.map((image) => withFlips(image, 0, (turn - 1) * 100_000, 1500 + turn)),
);
/** The third from both others: four deltas. */
const BASES = { last: 2 };
const DELTAS = 4;

interface Desk extends PublishBench {
  /** The images of release 3. */
  readonly third: Readonly<Record<string, string>>;
}

let prepared: Promise<string> | undefined;

/** Made once, for all tests to copy. */
async function prepare(t: ExecutionContext<unknown>): Promise<string> {
  const bench = await publishBench(t);
  for (const [i, [a, b]] of releases.entries()) {
    const paths = { a: await bench.file(`a${i}`, a!), b: await bench.file(`b${i}`, b!) };
    if (i < 2) await bench.publish(`${i + 1}`, paths);
  }
  const directory = await mkdtemp(join(tmpdir(), 'silt-jobs-test-'));
  await cp(bench.directory, directory, { recursive: true });
  return directory;
}

test.after.always(async () => {
  if (prepared !== undefined) await rm(await prepared, { recursive: true, force: true });
});

/** A repository with the first two releases, and files of the third. */
async function desk(t: ExecutionContext<unknown>): Promise<Desk> {
  prepared ??= prepare(t);
  const bench = await publishBench(t);
  await cp(await prepared, bench.directory, { recursive: true });
  return { ...bench, third: { a: join(bench.directory, 'a2'), b: join(bench.directory, 'b2') } };
}

function shared(
  place: QueuePlace,
  options: { readonly leave?: boolean; readonly notes?: string[] } = {},
): Pick<PublishOptions, 'bases' | 'jobs'> {
  const { leave = true, notes = [] } = options;
  const open: NonNullable<PublishOptions['jobs']>['open'] = (kind) => openRedisQueue(place, kind);
  return {
    bases: BASES,
    jobs: { open, silt: place.silt, leave, pollMs: 20, onNote: (line) => notes.push(line) },
  };
}

async function placeOf(t: ExecutionContext<unknown>): Promise<QueuePlace & { kill(): Promise<void> }> {
  const { url, kill } = await startRedis(t);
  return { url, silt: '1.0.0', kill };
}

redisTest('no worker, one and three make the same repository as a publisher alone', async (t) => {
  const alone = await desk(t);
  const report = await alone.publish('3', alone.third, { bases: BASES });
  t.is(report.deltasKept, DELTAS);
  t.false('jobs' in report);
  const expected = await repositoryObjects(alone.store);
  for (const count of [0, 1, 3]) {
    const place = await placeOf(t);
    const bench = await desk(t);
    const workers = await Promise.all(
      Array.from({ length: count }, () => startWorker(t, { ...bench, place })),
    );
    const { jobs } = await bench.publish('3', bench.third, shared(place));
    t.deepEqual(await repositoryObjects(bench.store), expected, `${count} workers`);
    const elsewhere = count === 0 ? 0 : DELTAS;
    t.like(jobs, { here: DELTAS - elsewhere, elsewhere, refused: 0 });
    t.is(
      workers.reduce((sum, { results }) => sum + results.length, 0),
      elsewhere,
    );
    for (const worker of workers) await worker.stop();
  }
});

redisTest('publisher and worker share the work, and no delta is left out', async (t) => {
  const place = await placeOf(t);
  const bench = await desk(t);
  await startWorker(t, { ...bench, place });
  const report = await bench.publish('3', bench.third, shared(place, { leave: false }));
  t.is(report.deltasKept, DELTAS);
  t.is(report.jobs!.here + report.jobs!.elsewhere, DELTAS);
});

redisTest('a worker killed in the middle of a job loses it to another one', async (t) => {
  const place = await placeOf(t);
  const bench = await desk(t);
  const lockMs = 2500;
  const { url, silt } = place;
  const task: StuckTask = {
    place: { url, silt },
    repository: bench.repository,
    directory: bench.directory,
    lockMs,
  };
  const stuck = fork(jobWorker, [JSON.stringify(task)], { execArgv: [] });
  t.teardown(() => void stuck.kill('SIGKILL'));
  t.is((await once(stuck, 'message'))[0], 'ready');
  const publishing = bench.publish('3', bench.third, shared(place));
  t.is((await once(stuck, 'message'))[0], 'stuck');
  const other = await startWorker(t, { ...bench, place, lockMs });
  const ended = once(stuck, 'exit');
  stuck.kill('SIGKILL');
  await ended;
  const { jobs, deltasKept } = await publishing;
  t.is(deltasKept, DELTAS);
  t.like(jobs, { here: 0, elsewhere: DELTAS, refused: 0 });
  t.is(other.results.length, DELTAS);
});

/** Nobody ever settles it. */
const never = Promise.withResolvers<never>().promise;

redisTest('a worker that hangs gives its job back, and does that one and the others', async (t) => {
  const place = await placeOf(t);
  const bench = await desk(t);
  let answers = 0;
  const worker = await startWorker(t, {
    ...bench,
    place,
    // As long as the rest of the job may need on a busy machine.
    patienceMs: 8000,
    lie(result) {
      answers += 1;
      return answers === 1 ? never : result;
    },
  });
  const { jobs, deltasKept } = await bench.publish('3', bench.third, shared(place));
  t.is(deltasKept, DELTAS);
  t.like(jobs, { here: 0, elsewhere: DELTAS, refused: 0 });
  t.is(worker.failures.length, 1);
  t.regex(worker.failures[0]!, /the job stood still/);
});

redisTest('what a worker that hangs does not give back the publisher makes, and the rest too', async (t) => {
  const place = await placeOf(t);
  const bench = await desk(t);
  const notes: string[] = [];
  const worker = await startWorker(t, { ...bench, place, lie: () => never });
  const { bases, jobs: given } = shared(place, { notes });
  const options = { bases, jobs: { ...given!, patienceMs: 3000 } };
  const { jobs, deltasKept } = await bench.publish('3', bench.third, options);
  t.is(deltasKept, DELTAS);
  t.like(jobs, { here: DELTAS, elsewhere: 0, refused: 1 });
  t.regex(notes.join(), /stands still/);
  t.regex(notes.join(), /take no jobs/);
  t.is(worker.results.length, 0);
});

redisTest('a publisher that was killed leaves results, and the next one takes them', async (t) => {
  const place = await placeOf(t);
  const bench = await desk(t);
  const worker = await startWorker(t, { ...bench, place });
  // Everything but what makes the release visible.
  const halted = withBeforePut(bench.store, (key) => {
    if (key.startsWith('targets/')) throw new Error('killed');
  });
  await t.throwsAsync(bench.publish('3', bench.third, shared(place), halted), { message: 'killed' });
  t.is(worker.results.length, DELTAS);
  await worker.stop();
  const { jobs } = await bench.publish('3', bench.third, shared(place));
  t.like(jobs, { here: 0, elsewhere: DELTAS, refused: 0 });
});

redisTest('an answer for another object than is stored is refused, and the delta made here', async (t) => {
  const alone = await desk(t);
  await alone.publish('3', alone.third, { bases: BASES });
  const expected = await repositoryObjects(alone.store);
  const place = await placeOf(t);
  const bench = await desk(t);
  const notes: string[] = [];
  let answers = 0;
  const worker = await startWorker(t, {
    ...bench,
    place,
    lie(result) {
      answers += 1;
      if (!result.kept) throw new Error('expected a delta');
      if (answers === 1) return { ...result, sha256: '0'.repeat(64) };
      if (answers === 2) return { ...result, head: { ...result.head, sha256: '1'.repeat(64) } };
      if (answers === 3) return { ...result, size: result.size - 1 };
      return { ...result, windows: 'many' } as never;
    },
  });
  const { jobs } = await bench.publish('3', bench.third, shared(place, { notes }));
  t.is(worker.results.length, DELTAS);
  t.like(jobs, { here: DELTAS, elsewhere: 0, refused: DELTAS });
  t.is(notes.length, DELTAS);
  t.deepEqual(await repositoryObjects(bench.store), expected);
});

redisTest('a job that fails is tried again, or made here when that is of no use', async (t) => {
  const place = await placeOf(t);
  const bench = await desk(t);
  const notes: string[] = [];
  let answers = 0;
  const worker = await startWorker(t, {
    ...bench,
    place,
    lie(result) {
      answers += 1;
      if (answers === 1) throw new Error('the disk is full');
      if (answers === 2) throw new SiltError('FORMAT_INVALID', 'what job is this');
      return result;
    },
  });
  const { jobs, deltasKept } = await bench.publish('3', bench.third, shared(place, { notes }));
  t.is(deltasKept, DELTAS);
  t.like(jobs, { here: 1, elsewhere: DELTAS - 1, refused: 1, notes });
  t.deepEqual(worker.failures, ['the disk is full', 'what job is this']);
  t.is(notes.length, 1);
  t.regex(notes[0]!, /a worker could not make a delta, this machine does: what job is this/);
});

redisTest('no release is made of a delta that was altered where it is stored', async (t) => {
  const place = await placeOf(t);
  const bench = await desk(t);
  await startWorker(t, {
    ...bench,
    place,
    async lie(result) {
      if (!result.kept) throw new Error('expected a delta');
      const path = join(bench.repository, 'deltas', result.sha256);
      const bytes = await readFile(path);
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(path, bytes);
      return result;
    },
  });
  const error = await throwsSilt(t, () => bench.publish('3', bench.third, shared(place)), 'DIGEST_MISMATCH');
  t.regex(error.message, /deltas\//);
});

redisTest('a Redis that dies in the middle is done without', async (t) => {
  const place = await placeOf(t);
  const bench = await desk(t);
  const notes: string[] = [];
  await startWorker(t, {
    ...bench,
    place,
    async lie(result) {
      await place.kill();
      return result;
    },
  });
  const report = await bench.publish('3', bench.third, shared(place, { notes }));
  t.is(report.deltasKept, DELTAS);
  t.like(report.jobs, { here: DELTAS, elsewhere: 0, refused: 0 });
  t.is(notes.length, 1);
  t.regex(notes[0]!, /queue of jobs cannot be used, this machine makes.*unix:/);
});

redisTest(
  'deltas of sealed releases are made by workers that have the secret, and no key is sent',
  async (t) => {
    const place = await placeOf(t);
    const { a } = await makeDevices('a');
    const bench = await sealedBench(t);
    const old = await bench.file('old', images[0]!);
    const next = await bench.file('next', releases[2]![0]!);
    await bench.seal('1', { rootfs: old }, [a]);
    const plain = await startWorker(t, { ...bench, place });
    const sealed = await startWorker(t, { ...bench, place, kind: 'sealed', master });
    const report = await bench.seal('2', { rootfs: next }, [a], shared(place));
    t.like(report.jobs, { here: 0, elsewhere: 1, refused: 0 });
    t.is(plain.results.length, 0);
    t.is(sealed.results.length, 1);
    const written = await everythingIn(place.url);
    t.regex(written, /"epoch":1/);
    for (const key of [master.contentKey('os', 1), seededBytes('master secret', 32)]) {
      const bytes = Buffer.from(key);
      t.false(written.includes(bytes.toString('hex')) || written.includes(bytes.toString('base64')));
    }
    const output = join(bench.directory, 'fetched');
    await bench.fetch({ output }, bench.keysOf(a));
    t.deepEqual(await readFile(output), Buffer.from(releases[2]![0]!));
  },
);

/** All that Redis holds of jobs, as text. */
async function everythingIn(url: string): Promise<string> {
  const redis = new Redis(url.replace(/^unix:/, ''));
  const texts: string[] = [];
  for (const key of await redis.keys('*')) {
    if ((await redis.type(key)) === 'hash') texts.push(JSON.stringify(await redis.hgetall(key)));
    if ((await redis.type(key)) === 'stream') texts.push(JSON.stringify(await redis.xrange(key, '-', '+')));
  }
  redis.disconnect();
  return texts.join('\n').replaceAll('\\\\', '\\').replaceAll('\\"', '"');
}

redisTest('a job for images that this repository has not fails, and leaves nothing behind', async (t) => {
  const bench = await desk(t);
  const pool = openPool(1);
  t.teardown(() => pool.close());
  const directory = join(bench.directory, 'own');
  await mkdir(directory);
  const workshop = {
    store: bench.store,
    images: new RestoredImages(bench.store, directory),
    pool,
    directory,
    silt: '1.0.0',
    master: undefined,
    signal: undefined,
  };
  const { manifest } = await bench.publish('3', bench.third);
  const [image] = manifest.images;
  const target = jobImage(image!, manifest);
  const unknown = { ...target, index: { ...target.index, sha256: 'f'.repeat(64) } };
  const job = newDeltaJob({ silt: '1.0.0', base: unknown, target, entropy: 'model' });
  await throwsSilt(t, () => answerJob(job, workshop), 'OBJECT_MISSING');
  const larger = { ...job, base: { ...target, size: 5 * MiB } };
  await throwsSilt(t, () => answerJob(larger, workshop), 'DIGEST_MISMATCH');
  await throwsSilt(t, () => answerJob({ ...job, silt: '2.0.0' }, workshop), 'NOT_COMPATIBLE');
  await throwsSilt(t, () => answerJob({ ...job, memory: 2 ** 40 }, workshop), 'NOT_COMPATIBLE');
  t.deepEqual(await readdir(directory), []);
});
