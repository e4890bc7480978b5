import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { buildJob, projectRoot, recordedJob } from '../support/build-job.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const script = join(projectRoot, 'packaging', 'ci', 'silt-ci-publish');

const SETTINGS = {
  SILT_REPO: 's3://bucket/updates',
  SILT_PRODUCT: 'gateway',
  SILT_VERSION: '1.4.0',
  SILT_IMAGES: 'rootfs=rootfs.ext4',
};

test('what the environment says becomes arguments, blanks and shell characters and all', async (t) => {
  const job = await recordedJob(t);
  const { status, stderr } = await job.run(['sh', script], {
    ...SETTINGS,
    SILT_VERSION: '1.4.0 $(touch oops) `touch oops` ; "\'',
    SILT_IMAGES: '\n  rootfs=build/root fs.ext4\nkernel=$HOME/Image  \n\n',
    SILT_CHANNEL: '*',
    SILT_BASES: '3',
    SILT_OPTIONS: '--hardware\ngw2:eu,us',
  });
  t.is(status, 0, stderr);
  const images = ['--image', 'rootfs=build/root fs.ext4', '--image', 'kernel=$HOME/Image'];
  t.deepEqual(job.calledWith(), [
    ...['publish', '--json', '--repo', 's3://bucket/updates', '--product', 'gateway'],
    ...['--version', '1.4.0 $(touch oops) `touch oops` ; "\'', '--channel', '*', '--bases', '3'],
    ...images,
    ...['--hardware', 'gw2:eu,us'],
  ]);
  t.deepEqual(readdirSync(job.directory), ['silt-report.json']);
});

test('what is missing or malformed is told by name, and nothing is started', async (t) => {
  const job = await recordedJob(t);
  const cases: [Record<string, string>, RegExp][] = [
    [{ SILT_REPO: '' }, /expected SILT_REPO, .*; found nothing/],
    [{ SILT_PRODUCT: '' }, /expected SILT_PRODUCT, .*; found nothing/],
    [{ SILT_VERSION: '' }, /expected SILT_VERSION, .*; found nothing/],
    [{ SILT_IMAGES: ' \n ' }, /expected SILT_IMAGES, .*; found nothing/],
    [{ SILT_IMAGES: 'rootfs.ext4' }, /NAME=PATH on each line; found "rootfs.ext4"/],
    [{ SILT_KEYS_ARCHIVE: '?!' }, /expected SILT_KEYS_ARCHIVE to be what 'tar/],
    [{ SILT_KEYS_ARCHIVE: Buffer.from('no archive').toString('base64') }, /found something else/],
  ];
  for (const [change, message] of cases) {
    const { status, stdout, stderr } = await job.run(['sh', script], { ...SETTINGS, ...change });
    t.is(status, 2);
    t.regex(stderr, message);
    t.is(stdout, '');
  }
  t.is(job.calledWith(), undefined);
  t.deepEqual(readdirSync(job.temporary), []);
  t.deepEqual(readdirSync(job.directory), []);
});

test('a failure has the status of silt, and leaves no report that an earlier run has written', async (t) => {
  const job = await recordedJob(t, 'echo "try later" >&2; exit 75');
  writeFileSync(join(job.directory, 'report.json'), '{"bytesUploaded": 1}');
  const { status, stderr } = await job.run(['sh', script], { ...SETTINGS, SILT_REPORT: 'report.json' });
  t.is(status, 75);
  t.is(stderr, 'try later\n');
  t.deepEqual(readdirSync(job.directory), []);
});

test('keys from the archive go to silt before those of SILT_KEYS, and are gone afterwards', async (t) => {
  const note = `echo "$SILT_KEYS|\${SILT_KEYS_ARCHIVE-unset}|$(stat -c %a "\${SILT_KEYS%%/keys*}")"`;
  for (const end of ['exit 0', 'exit 12', 'kill -TERM $PPID']) {
    const job = await recordedJob(t, `${note} >seen; ls "\${SILT_KEYS%%:*}" >>seen; ${end}`);
    const keys = join(job.directory, 'ci');
    mkdirSync(keys);
    writeFileSync(join(keys, 'timestamp.pem'), 'secret');
    const archive = execFileSync('tar', ['-C', keys, '-czf', '-', '.']).toString('base64');
    await job.run(['sh', script], {
      ...SETTINGS,
      // As `base64` writes it, in lines.
      SILT_KEYS_ARCHIVE: archive.replaceAll(/.{76}/g, '$&\n'),
      SILT_KEYS: 'kms.signer.json',
    });
    const [seen = '', listed] = readFileSync(join(job.directory, 'seen'), 'utf8').split('\n');
    t.regex(seen, /^\/.*\/keys:kms\.signer\.json\|unset\|700$/);
    t.is(listed, 'timestamp.pem');
    t.deepEqual(readdirSync(job.temporary), [], end);
  }
});

test('without keys SILT_KEYS is not set, so that silt says what it expects', async (t) => {
  const job = await recordedJob(t, `echo "\${SILT_KEYS-unset}" >seen`);
  await job.run(['sh', script], { ...SETTINGS, SILT_KEYS: '' });
  t.is(readFileSync(join(job.directory, 'seen'), 'utf8'), 'unset\n');
});

test('a release signed with keys from the archive is published, with its report', async (t) => {
  const job = await buildJob(t);
  const made = await job.run(['silt', 'keys', 'init', 'keys', '--repo', 'repo', '--product', 'gateway']);
  t.is(made.status, 0, made.stderr);
  const archive = execFileSync('tar', ['-C', join(job.directory, 'keys'), '-czf', '-', '.']);
  writeFileSync(join(job.directory, 'rootfs.ext4'), seededBytes('ci', 100 * KiB));
  chmodSync(join(job.directory, 'keys'), 0o000);
  const { status, stderr } = await job.run(['sh', script], {
    ...SETTINGS,
    SILT_REPO: 'repo',
    SILT_KEYS_ARCHIVE: archive.toString('base64'),
    SILT_CHANNEL: 'canary',
  });
  chmodSync(join(job.directory, 'keys'), 0o700);
  t.is(status, 0, stderr);
  t.regex(stderr, /published gateway 1\.4\.0; the report is in silt-report\.json/);
  const report = JSON.parse(readFileSync(join(job.directory, 'silt-report.json'), 'utf8'));
  t.is(report.trust, 'tuf');
  t.is(report.manifest.version, '1.4.0');
  t.true(report.bytesUploaded >= 100 * KiB);
});
