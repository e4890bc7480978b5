import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { createCli, resultOf } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const image = seededBytes('cli publish', 300 * KiB);
const RELEASE = ['--product', 'p', '--version', '1', '--compression', '1'];

test('an image from stdin is published and leaves no temporary file', async (t) => {
  const { directory, temporary, start, run } = await createCli(t);
  const child = start('publish', '--repo', 'repo', ...RELEASE, '--image', 'rootfs=-');
  child.stdin.end(image);
  const { status, stdout, stderr } = await resultOf(child);
  t.is(status, 0);
  t.regex(stdout, /^published p 1 \(release 1\)\n {2}rootfs /);
  t.regex(stderr, /rootfs: read 300 KiB from stdin/);
  t.deepEqual(await readdir(temporary), []);
  t.is((await run('fetch', '--repo', 'repo', '--product', 'p', '--output', 'out')).status, 0);
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
