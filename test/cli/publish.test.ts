import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import { withFlips } from '../support/edited-image.ts';
import { createCli, resultOf } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const image = seededBytes('cli publish', 300 * KiB);
const RELEASE = ['--insecure', '--product', 'p', '--version', '1', '--compression', '1'];

test('an image from stdin is published and leaves no temporary file', async (t) => {
  const { directory, temporary, start, run } = await createCli(t);
  const child = start('publish', '--repo', 'repo', ...RELEASE, '--image', 'rootfs=-');
  child.stdin.end(image);
  const { status, stdout, stderr } = await resultOf(child);
  t.is(status, 0);
  t.regex(stdout, /^published p 1 \(release 1\)\n {2}rootfs /);
  t.regex(stderr, /rootfs: read 300 KiB from stdin/);
  t.deepEqual(await readdir(temporary), []);
  t.is((await run('fetch', '--insecure', '--repo', 'repo', '--product', 'p', '--output', 'out')).status, 0);
  t.deepEqual(await readFile(join(directory, 'out')), Buffer.from(image));
});

test('stdin interrupted by Ctrl-C exits with 130 and leaves no temporary file', async (t) => {
  const { temporary, start } = await createCli(t);
  const child = start('publish', '--repo', 'repo', ...RELEASE, '--image', 'rootfs=-');
  child.stdin.on('error', () => {}).write(image);
  const ended = resultOf(child);
  while ((await readdir(temporary)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill('SIGINT');
  const { status, stdout, stderr } = await ended;
  t.is(status, 130);
  t.is(stdout, '');
  t.regex(stderr, /interrupted.*same command again/);
  t.deepEqual(await readdir(temporary), []);
});

test('the same release again is nothing to do; another under its version is refused', async (t) => {
  const { directory, run } = await createCli(t);
  await writeFile(join(directory, 'a.img'), image);
  await writeFile(join(directory, 'b.img'), image.subarray(1));
  const publish = ['publish', '--repo', 'repo', ...RELEASE];
  t.is((await run(...publish, 'a.img', '--detailed-exitcode')).status, 0);
  t.is((await run(...publish, 'a.img')).status, 0);
  t.is((await run(...publish, 'a.img', '--detailed-exitcode')).status, 4);
  const refused = await run(...publish, '--image', 'a.img=b.img');
  t.is(refused.status, 1);
  t.regex(refused.stderr, /published already, with other images/);
});

test('SOURCE_DATE_EPOCH makes two publishes give the same repository', async (t) => {
  const { directory, run } = await createCli(t, { SOURCE_DATE_EPOCH: '1767225600' });
  await writeFile(join(directory, 'a.img'), image);
  const manifests: string[] = [];
  for (const repo of ['one', 'two']) {
    t.is((await run('publish', 'a.img', '--repo', repo, ...RELEASE, '--quiet')).stdout, '');
    manifests.push(await readFile(join(directory, repo, 'metadata', 'timestamp.json'), 'utf8'));
  }
  t.is(manifests[0], manifests[1]);
});

test('--bases and --base make deltas, which publish, inspect and verify tell of', async (t) => {
  const { directory, temporary, run } = await createCli(t);
  const images = [image, withFlips(image, 0, image.length, 5000), withFlips(image, 0, image.length, 3000)];
  for (const [i, bytes] of images.entries()) await writeFile(join(directory, `${i + 1}.img`), bytes);
  const publish = (version: string, ...options: string[]) =>
    run(
      ...[
        'publish',
        '--insecure',
        '--repo',
        'repo',
        '--product',
        'p',
        '--compression',
        '1',
        '--workers',
        '1',
      ],
      ...['--version', version, '--image', `a=${version}.img`, ...options],
    );
  t.is((await publish('1', '--bases', '2')).status, 0);
  const second = await publish('2', '--bases', '2', '--base-image', 'a=1.img', '--memory', '64MiB');
  t.is(second.status, 0, second.stderr);
  t.regex(second.stdout, /\n {2}delta +a from 1: [\d.]+ (B|KiB) instead of \d{3} KiB\n/);
  const third = await publish('3', '--base', '1,2', '--json');
  const report = JSON.parse(third.stdout) as PublishReport;
  t.like(report, { deltasKept: 2, deltasDropped: 0 });
  t.deepEqual(
    report.deltas.map(({ base }) => base.versions),
    [['2'], ['1']],
  );
  t.deepEqual(await readdir(temporary), []);
  const inspected = await run('inspect', '--insecure', '--repo', 'repo', '--product', 'p');
  t.is(inspected.stdout.match(/^ {2}delta {2}.* from 300 KiB, [0-9a-f]{64}$/gm)?.length, 2);
  t.regex((await run('verify', '--insecure', '--repo', 'repo')).stdout, /3 packs, 3 deltas/);
});

test('bases that make no sense are refused before any work', async (t) => {
  const { directory, run } = await createCli(t);
  await writeFile(join(directory, 'a.img'), image);
  const publish = (...options: string[]) => run('publish', 'a.img', '--repo', 'repo', ...RELEASE, ...options);
  t.is((await publish('--bases', '65')).status, 2);
  t.is((await publish('--bases', '1', '--base', '1')).status, 2);
  t.is((await publish('--base', '1,,2')).status, 2);
  t.is((await publish('--base-image', 'a.img')).status, 2);
  t.is((await publish('--base-image', 'a.img=a.img')).status, 2);
  const missing = await publish('--base', '0');
  t.is(missing.status, 10);
  t.regex(missing.stderr, /no release p 0/);
  t.deepEqual(await readdir(join(directory, 'repo')), []);
});

test('a pipe that is closed early does not change the exit status', async (t) => {
  const { directory, start } = await createCli(t);
  await writeFile(join(directory, 'a.img'), image);
  const child = start('publish', 'a.img', '--repo', 'repo', ...RELEASE);
  child.stdout.destroy();
  const [status] = await once(child, 'close');
  t.is(status, 0);
});

test('a missing image and a wrong time are told by name', async (t) => {
  const { run } = await createCli(t);
  const missing = await run('publish', 'missing.img', '--repo', 'repo', ...RELEASE);
  t.is(missing.status, 1);
  t.regex(missing.stderr, /missing\.img/);
  const time = await run('publish', 'missing.img', '--repo', 'repo', ...RELEASE, '--created', 'noon');
  t.is(time.status, 2);
  t.regex(time.stderr, /"noon"/);
});
