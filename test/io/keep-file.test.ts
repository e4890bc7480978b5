import { link, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { hasName, keepFile, putBack } from '../../src/io/keep-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('a kept file is a link, or a copy with the same mode', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  await writeFile(path, 'bytes', { mode: 0o640 });
  await keepFile(path, `${path}.link`);
  await keepFile(path, `${path}.copy`, { copy: true });
  t.is((await stat(`${path}.link`)).ino, (await stat(path)).ino);
  const copied = await stat(`${path}.copy`);
  t.not(copied.ino, (await stat(path)).ino);
  t.is(copied.mode & 0o777, 0o640);
  t.is(await readFile(`${path}.copy`, 'utf8'), 'bytes');
  t.deepEqual((await readdir(directory)).sort(), ['file', 'file.copy', 'file.link']);
});

test('what is kept already is left alone', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  await writeFile(path, 'new');
  await writeFile(`${path}.kept`, 'old');
  for (const copy of [true, false]) {
    await keepFile(path, `${path}.kept`, { copy });
    t.is(await readFile(`${path}.kept`, 'utf8'), 'old');
  }
});

test('putting back works once, and two names of one file become one', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  await writeFile(path, 'new');
  await writeFile(`${path}.kept`, 'old');
  t.true(await putBack(`${path}.kept`, path));
  t.false(await putBack(`${path}.kept`, path));
  t.is(await readFile(path, 'utf8'), 'old');
  await link(path, `${path}.kept`);
  t.true(await putBack(`${path}.kept`, path));
  t.deepEqual(await readdir(directory), ['file']);
});

test('what is not there cannot be kept', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  for (const copy of [true, false]) {
    await throwsSilt(t, () => keepFile(path, `${path}.kept`, { copy }), 'IO_FAILED');
    t.false(await hasName(`${path}.kept`));
  }
});
