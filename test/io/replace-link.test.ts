import { mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { readLink, replaceLink } from '../../src/io/replace-link.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('a link is made and replaced, and nothing else is left', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'link');
  t.is(await readLink(path), undefined);
  for (const target of ['one', 'two', 'two']) {
    await replaceLink(path, target);
    t.is(await readLink(path), target);
    t.deepEqual(await readdir(directory), ['link']);
  }
});

test('the link itself is replaced, and not what it leads to', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'inside'));
  await symlink('inside', join(directory, 'link'));
  await replaceLink(join(directory, 'link'), 'other');
  t.is(await readlink(join(directory, 'link')), 'other');
  t.deepEqual(await readdir(join(directory, 'inside')), []);
});

test('a directory is in the way, and stays', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'link'));
  await throwsSilt(t, () => replaceLink(join(directory, 'link'), 'other'), 'IO_FAILED');
  t.deepEqual(await readdir(directory), ['link']);
  await writeFile(join(directory, 'file'), '');
  await throwsSilt(t, () => readLink(join(directory, 'file')), 'IO_FAILED');
});
