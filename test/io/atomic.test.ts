import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import {
  createExclusive,
  isTemporaryName,
  makeDirectory,
  removeFile,
  replaceFile,
} from '../../src/io/atomic.ts';
import { ioError } from '../../src/io/io-error.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half of it');
  throw new Error('the source went away');
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('one ');
  yield Buffer.from('two');
}

test('a file is replaced as a whole', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'state');
  await replaceFile(path, Buffer.from('old'));
  await replaceFile(path, pieces());
  t.is(await readFile(path, 'utf8'), 'one two');
  t.deepEqual(await readdir(directory), ['state']);
});

test('a replacement that fails half-way leaves the old file and nothing else', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'state');
  await replaceFile(path, Buffer.from('old'));
  await t.throwsAsync(replaceFile(path, failing()), { message: 'the source went away' });
  await t.throwsAsync(createExclusive(join(directory, 'new'), failing()), {
    message: 'the source went away',
  });
  t.is(await readFile(path, 'utf8'), 'old');
  t.deepEqual(await readdir(directory), ['state']);
});

test('a directory in the way of a replacement is an error and leaves nothing', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'state'));
  const error = await throwsSilt(
    t,
    () => replaceFile(join(directory, 'state'), Buffer.from('x')),
    'IO_FAILED',
  );
  t.is(error.details.path, join(directory, 'state'));
  t.deepEqual(await readdir(directory), ['state']);
});

test('a file is created by exactly one of many', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'release');
  const contents = Array.from({ length: 10 }, (_, index) => `writer ${index}`);
  const outcomes = await Promise.all(contents.map((text) => createExclusive(path, Buffer.from(text))));
  t.is(outcomes.filter((outcome) => outcome === 'created').length, 1);
  t.is(await readFile(path, 'utf8'), contents[outcomes.indexOf('created')] ?? '');
  t.deepEqual(await readdir(directory), ['release']);
});

test('an existing file is never replaced, not even an empty one', async (t) => {
  const path = join(await temporaryDirectory(t), 'release');
  await writeFile(path, '');
  t.is(await createExclusive(path, Buffer.from('x')), 'exists');
  t.is(await readFile(path, 'utf8'), '');
});

test('writing into a missing directory says where', async (t) => {
  const path = join(await temporaryDirectory(t), 'missing', 'file');
  for (const write of [replaceFile, createExclusive]) {
    const error = await throwsSilt(t, () => write(path, Buffer.from('x')), 'IO_FAILED');
    t.true(error.message.includes(path));
  }
});

test('directories are made with their parents, and making them again is no error', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'a', 'b', 'c');
  await makeDirectory(path);
  await makeDirectory(path);
  await writeFile(join(path, 'file'), '');
  await throwsSilt(t, () => makeDirectory(join(path, 'file')), 'IO_FAILED');
  await throwsSilt(t, () => makeDirectory(join(path, 'file', 'd')), 'IO_FAILED');
});

test('removing a missing file is no error', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  await writeFile(path, '');
  await removeFile(path);
  await removeFile(path);
  t.pass();
});

test('a full disk and a used-up quota are NO_SPACE, a read-only disk is not', (t) => {
  const failure = (code: string): Error => Object.assign(new Error(code), { code });
  for (const code of ['ENOSPC', 'EDQUOT']) {
    const error = ioError(failure(code), 'write', '/data/slot');
    t.is(error.code, 'NO_SPACE');
    t.true(error.message.includes('/data/slot'));
    t.false(error.transient);
  }
  for (const code of ['EROFS', 'EACCES', 'EIO', 'ESOMETHING']) {
    const error = ioError(failure(code), 'write', '/data/slot');
    t.is(error.code, 'IO_FAILED');
    t.is(error.details.systemError, code);
  }
});

test('only the names of unfinished writes are temporary', (t) => {
  t.true(isTemporaryName('.silt-0123456789abcdef.tmp'));
  for (const name of ['.silt-lock', 'x.tmp', '.silt-0123456789abcdef.tmp2', 'a.silt-0123456789abcdef.tmp']) {
    t.false(isTemporaryName(name));
  }
});
