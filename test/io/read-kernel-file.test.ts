import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { readKernelFile } from '../../src/io/read-kernel-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('a file that claims to be empty is read to its end', async (t) => {
  const bytes = await readKernelFile('/proc/sys/kernel/random/boot_id', 64);
  t.regex(bytes?.toString('latin1') ?? '', /^[0-9a-f-]{36}\n$/);
});

test('a file of just the limit is read, one byte more is refused', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  await writeFile(path, 'abcd');
  t.is((await readKernelFile(path, 4))?.toString(), 'abcd');
  const error = await throwsSilt(t, () => readKernelFile(path, 3), 'FORMAT_INVALID');
  t.regex(error.message, /at most 3 bytes/);
});

test('a missing file is nothing, a directory is an error', async (t) => {
  const directory = await temporaryDirectory(t);
  t.is(await readKernelFile(join(directory, 'none'), 10), undefined);
  await mkdir(join(directory, 'sub'));
  await throwsSilt(t, () => readKernelFile(join(directory, 'sub'), 10), 'IO_FAILED');
});
