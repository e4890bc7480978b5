/**
 * A publisher and workers as processes, with a real S3 server and a real Redis between them.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import type { RepositoryReport } from '../../src/publisher/verify-repository.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { withFlips } from '../support/edited-image.ts';
import { createJsonCli } from '../support/json-cli.ts';
import { redisTest, startRedis } from '../support/redis-server.ts';
import { repositoryObjects } from '../support/repository-objects.ts';
import { resultOf } from '../support/run-cli.ts';
import { type S3Bucket, s3Environment, s3Test, startS3Bucket } from '../support/s3-bucket.ts';
import type { S3FrontOptions } from '../support/s3-front.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

setAwsEnvironment();

const IMAGES = ['a', 'b', 'c', 'd'];
const bothTest = s3Test === test ? redisTest : s3Test;

interface Farm {
  readonly bucket: S3Bucket;
  /** Publishes release 2, a delta for each image, with `--jobs`. */
  publish(...more: string[]): Promise<PublishReport>;
  /** Starts a worker and waits until it takes jobs. */
  work(refuse?: S3FrontOptions['refuse']): Promise<Worker>;
  verify(): Promise<RepositoryReport>;
}

interface Worker {
  kill(): Promise<void>;
  /** Ends it as Ctrl-C does; gives what it says at the end. */
  stop(): Promise<string>;
}

/** A bucket with release 1. */
async function openFarm(t: ExecutionContext<unknown>): Promise<Farm> {
  const bucket = await startS3Bucket(t);
  const { url } = await startRedis(t);
  const jobs = { SILT_JOBS_URL: url };
  const cli = await createJsonCli(t, { ...s3Environment(bucket.endpoint), ...jobs });
  const repo = ['--repo', bucket.location];
  const publish = async (version: number, more: readonly string[]): Promise<PublishReport> => {
    const images: string[] = [];
    for (const name of IMAGES) {
      const path = join(cli.directory, `${name}${version}`);
      const first = seededBytes(name, 200 * KiB);
      await writeFile(path, version === 1 ? first : withFlips(first, 0, first.length, 1500));
      images.push('--image', `${name}=${path}`);
    }
    const release = ['--product', 'p', '--version', `${version}`, '--created', '2026-01-02T03:04:05Z'];
    const rest = ['--insecure', '--compression', '1', '--workers', '1', '--bases', '1', ...more];
    return await cli.json(0, 'publish', ...images, ...repo, ...release, ...rest);
  };
  await publish(1, []);
  return {
    bucket,
    publish: (...more) => publish(2, ['--jobs', ...more]),
    async work(refuse) {
      const endpoint = refuse === undefined ? bucket.endpoint : (await bucket.front({ refuse })).endpoint;
      const own = await createJsonCli(t, { ...s3Environment(endpoint), ...jobs });
      const child = own.start('jobs', 'work', ...repo, '--workers', '1');
      const ended = resultOf(child);
      let told = '';
      while (!told.includes('waiting for jobs at')) {
        const [bytes] = (await once(child.stderr, 'data')) as [Buffer];
        told += bytes.toString();
      }
      return {
        async kill() {
          child.kill('SIGKILL');
          await ended;
        },
        async stop() {
          child.kill('SIGINT');
          const { status, stdout, stderr } = await ended;
          t.is(status, 0, stderr);
          return stdout;
        },
      };
    },
    verify: () => cli.json(0, 'verify', ...repo, '--insecure'),
  };
}

/** What docs/guides/jobs.md gives workers: they read all, and write deltas alone. */
const asWorker: S3FrontOptions['refuse'] = ({ operation, key }) => {
  const isRead = /^(GetObject|HeadObject|ListObjectsV2)$/.test(operation);
  const isAllowed = isRead || (operation === 'PutObject' && key.startsWith('deltas/'));
  return isAllowed ? undefined : { status: 403, code: 'AccessDenied' };
};

bothTest('two workers over S3 make the same repository as a publisher alone', async (t) => {
  t.timeout(240_000);
  const [alone, shared] = await Promise.all([openFarm(t), openFarm(t)]);
  t.like(await alone.publish(), { deltasKept: 4, jobs: { here: 4, elsewhere: 0 } });
  const workers = await Promise.all([shared.work(asWorker), shared.work(asWorker)]);
  t.like(await shared.publish('--leave-jobs'), {
    deltasKept: 4,
    jobs: { here: 0, elsewhere: 4, refused: 0 },
  });
  const done = await Promise.all(workers.map((worker) => worker.stop()));
  const counts = done.map((text) => Number(/^(\d) jobs done, 0 failed\n$/.exec(text)?.[1]));
  t.is(
    counts.reduce((sum, count) => sum + count, 0),
    4,
    done.join(),
  );
  t.deepEqual(await repositoryObjects(shared.bucket.store), await repositoryObjects(alone.bucket.store));
  t.like(await shared.verify(), { damaged: [], unreferenced: 0 });
});

bothTest('a worker that is killed while it stores a delta loses the job to the other', async (t) => {
  t.timeout(240_000);
  const { publish, work, verify } = await openFarm(t);
  const storing = Promise.withResolvers<void>();
  const never = Promise.withResolvers<undefined>();
  t.teardown(() => never.resolve(undefined));
  const stuck = await work(({ operation, key }) => {
    if (operation !== 'PutObject' || !key.startsWith('deltas/')) return undefined;
    storing.resolve();
    return never.promise;
  });
  const publishing = publish('--leave-jobs');
  await storing.promise;
  const other = await work();
  await stuck.kill();
  t.like(await publishing, { deltasKept: 4, jobs: { here: 0, elsewhere: 4, refused: 0 } });
  t.is(await other.stop(), '4 jobs done, 0 failed\n');
  t.like(await verify(), { damaged: [], unreferenced: 0 });
});
