import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openDeviceState } from '../../../src/trust/tuf/device-state.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

test('two copies of each file lie in the directory, which is made when something is kept', async (t) => {
  const directory = join(await temporaryDirectory(t), 'deep', 'state');
  const state = await openDeviceState(directory);
  t.deepEqual(await state.read('root.json'), []);
  await state.remove('root.json');
  await t.throwsAsync(readdir(directory), { code: 'ENOENT' });
  await state.write('root.json', Buffer.from('one'));
  t.deepEqual((await readdir(directory)).sort(), ['root.json.a', 'root.json.b']);
  await state.write('root.json', Buffer.from('two'));
  t.deepEqual(
    (await state.read('root.json')).map((bytes) => Buffer.from(bytes).toString()),
    ['two', 'two'],
  );
  await state.remove('root.json');
  t.deepEqual(await readdir(directory), []);
});

test('the copy written last comes first, so that one write of two is enough', async (t) => {
  const directory = await temporaryDirectory(t);
  const state = await openDeviceState(directory);
  await state.write('x.json', Buffer.from('old'));
  // The power goes after the first of the two.
  await writeFile(join(directory, 'x.json.a'), 'new');
  const copies = (await state.read('x.json')).map((bytes) => Buffer.from(bytes).toString());
  t.deepEqual(copies, ['new', 'old']);
  await state.write('x.json', Buffer.from('new'));
  t.is(await readFile(join(directory, 'x.json.b'), 'utf8'), 'new');
});

test('a copy that is a link, a directory or far too large counts as none', async (t) => {
  const directory = await temporaryDirectory(t);
  const state = await openDeviceState(directory);
  await state.write('x.json', Buffer.from('whole'));
  const only = async (name: string) => (await state.read(name)).length;
  for (const [name, make] of [
    ['link.json', (path: string) => symlink(join(directory, 'x.json.a'), path)],
    ['directory.json', (path: string) => mkdir(path)],
    ['large.json', (path: string) => writeFile(path, Buffer.alloc(9 * 1024 * 1024))],
  ] as const) {
    await make(join(directory, `${name}.a`));
    t.is(await only(name), 0);
    await writeFile(join(directory, `${name}.b`), 'whole');
    t.is(await only(name), 1);
  }
});

test('a name that would lead out of the directory is refused', async (t) => {
  const state = await openDeviceState(await temporaryDirectory(t));
  for (const name of ['', '.', '..', '../x', 'a/b', '.hidden', 'a\u0000b', 'x'.repeat(300)]) {
    await throwsSilt(t, () => state.read(name), 'INTERNAL');
    await throwsSilt(t, () => state.write(name, Buffer.from('x')), 'INTERNAL');
    await throwsSilt(t, () => state.remove(name), 'INTERNAL');
  }
});

test('of two copies the older is removed first: cut off between, the newer one stays', async (t) => {
  const directory = await temporaryDirectory(t);
  const state = await openDeviceState(directory);
  await writeFile(join(directory, 'x.json.a'), 'new');
  // What cannot be removed stands for a power cut.
  await mkdir(join(directory, 'x.json.b'));
  await throwsSilt(t, () => state.remove('x.json'), 'IO_FAILED');
  t.deepEqual(
    (await state.read('x.json')).map((bytes) => Buffer.from(bytes).toString()),
    ['new'],
  );
});

test('what is there already is not written again', async (t) => {
  const directory = await temporaryDirectory(t);
  const state = await openDeviceState(directory);
  await state.write('x.json', Buffer.from('same'));
  const inodes = () =>
    Promise.all(['a', 'b'].map(async (copy) => (await stat(join(directory, `x.json.${copy}`))).ino));
  const before = await inodes();
  await state.write('x.json', Buffer.from('same'));
  t.deepEqual(await inodes(), before);
  await writeFile(join(directory, 'x.json.b'), 'torn');
  await state.write('x.json', Buffer.from('same'));
  t.is((await inodes())[0], before[0]);
  t.is(await readFile(join(directory, 'x.json.b'), 'utf8'), 'same');
});
