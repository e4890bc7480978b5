import { link, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { FileInstaller } from '../../../src/device/installers/file-installer.ts';
import { committed, cutOrders, fetched, inOrder } from '../../support/install-image.ts';
import { makeReadOnly, makeWritable, smallDisk } from '../../support/small-disk.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const NEW = Buffer.from('the new file');

for (const copy of [false, true]) {
  const how = copy ? 'a copy' : 'a link';

  test(`whatever the cuts, the update arrives, and ${how} brings the old file back`, async (t) => {
    for (const order of cutOrders) {
      const directory = await temporaryDirectory(t);
      const path = join(directory, 'file');
      await writeFile(path, 'old', { mode: 0o600 });
      const installer = new FileInstaller({ path, copy });
      await inOrder(installer, order, '2', NEW);
      t.is(await readFile(path, 'utf8'), NEW.toString(), order.join());
      t.is((await stat(path)).mode & 0o777, 0o600);
      for (let again = 0; again < 2; again++) {
        await installer.rollback();
        t.is(await readFile(path, 'utf8'), 'old');
        t.is((await stat(path)).mode & 0o777, 0o600);
      }
      t.deepEqual(await readdir(directory), ['file']);
    }
  });
}

test('the finish lets go of the old file, and nothing brings it back', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  await writeFile(path, 'old');
  const installer = new FileInstaller({ path });
  await committed(installer, '2', NEW);
  t.deepEqual(await readdir(directory), ['file', 'file.silt-previous']);
  for (const step of ['finish', 'finish', 'rollback'] as const) {
    await installer[step]();
    t.is(await readFile(path, 'utf8'), NEW.toString());
    t.deepEqual(await readdir(directory), ['file']);
  }
});

test('until the commit the file in use does not change, and rolling back forgets the new one', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  await writeFile(path, 'old');
  const installer = new FileInstaller({ path });
  await installer.rollback();
  const image = await fetched(installer, '2', NEW);
  t.deepEqual((await installer.prepare()).seeds, [path]);
  await installer.install(image);
  t.is(await readFile(path, 'utf8'), 'old');
  await installer.rollback();
  t.deepEqual(await readdir(directory), ['file']);
  t.is(await readFile(path, 'utf8'), 'old');
  await throwsSilt(t, () => installer.commit(image), 'INSTALL_FAILED');
});

test('a cut between keeping the old file and renaming the new one is mended in both directions', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  await writeFile(path, 'old');
  const installer = new FileInstaller({ path });
  const image = await fetched(installer, '2', NEW);
  await installer.install(image);
  await link(path, `${path}.silt-previous`);
  await installer.rollback();
  t.is(await readFile(path, 'utf8'), 'old');
  t.deepEqual(await readdir(directory), ['file']);
  await installer.install(await fetched(installer, '2', NEW));
  await link(path, `${path}.silt-previous`);
  await installer.commit(image);
  t.is(await readFile(path, 'utf8'), NEW.toString());
  t.is(await readFile(`${path}.silt-previous`, 'utf8'), 'old');
});

test('a first file is gone again when it is rolled back', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  const installer = new FileInstaller({ path });
  t.deepEqual(await installer.status(), { present: false });
  t.deepEqual((await installer.prepare()).seeds, []);
  const image = await committed(installer, '1', NEW);
  await installer.commit(image);
  t.deepEqual(await installer.status(), { present: true });
  await installer.rollback();
  await installer.rollback();
  t.deepEqual(await readdir(directory), []);
  await committed(installer, '1', NEW);
  await installer.finish();
  await installer.rollback();
  t.deepEqual(await readdir(directory), ['file']);
});

test('of two updates in a row, the second before the first was finished, what was first comes back', async (t) => {
  for (const old of ['old', undefined]) {
    const directory = await temporaryDirectory(t);
    const path = join(directory, 'file');
    if (old !== undefined) await writeFile(path, old);
    const installer = new FileInstaller({ path });
    await committed(installer, '2', NEW);
    await committed(installer, '3', Buffer.from('third'));
    t.is(await readFile(path, 'utf8'), 'third');
    await installer.rollback();
    t.deepEqual(await readdir(directory), old === undefined ? [] : ['file']);
    if (old !== undefined) t.is(await readFile(path, 'utf8'), old);
  }
});

test('mode and owner are set before the file is in use', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  const own = await stat(dirname(path));
  const owner = own.uid === 0 ? { uid: 12, gid: 34 } : { uid: own.uid, gid: own.gid };
  const installer = new FileInstaller({ path, mode: 0o4750, owner });
  await committed(installer, '1', NEW);
  const { mode, uid, gid } = await stat(path);
  t.deepEqual({ mode: mode & 0o7777, uid, gid }, { mode: 0o4750, ...owner });
});

test('what is not the image is neither installed nor committed', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  await writeFile(path, 'old');
  const installer = new FileInstaller({ path });
  const image = await fetched(installer, '2', NEW);
  await writeFile(image.path, 'the nex file');
  await throwsSilt(t, () => installer.install(image), 'INSTALL_FAILED');
  await installer.rollback();
  await throwsSilt(t, () => installer.install(image), 'IO_FAILED');
  t.is(await readFile(path, 'utf8'), 'old');
});

test('a full disk keeps the old file in use, and the commit works when there is room', async (t) => {
  const disk = await smallDisk(t, 64 * 1024);
  if (disk === undefined) return;
  const path = join(disk, 'file');
  await writeFile(path, Buffer.alloc(24 * 1024, 1));
  const installer = new FileInstaller({ path, copy: true });
  const image = await fetched(installer, '2', Buffer.alloc(24 * 1024, 2));
  await installer.install(image);
  await throwsSilt(t, () => installer.commit(image), 'NO_SPACE');
  t.is((await readFile(path))[0], 1);
  t.deepEqual((await readdir(disk)).sort(), ['file', 'file.silt-new'], 'nothing half copied stays');
  const linking = new FileInstaller({ path });
  await linking.commit(image);
  t.is((await readFile(path))[0], 2);
});

test('a read-only file system fails every step that writes, and the next try works', async (t) => {
  const disk = await smallDisk(t, 64 * 1024);
  if (disk === undefined) return;
  const path = join(disk, 'file');
  await writeFile(path, 'old');
  const installer = new FileInstaller({ path });
  const image = await fetched(installer, '2', NEW);
  makeReadOnly(disk);
  await throwsSilt(t, () => installer.install(image), 'IO_FAILED');
  await throwsSilt(t, () => installer.commit(image), 'IO_FAILED');
  await throwsSilt(t, () => installer.rollback(), 'IO_FAILED');
  makeWritable(disk);
  t.is(await readFile(path, 'utf8'), 'old');
  await installer.install(image);
  await installer.commit(image);
  t.is(await readFile(path, 'utf8'), NEW.toString());
});
