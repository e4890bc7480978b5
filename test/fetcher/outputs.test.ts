import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyImage } from '../../src/fetcher/verify-image.ts';
import { withLock } from '../../src/io/lock-file.ts';
import { outputLockPath } from '../../src/io/part-file.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { holdsImage } from '../support/holds-image.ts';
import { newImage, oldImage } from '../support/release-images.ts';
import { fetchFrom, PRODUCT, serveRepository } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const test = repositoryTest({ old: oldImage, new: newImage });

for (const [what, message, make] of [
  ['a directory', /is a directory/, async (path: string) => void (await mkdir(path))],
  ['a pipe', /another kind of file/, async (path: string) => void execFileSync('mkfifo', [path])],
  ['a character device', /another kind of file/, (path: string) => symlink('/dev/null', path)],
] as const) {
  for (const dryRun of [false, true]) {
    test(`a target that is ${what} is refused before anything is asked${dryRun ? ', in a dry run too' : ''}`, async (t) => {
      const directory = await temporaryDirectory(t);
      const output = join(directory, 'target');
      await make(output);
      const { proxy, fetch } = await serveRepository(t, t.context.repository);
      const error = await throwsSilt(t, () => fetch({ output, dryRun }), 'TARGET_INVALID');
      t.regex(error.message, message);
      t.is(proxy.log.length, 0);
      t.deepEqual(await readdir(directory), ['target']);
    });
  }
}

test('an output in a directory that does not exist is refused by the name of that directory', async (t) => {
  const directory = await temporaryDirectory(t);
  const parent = join(directory, 'no', 'such');
  await writeFile(join(directory, 'file'), '');
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const error = await throwsSilt(t, () => fetch({ output: join(parent, 'image') }), 'TARGET_INVALID');
  t.true(error.message.includes(`there is no directory ${parent}`), error.message);
  await throwsSilt(t, () => fetch({ output: join(directory, 'file', 'image') }), 'TARGET_INVALID');
  t.is(proxy.log.length, 0);
});

test('two fetches to one output: one of them runs, the other is told, and nothing is harmed', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const both = await Promise.allSettled([
    fetchFrom(t.context.repository, { output }),
    fetchFrom(t.context.repository, { output }),
  ]);
  const failed = both.filter(({ status }) => status === 'rejected');
  t.is(failed.length, 1);
  t.like(failed[0], { reason: { code: 'LOCKED' } });
  await holdsImage(t, output, newImage);
  t.deepEqual(await readdir(directory), ['image']);
});

test('an output that is locked is not touched; a dry run may look', async (t) => {
  const output = join(await temporaryDirectory(t), 'image');
  await writeFile(output, oldImage);
  await withLock(outputLockPath(output), {}, async () => {
    await throwsSilt(t, () => fetchFrom(t.context.repository, { output }), 'LOCKED');
    await throwsSilt(t, () => fetchFrom(t.context.repository, { output, inPlace: true }), 'LOCKED');
    await t.notThrowsAsync(fetchFrom(t.context.repository, { output, dryRun: true }));
  });
  await holdsImage(t, output, oldImage);
});

test('fetches to different outputs run at once', async (t) => {
  const directory = await temporaryDirectory(t);
  const outputs = ['a', 'b', 'c'].map((name) => join(directory, name));
  await Promise.all(outputs.map((output) => fetchFrom(t.context.repository, { output })));
  for (const output of outputs) await holdsImage(t, output, newImage);
});

test('an unknown product, version, channel or image is named, and what there is', async (t) => {
  const output = join(await temporaryDirectory(t), 'image');
  const cases = [
    [{ product: 'toaster' }, /toaster.*router/s],
    [{ selector: { version: '9' } }, /"9".*old, new/s],
    [{ selector: { channel: 'stable' } }, /stable/],
    [{ image: 'kernel' }, /kernel.*rootfs/s],
    [{ product: 'constructor' }, /constructor/],
  ] as const;
  for (const [wrong, message] of cases) {
    const action = () => fetchFrom(t.context.repository, { output, ...wrong });
    t.regex((await throwsSilt(t, action, 'RELEASE_NOT_FOUND')).message, message);
  }
});

test('a directory that is no repository is told as that', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const error = await throwsSilt(t, () => fetchFrom(directory, { output }), 'NOT_A_REPOSITORY');
  t.regex(error.message, /not a silt repository/);
  await throwsSilt(t, () => fetchFrom(join(directory, 'no such'), { output }), 'NOT_A_REPOSITORY');
  const { fetch } = await serveRepository(t, directory);
  await throwsSilt(t, () => fetch({ output }), 'NOT_A_REPOSITORY');
  t.deepEqual(await readdir(directory), []);
});

test('an output that only its owner may read stays so', async (t) => {
  const output = join(await temporaryDirectory(t), 'image');
  await writeFile(output, 'secret');
  await chmod(output, 0o600);
  await fetchFrom(t.context.repository, { output });
  t.is((await stat(output)).mode & 0o777, 0o600);
});

test('verify names the windows that differ, and what lies behind the image', async (t) => {
  const path = join(await temporaryDirectory(t), 'image');
  const store = await openDirectoryStore(t.context.repository);
  const verify = () =>
    verifyImage(store, openReleases(store), { product: PRODUCT, selector: { latest: true }, path });
  await writeFile(path, newImage);
  t.like(await verify(), { badWindows: [], extraBytes: 0 });
  const damaged = Buffer.concat([newImage, Buffer.from('abc')]);
  damaged[1_000_000] = (damaged[1_000_000] ?? 0) ^ 1;
  await writeFile(path, damaged);
  const { badWindows, extraBytes } = await verify();
  t.is(extraBytes, 3);
  t.is(badWindows.length, 1);
  const { offset = 0, length = 0 } = badWindows[0] ?? {};
  t.true(offset <= 1_000_000 && 1_000_000 < offset + length);
  await writeFile(path, newImage.subarray(0, -1));
  t.is((await verify()).badWindows.length, 1);
});
