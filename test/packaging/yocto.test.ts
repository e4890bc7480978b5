/** The class for Yocto: its task with variables as a recipe has them. yocto.slow.test.ts has BitBake itself. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type BuildJob, buildJob, projectRoot, recordedJob } from '../support/build-job.ts';
import { pythonTest } from '../support/python3.ts';
import type { CliResult } from '../support/run-cli.ts';

const yocto = join(projectRoot, 'packaging', 'yocto');
const bbclass = join(yocto, 'classes', 'silt-publish.bbclass');
const harness = join(projectRoot, 'test', 'support', 'bitbake', 'run-task.py');

/** Runs the task for an image that is there. */
async function runTask(
  job: BuildJob,
  variables: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const deploy = join(job.directory, 'deploy');
  mkdirSync(deploy, { recursive: true });
  writeFileSync(join(deploy, 'core-image-gw.ext4'), 'image');
  const file = join(job.directory, 'variables.json');
  const standard = {
    MACHINE: 'gw',
    DISTRO_VERSION: '5.0.4',
    IMAGE_LINK_NAME: 'core-image-gw',
    DEPLOY_DIR_IMAGE: deploy,
    PATH: [job.bin, process.env.PATH].join(':'),
    SILT_PUBLISH: '1',
    SILT_REPO: 's3://bucket/updates',
  };
  writeFileSync(file, JSON.stringify({ ...standard, ...variables }));
  return await job.run(['python3', harness, bbclass, 'do_silt_publish', file], env);
}

pythonTest('the variables of a recipe become the arguments of silt publish', async (t) => {
  const job = await recordedJob(t, 'echo published');
  const { status, stdout, stderr } = await runTask(job, {
    SILT_CHANNEL: 'canary',
    SILT_BASES: '3',
    SILT_KEYS: '/keys/ci:/keys/kms.signer.json',
    SILT_OPTIONS: '--hardware \'gw2:eu,us\' --created "2026-01-31 12:00"',
  });
  t.is(status, 0, stdout + stderr);
  t.is(stdout, 'NOTE: published\n');
  t.deepEqual(job.calledWith(), [
    ...['publish', '--repo', 's3://bucket/updates', '--product', 'gw', '--version', '5.0.4'],
    ...['--image', `rootfs=${join(job.directory, 'deploy', 'core-image-gw.ext4')}`],
    ...['--channel', 'canary', '--bases', '3', '--keys', '/keys/ci', '--keys', '/keys/kms.signer.json'],
    ...['--hardware', 'gw2:eu,us', '--created', '2026-01-31 12:00'],
  ]);
});

pythonTest('without SILT_PUBLISH nothing is published', async (t) => {
  const job = await recordedJob(t);
  const { status, stdout } = await runTask(job, { SILT_PUBLISH: '0' });
  t.is(status, 0);
  t.regex(stdout, /^NOTE: silt-publish: nothing is published/);
  t.is(job.calledWith(), undefined);
});

pythonTest('silt gets what SILT_ENVIRONMENT names of the environment, and no more', async (t) => {
  const job = await recordedJob(t, 'env >seen');
  await runTask(job, { SILT_CHANNEL: 'canary' }, { AWS_SESSION_TOKEN: 'token', OTHER_SECRET: 'secret' });
  const seen = readFileSync(join(job.directory, 'seen'), 'utf8');
  t.regex(seen, /^AWS_SESSION_TOKEN=token$/m);
  t.regex(seen, /^HOME=/m);
  t.notRegex(seen, /OTHER_SECRET|SILT_CHANNEL|PYTHON/);
});

pythonTest('what is missing, and a silt that fails, end the task with a sentence', async (t) => {
  const job = await recordedJob(t, 'echo "locked by another publisher" >&2; exit 11');
  const cases: [Record<string, string>, RegExp][] = [
    [{ SILT_REPO: ' ' }, /expected SILT_REPO to be set, found nothing/],
    [{ SILT_IMAGES: 'rootfs' }, /NAME=FILE with blanks between, found "rootfs"/],
    [
      { SILT_IMAGES: 'rootfs=other.ext4' },
      /expected the image \/\S+\/other\.ext4, found none; .*IMAGE_FSTYPES/,
    ],
    [{ SILT_COMMAND: '/nonexistent/silt' }, /cannot start \/nonexistent\/silt: .*; set SILT_COMMAND/],
    [{}, /silt ended with 11: locked by another publisher/],
  ];
  for (const [variables, message] of cases) {
    const { status, stdout } = await runTask(job, variables);
    t.is(status, 1);
    t.regex(stdout, message);
  }
});

pythonTest('an image is published by the real silt', async (t) => {
  const job = await buildJob(t);
  const variables = { SILT_REPO: join(job.directory, 'repo'), SILT_OPTIONS: '--insecure' };
  const { status, stdout } = await runTask(job, variables);
  t.is(status, 0, stdout);
  t.regex(stdout, /^NOTE: published gw 5\.0\.4 \(release 1\)$/m);
});

test('what decides what is published is in the hash of the task, and the rest is not', (t) => {
  const text = readFileSync(bbclass, 'utf8').replaceAll('\\\n', '');
  const set = [...text.matchAll(/^(SILT_\w+) \?=/gm)].map(([, name = '']) => name);
  const flags = [...text.matchAll(/^\w+\[vardeps(exclude)?\] \+?= "(.*)"$/gm)];
  const named = flags.flatMap(([, , names = '']) => names.split(' '));
  // The one that the task itself reads by name is found by BitBake.
  t.deepEqual(
    named.filter((name) => name.startsWith('SILT_')).toSorted(),
    set.filter((name) => name !== 'SILT_PUBLISH').toSorted(),
  );
});

test('every variable is in the table of the README, with its default', (t) => {
  const text = readFileSync(bbclass, 'utf8').replaceAll(/\\\n\s*/g, '');
  const readme = readFileSync(join(yocto, 'README.md'), 'utf8');
  for (const [, name = '', standard = ''] of text.matchAll(/^(SILT_\w+) \?= "(.*)"$/gm)) {
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
    t.truthy(row, name);
    if (standard !== '' && standard.length < 80)
      t.true(row?.includes(`\`${standard}\``), `${name}: ${standard}`);
  }
});
