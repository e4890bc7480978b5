/** The hook for mkosi, in the environment that mkosi gives; mkosi.slow.test.ts has mkosi itself. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { type BuildJob, buildJob, projectRoot, recordedJob } from '../support/build-job.ts';
import type { CliResult } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const mkosi = join(projectRoot, 'packaging', 'mkosi');
const hook = join(mkosi, 'mkosi.postoutput');

const OUTPUTS = [
  'gateway_1.4.0.raw',
  'gateway_1.4.0.root-x86-64.raw',
  'gateway_1.4.0.efi',
  'gateway_1.4.0.vmlinuz',
  'gateway_1.4.0.manifest',
];

/** Runs the hook over outputs as they lie before mkosi moves them. */
async function runHook(job: BuildJob, env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
  const staging = join(job.directory, 'staging');
  mkdirSync(staging, { recursive: true });
  for (const name of OUTPUTS) writeFileSync(join(staging, name), seededBytes(name, 20 * KiB));
  return await job.run([hook], {
    DISTRIBUTION: 'debian',
    RELEASE: 'bookworm',
    ARCHITECTURE: 'x86-64',
    SRCDIR: '/work/src',
    OUTPUTDIR: staging,
    MKOSI_CONFIG: '/work/config.json',
    MKOSI_UID: '1000',
    MKOSI_GID: '1000',
    IMAGE_ID: 'gateway',
    IMAGE_VERSION: '1.4.0',
    SILT_REPO: 'mkosi.repo',
    ...env,
  });
}

test('product, version and image are those of mkosi', async (t) => {
  const job = await recordedJob(t);
  const { status, stderr } = await runHook(job);
  t.is(status, 0, stderr);
  t.deepEqual(job.calledWith(), [
    ...['publish', '--repo', 'mkosi.repo', '--product', 'gateway', '--version', '1.4.0'],
    ...['--image', `rootfs=${join(job.directory, 'staging', 'gateway_1.4.0.raw')}`],
  ]);
});

test('patterns choose among the outputs, and settings become options', async (t) => {
  const job = await recordedJob(t);
  const { status, stderr } = await runHook(job, {
    SILT_PRODUCT: 'gw',
    SILT_VERSION: '2',
    SILT_IMAGES: 'rootfs=*.root-x86-64.*raw kernel=*.efi',
    SILT_CHANNEL: '*',
    SILT_BASES: '3',
    SILT_OPTIONS: '--hardware gw2:*',
  });
  t.is(status, 0, stderr);
  const staging = join(job.directory, 'staging');
  t.deepEqual(job.calledWith(), [
    ...['publish', '--repo', 'mkosi.repo', '--product', 'gw', '--version', '2'],
    ...['--image', `rootfs=${staging}/gateway_1.4.0.root-x86-64.raw`],
    ...['--image', `kernel=${staging}/gateway_1.4.0.efi`],
    ...['--channel', '*', '--bases', '3', '--hardware', 'gw2:*'],
  ]);
});

test('what is missing or ambiguous ends the build with a sentence', async (t) => {
  const job = await recordedJob(t);
  const cases: [Record<string, string>, RegExp][] = [
    [{ OUTPUTDIR: '' }, /expected OUTPUTDIR, which mkosi sets; found nothing/],
    [{ SILT_REPO: '' }, /expected SILT_REPO, .*mkosi\.conf/],
    [{ IMAGE_ID: '' }, /expected ImageId= in mkosi\.conf, or SILT_PRODUCT; found neither/],
    [{ IMAGE_VERSION: '' }, /expected ImageVersion= .*; found neither/],
    [
      { SILT_REPO: 's3://bucket/updates' },
      /mkosi gives its scripts no network; publish to s3:\/\/bucket\/updates after/,
    ],
    [{ SILT_IMAGES: 'rootfs' }, /NAME=PATTERN with blanks between; found "rootfs"/],
    [{ SILT_IMAGES: 'rootfs=*.raw' }, /expected one file for \*\.raw; found gateway_1\.4\.0\.raw and/],
    [{ SILT_IMAGES: 'rootfs=*.ext4' }, /expected a file \*\.ext4 in .*; found none \(.*CompressOutput=/],
  ];
  for (const [env, message] of cases) {
    const { status, stderr } = await runHook(job, env);
    t.is(status, 2);
    t.regex(stderr, message);
  }
  t.is(job.calledWith(), undefined);
});

test('after mkosi, and without its environment, a repository in S3 is no mistake', async (t) => {
  const job = await recordedJob(t, 'exit 75');
  const { status } = await runHook(job, { SILT_REPO: 's3://bucket/updates', MKOSI_CONFIG: '' });
  t.is(status, 75);
  t.is(job.calledWith()?.[2], 's3://bucket/updates');
});

test('an image is published by the real silt', async (t) => {
  const job = await buildJob(t);
  const { status, stdout, stderr } = await runHook(job, { SILT_OPTIONS: '--insecure' });
  t.is(status, 0, stderr);
  t.regex(stdout, /^published gateway 1\.4\.0 \(release 1\)$/m);
  t.true(readdirSync(join(job.directory, 'mkosi.repo')).includes('packs'));
});

test('the example sets what the hook reads', (t) => {
  const text = readFileSync(hook, 'utf8');
  const example = readFileSync(join(mkosi, 'mkosi.conf'), 'utf8');
  const names = [...example.matchAll(/^ {4}(SILT_\w+)=/gm)].map(([, name = '']) => name);
  t.true(names.length >= 4);
  for (const name of names) t.true(text.includes(name), name);
});
