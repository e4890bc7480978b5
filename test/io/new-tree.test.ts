import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { NewTree, removeTree } from '../../src/io/new-tree.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('a tree gets its files, links and modes, also below directories that may not be written to', async (t) => {
  const path = join(await temporaryDirectory(t), 'tree');
  const tree = await NewTree.create(path);
  await tree.addDirectory('closed', 0o555);
  const file = await tree.addFile('closed/file', 0o751);
  await file.write(Buffer.from('one'));
  await file.write(Buffer.from(' two'));
  await file.close();
  await tree.addHardLink('closed/also', 'closed/file');
  await tree.addSymlink('link', 'closed/file');
  await tree.addDirectory('later', 0o700);
  tree.setMode('later', 0o711);
  await tree.finish();
  t.is(await readFile(join(path, 'link'), 'utf8'), 'one two');
  t.is((await stat(join(path, 'closed/also'))).mode & 0o777, 0o751);
  t.is((await stat(join(path, 'closed'))).mode & 0o777, 0o555);
  t.is((await stat(join(path, 'later'))).mode & 0o777, 0o711);
  await removeTree(path);
  await throwsSilt(t, () => tree.addSymlink('link', 'x'), 'IO_FAILED');
});

test('no name that is there is ever opened, not even behind a link', async (t) => {
  const directory = await temporaryDirectory(t);
  const tree = await NewTree.create(join(directory, 'tree'));
  await writeFile(join(directory, 'outside'), 'untouched');
  await symlink('../outside', join(directory, 'tree', 'link'));
  await throwsSilt(t, () => tree.addFile('link', 0o644), 'IO_FAILED');
  await throwsSilt(t, () => tree.addDirectory('link', 0o755), 'IO_FAILED');
  await throwsSilt(t, () => tree.addSymlink('link', 'x'), 'IO_FAILED');
  await throwsSilt(t, () => tree.addHardLink('link', '../outside'), 'IO_FAILED');
  await throwsSilt(t, () => NewTree.create(join(directory, 'tree')), 'IO_FAILED');
  t.is(await readFile(join(directory, 'outside'), 'utf8'), 'untouched');
});

test('removing a tree follows no link', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'tree', 'deep'), { recursive: true });
  await writeFile(join(directory, 'outside'), '');
  await symlink('..', join(directory, 'tree', 'deep', 'up'));
  await symlink('../..', join(directory, 'tree', 'out'));
  await removeTree(join(directory, 'tree'));
  await removeTree(join(directory, 'tree'));
  t.deepEqual(await readdir(directory), ['outside']);
});
