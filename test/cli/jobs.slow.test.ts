import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import { withFlips } from '../support/edited-image.ts';
import { createJsonCli } from '../support/json-cli.ts';
import { redisTest, startRedis } from '../support/redis-server.ts';
import { resultOf } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const first = seededBytes('cli jobs', 300 * KiB);
const second = withFlips(first, 0, first.length, 1500);

const publish = (version: string): string[] => [
  ...['publish', '--image', `rootfs=${version}.img`, '--repo', 'repo', '--insecure'],
  ...['--product', 'p', '--version', version, '--compression', '1', '--bases', '1'],
];

redisTest('silt jobs work makes the deltas of silt publish --jobs, and ends with Ctrl-C', async (t) => {
  const { url } = await startRedis(t);
  const { directory, temporary, start, json } = await createJsonCli(t, { SILT_JOBS_URL: url });
  await writeFile(join(directory, '1.img'), first);
  await writeFile(join(directory, '2.img'), second);
  await json(0, ...publish('1'));
  const worker = start('jobs', 'work', '--repo', 'repo', '--workers', '1');
  const ended = resultOf(worker);
  await once(worker.stderr, 'data');
  const report = await json<PublishReport>(0, ...publish('2'), '--jobs', '--leave-jobs');
  t.deepEqual(report.jobs, { here: 0, elsewhere: 1, refused: 0, notes: [] });
  t.is(report.deltasKept, 1);
  worker.kill('SIGINT');
  const { status, stdout, stderr } = await ended;
  t.is(status, 0, stderr);
  t.is(stdout, '1 jobs done, 0 failed\n');
  t.regex(stderr, /^waiting for jobs at unix:\/.*\ndelta [0-9a-f]{12}: /);
  t.deepEqual(await readdir(temporary), []);
});

test('a Redis that is not there is said without its password, and the release is published', async (t) => {
  const { directory, run, fails } = await createJsonCli(t, {
    SILT_JOBS_URL: 'redis://user:hunter2@127.0.0.1:1/3',
  });
  await writeFile(join(directory, '1.img'), first);
  await writeFile(join(directory, '2.img'), second);
  t.is((await run(...publish('1'))).status, 0);
  const { status, stdout, stderr } = await run(...publish('2'), '--jobs', '--quiet');
  t.is(status, 0, stderr);
  t.is(stdout, '');
  t.regex(
    stderr,
    /^note: the queue of jobs cannot be used.* at redis:\/\/127\.0\.0\.1:1\/3: .*ECONNREFUSED/m,
  );
  t.notRegex(stderr, /hunter2/);
  t.is((await readdir(join(directory, 'repo', 'deltas'))).length, 1);
  const error = await fails(75, 'jobs', 'work', '--repo', 'repo');
  t.is(error.code, 'NETWORK');
  t.notRegex(String(error.message), /hunter2/);
});

const wrong: readonly [string, string, readonly string[], RegExp][] = [
  ['no address', '', ['--jobs'], /expected SILT_JOBS_URL to say where/],
  [
    'another kind of address',
    'https://user:hunter2@host/',
    ['--jobs'],
    /^expected SILT_JOBS_URL to be redis/,
  ],
  ['--leave-jobs alone', 'redis://127.0.0.1:1', ['--leave-jobs'], /expected --jobs with --leave-jobs/],
];

for (const [what, url, flags, message] of wrong) {
  test(`publishing with jobs is a usage error: ${what}`, async (t) => {
    const { directory, fails } = await createJsonCli(t, { SILT_JOBS_URL: url });
    await writeFile(join(directory, '1.img'), 'image');
    const error = await fails(2, ...publish('1'), ...flags);
    t.regex(String(error.message), message);
    t.notRegex(String(error.message), /hunter2/);
    t.deepEqual((await readdir(directory)).includes('repo'), false);
  });
}
