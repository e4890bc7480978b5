import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { RepositoryReport } from '../../src/publisher/verify-repository.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { createJsonCli } from '../support/json-cli.ts';
import { createCli } from '../support/run-cli.ts';
import { type S3Request, startScriptedS3 } from '../support/scripted-s3.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

setAwsEnvironment();

const image = seededBytes('cli s3', 200 * KiB);
const REPO = ['--repo', 's3://bucket/gateway', '--insecure'];
const RELEASE = ['--product', 'p', '--version', '1', '--compression', '1', 'a.img'];

test('what is for S3 is refused elsewhere, and what makes no sense everywhere', async (t) => {
  const { run } = await createCli(t);
  const refused: readonly (readonly [string, string, string, RegExp])[] = [
    ['./repo', '--storage-class', 'STANDARD_IA', /are for s3:\/\/ repositories/],
    ['./repo', '--lock', 'held', /are for s3:\/\/ repositories/],
    ['s3://b/r', '--storage-class', 'DEEP_ARCHIVE', /must be restored before anybody can read/],
    ['s3://b/r', '--sse', 'AES256:key', /expected --sse to be AES256, aws:kms or aws:kms:KEY/],
    ['s3://b/r', '--cache-control-mutable', 'immutable', /expected --cache-control-mutable/],
    ['s3://b/r', '--lock', './file', /expected --lock to be "held"/],
  ];
  await Promise.all(
    refused.map(async ([repo, option, value, message]) => {
      const { status, stderr } = await run(
        'publish',
        '--repo',
        repo,
        '--insecure',
        ...RELEASE,
        option,
        value,
      );
      t.is(status, 2, stderr);
      t.regex(stderr, message);
    }),
  );
});

test('a server without conditional writes is refused before anything is stored, and taken under a lock', async (t) => {
  const heads: [string, S3Request['headers']][] = [];
  const server = await startScriptedS3(t, {
    hasConditions: false,
    refuse: ({ operation, key, headers }) => {
      if (operation === 'PutObject') heads.push([key, headers]);
      return undefined;
    },
  });
  const { run, json, directory } = await createJsonCli(t, {
    AWS_ENDPOINT_URL_S3: server.endpoint,
    SILT_S3_PATH_STYLE: '1',
    SILT_S3_SSE: 'AES256',
  });
  await writeFile(join(directory, 'a.img'), image);
  const refused = await run('publish', ...REPO, ...RELEASE);
  t.is(refused.status, 1);
  t.regex(refused.stderr, /does not keep two publishers apart.*--lock held/);
  t.deepEqual([...server.objects.keys()], ['gateway/prune/probe.json']);
  const published = await run(
    'publish',
    ...REPO,
    ...RELEASE,
    '--lock',
    'held',
    '--storage-class',
    'STANDARD_IA',
  );
  t.is(published.status, 0, published.stderr);
  const classes = heads.flatMap(([key, headers]) =>
    headers['x-amz-storage-class'] ? [key.split('/')[1]] : [],
  );
  t.deepEqual([...new Set(classes)].sort(), ['indexes', 'packs']);
  t.true(heads.every(([, headers]) => headers['x-amz-server-side-encryption'] === 'AES256'));

  t.like(await json<RepositoryReport>(0, 'verify', ...REPO), { damaged: [], packs: 1 });
  const pack = [...server.objects.keys()].find((key) => key.includes('/packs/')) ?? '';
  server.objects.delete(pack);
  const report = await json<RepositoryReport>(16, 'verify', ...REPO, '--sample', '100%', '--parallel', '2');
  t.like(report.damaged, [{ key: pack.replace('gateway/', ''), problem: 'missing', releases: ['p 1'] }]);
  const shown = await run('verify', ...REPO);
  t.is(shown.status, 16);
  t.regex(shown.stdout, /^1 objects? .*\n {2}packs\/[0-9a-f]{64}: missing: .*\n {4}needed by p 1\n/);
});

test('--sample, --sample-seed and --parallel are for repositories, and have their bounds', async (t) => {
  const { run } = await createCli(t);
  const refused = [
    ['a.img', '--product', 'p', '--sample', '5'],
    ['a.img', '--product', 'p', '--parallel', '5'],
    ['--sample', '0'],
    ['--sample', '101%'],
    ['--sample', 'some'],
    ['--parallel', '0'],
    ['--parallel', '65'],
  ];
  const results = await Promise.all(
    refused.map((args) => run('verify', '--repo', '.', '--insecure', ...args)),
  );
  t.deepEqual(
    results.map(({ status }) => status),
    refused.map(() => 2),
  );
});
