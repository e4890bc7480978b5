import { mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import {
  DirectoryInstaller,
  type DirectoryInstallerSettings,
} from '../../../src/device/installers/directory-installer.ts';
import { committed, cutOrders, fetched, inOrder } from '../../support/install-image.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { makeReadOnly, makeWritable, smallDisk } from '../../support/small-disk.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const appOf = (text: string): Buffer =>
  tarOf([
    { name: './', type: '5', mode: 0o755 },
    { name: './bin/', type: '5', mode: 0o750 },
    { name: './bin/app', content: text, mode: 0o4755 },
    { name: './bin/also', type: '1', link: './bin/app' },
    { name: './run', type: '2', link: 'bin/app' },
    { name: './data/deep/blob', content: seededBytes(text, 200_000) },
  ]);

async function installerIn(root: string, settings: Partial<DirectoryInstallerSettings> = {}) {
  const installer = new DirectoryInstaller({ root, ...settings });
  return { installer, app: () => readFile(join(root, 'current', 'run'), 'utf8') };
}

test('a tar is unpacked with its modes and links, plain, in gzip and in zstd', async (t) => {
  for (const pack of [(bytes: Buffer) => bytes, gzipSync, zstdCompressSync]) {
    const root = join(await temporaryDirectory(t), 'app');
    const { installer, app } = await installerIn(root);
    await committed(installer, '1', pack(appOf('one')));
    t.is(await app(), 'one');
    const directory = join(root, 'versions', '1');
    t.is((await stat(join(directory, 'bin'))).mode & 0o7777, 0o750);
    t.is((await stat(join(directory, 'bin', 'app'))).mode & 0o7777, 0o755, 'no set-user-id');
    t.is((await stat(join(directory, 'bin', 'app'))).nlink, 2);
    t.is(await readlink(join(directory, 'run')), 'bin/app');
    t.deepEqual(
      await readFile(join(directory, 'data', 'deep', 'blob')),
      Buffer.from(seededBytes('one', 200_000)),
    );
    t.deepEqual(await installer.status(), { present: true, version: '1' });
  }
});

test('whatever the cuts, the update arrives and can be taken back', async (t) => {
  for (const order of cutOrders) {
    const root = await temporaryDirectory(t);
    const { installer, app } = await installerIn(root);
    await committed(installer, '1', appOf('one'));
    await installer.finish();
    await inOrder(installer, order, '2', appOf('two'));
    t.is(await app(), 'two', order.join());
    for (let again = 0; again < 2; again++) {
      await installer.rollback();
      t.is(await app(), 'one');
    }
    t.deepEqual(await installer.status(), { present: true, version: '1' });
  }
});

test('the present version and the one before stay, and the image is the next seed', async (t) => {
  const root = await temporaryDirectory(t);
  const { installer } = await installerIn(root);
  for (const version of ['1', '2', '3']) {
    const { output, seeds } = await installer.prepare(version);
    t.is(output, join(root, 'next.image'));
    t.deepEqual(seeds, version === '1' ? [] : [join(root, 'current.image')]);
    await committed(installer, version, appOf(version));
    await installer.finish();
    await installer.finish();
    // Only what is not finished can be taken back.
    await installer.rollback();
    t.deepEqual(await installer.status(), { present: true, version });
  }
  t.deepEqual((await readdir(join(root, 'versions'))).sort(), ['.2.sha256', '.3.sha256', '2', '3']);
  t.deepEqual((await readdir(root)).sort(), ['current', 'current.image', 'previous', 'versions']);
  t.deepEqual(await readFile(join(root, 'current.image')), appOf('3'));
});

test('without keeping images none is left', async (t) => {
  const root = await temporaryDirectory(t);
  const { installer } = await installerIn(root, { keepImage: false });
  await committed(installer, '1', appOf('one'));
  await installer.finish();
  t.deepEqual((await readdir(root)).sort(), ['current', 'versions']);
});

test('a first version is gone again when it is rolled back, and nothing happens without one', async (t) => {
  const root = await temporaryDirectory(t);
  const { installer } = await installerIn(root);
  await installer.rollback();
  await installer.finish();
  t.deepEqual(await installer.status(), { present: false });
  await committed(installer, '1', appOf('one'));
  await installer.rollback();
  await installer.rollback();
  t.deepEqual(await installer.status(), { present: false });
  await committed(installer, '1', appOf('one'));
  t.deepEqual(await installer.status(), { present: true, version: '1' });
});

test('after two updates in a row, the second before the first was finished, the oldest comes back', async (t) => {
  const { installer, app } = await installerIn(await temporaryDirectory(t));
  await committed(installer, '1', appOf('one'));
  await installer.finish();
  await committed(installer, '2', appOf('two'));
  await committed(installer, '3', appOf('three'));
  await installer.rollback();
  t.is(await app(), 'one');
});

test('what an interrupted unpacking left is removed by the next prepare', async (t) => {
  const root = await temporaryDirectory(t);
  const { installer, app } = await installerIn(root);
  await committed(installer, '1', appOf('one'));
  await installer.finish();
  const versions = join(root, 'versions');
  await mkdir(join(versions, '.silt-0123456789abcdef.tmp', 'bin'), { recursive: true });
  await writeFile(join(versions, '.2.sha256'), 'of something');
  await mkdir(join(versions, 'unknown'));
  await symlink('versions/1', join(root, '.silt-fedcba9876543210.tmp'));
  await installer.prepare('3');
  t.deepEqual((await readdir(versions)).sort(), ['.1.sha256', '1']);
  t.deepEqual((await readdir(root)).sort(), ['current', 'current.image', 'versions']);
  t.is(await app(), 'one');
});

test('unpacking that is stopped leaves the version in use and no other', async (t) => {
  const root = await temporaryDirectory(t);
  const { installer, app } = await installerIn(root);
  await committed(installer, '1', appOf('one'));
  const image = await fetched(installer, '2', appOf('two'));
  const stop = new AbortController();
  // The digest has been checked when the last byte is read back.
  const onProgress = (done: number, total: number) => {
    if (done === total) stop.abort(new Error('stopped'));
  };
  await t.throwsAsync(installer.install(image, { signal: stop.signal, onProgress }), { message: 'stopped' });
  t.deepEqual((await readdir(join(root, 'versions'))).sort(), ['.1.sha256', '1']);
  await throwsSilt(t, () => installer.commit(image), 'INSTALL_FAILED');
  t.is(await app(), 'one');
});

test('a version that was unpacked from another image is made anew, but never while in use', async (t) => {
  const { installer, app } = await installerIn(await temporaryDirectory(t));
  await installer.install(await fetched(installer, '1', appOf('one')));
  await committed(installer, '1', appOf('another'));
  t.is(await app(), 'another');
  const image = await fetched(installer, '1', appOf('third'));
  await throwsSilt(t, () => installer.install(image), 'INSTALL_FAILED');
  t.is(await app(), 'another');
});

test('an image with another digest is not even opened as an archive', async (t) => {
  const { installer } = await installerIn(await temporaryDirectory(t));
  const image = await fetched(installer, '1', Buffer.from('no archive'));
  const altered = { ...image, sha256: '0'.repeat(64) };
  t.regex(
    (await throwsSilt(t, () => installer.install(altered), 'INSTALL_FAILED')).message,
    /expected SHA-256/,
  );
  t.regex(
    (await throwsSilt(t, () => installer.install(image), 'INSTALL_FAILED')).message,
    /to be a tar archive/,
  );
});

test('a version that could be a path is refused', async (t) => {
  const { installer } = await installerIn(await temporaryDirectory(t));
  for (const version of ['..', '../x', '.hidden', 'a/b', '', '-rf', 'a\0']) {
    await throwsSilt(t, () => installer.prepare(version), 'INSTALL_FAILED');
  }
});

test('a full disk stops the unpacking, and with more room it works', async (t) => {
  const disk = await smallDisk(t, 640 * 1024);
  if (disk === undefined) return;
  const { installer, app } = await installerIn(disk);
  await writeFile(join(disk, 'other'), Buffer.alloc(200 * 1024));
  const image = await fetched(installer, '1', appOf('one'));
  await writeFile(join(disk, 'other'), Buffer.alloc(300 * 1024));
  await throwsSilt(t, () => installer.install(image), 'NO_SPACE');
  t.deepEqual(await readdir(join(disk, 'versions')), [], 'what was unpacked is given back');
  await writeFile(join(disk, 'other'), '');
  await installer.install(image);
  await installer.commit(image);
  t.is(await app(), 'one');
});

test('a read-only file system changes nothing, and the next try works', async (t) => {
  const disk = await smallDisk(t, 2 * 1024 * 1024);
  if (disk === undefined) return;
  const { installer, app } = await installerIn(disk);
  await committed(installer, '1', appOf('one'));
  await installer.finish();
  const image = await fetched(installer, '2', appOf('two'));
  makeReadOnly(disk);
  await throwsSilt(t, () => installer.install(image), 'IO_FAILED');
  makeWritable(disk);
  await installer.install(image);
  makeReadOnly(disk);
  await throwsSilt(t, () => installer.commit(image), 'IO_FAILED');
  t.is(await app(), 'one');
  makeWritable(disk);
  await installer.commit(image);
  t.is(await app(), 'two');
});
