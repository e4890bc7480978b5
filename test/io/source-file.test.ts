import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { SourceFile, sameVersion } from '../../src/io/source-file.ts';
import { loopDevice } from '../support/loop-device.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('reads at any place, and less only at the end', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  const bytes = seededBytes('source', 100_000);
  await writeFile(path, bytes);
  using file = SourceFile.open(path);
  t.is(file.size, bytes.length);
  t.false(file.isBlockDevice);
  for (const [at, length, expected] of [
    [0, 100_000, 100_000],
    [99_999, 1, 1],
    [99_999, 10, 1],
    [100_000, 10, 0],
    [200_000, 10, 0],
    [50_000, 0, 0],
  ] as const) {
    const into = new Uint8Array(length);
    t.is(file.read(at, into), expected);
    t.deepEqual(into.subarray(0, expected), bytes.subarray(at, at + expected));
  }
});

test('follows links, and refuses what has no bytes at places', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  await writeFile(path, 'bytes');
  await symlink('file', join(directory, 'link'));
  using file = SourceFile.open(join(directory, 'link'));
  t.is(file.size, 5);
  await mkdir(join(directory, 'directory'));
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  await symlink('nowhere', join(directory, 'dangling'));
  for (const name of ['directory', 'pipe', 'dangling', 'missing', 'file/below']) {
    const error = await throwsSilt(t, async () => SourceFile.open(join(directory, name)), 'IO_FAILED');
    t.true(error.message.includes(name.split('/')[0] ?? ''));
  }
  await throwsSilt(t, async () => SourceFile.open('/dev/null'), 'IO_FAILED');
});

test('a version changes with the bytes, the size and the file', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  await writeFile(path, 'bytes');
  await utimes(path, 1_700_000_000, 1_700_000_000);
  const version = () => {
    using file = SourceFile.open(path);
    return file.version();
  };
  const first = version();
  t.true(sameVersion(first, version()));
  await utimes(path, 1_700_000_000, 1_700_000_000.001);
  t.false(sameVersion(first, version()));
  await utimes(path, 1_700_000_000, 1_700_000_000);
  t.true(sameVersion(first, version()));
  await appendFile(path, 'x');
  await utimes(path, 1_700_000_000, 1_700_000_000);
  t.false(sameVersion(first, version()));
});

test('a file that becomes shorter gives what there is', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  await writeFile(path, seededBytes('shorter', 10_000));
  using file = SourceFile.open(path);
  await truncate(path, 4000);
  t.is(file.read(0, new Uint8Array(10_000)), 4000);
});

test('knows the size of a block device', async (t) => {
  for (const size of [512, 4 * KiB, 3 * MiB, 5 * MiB + 512]) {
    const device = await loopDevice(t, size);
    if (device === undefined) return;
    using file = SourceFile.open(device);
    t.true(file.isBlockDevice);
    t.is(file.size, size);
    t.is(file.read(size - 100, new Uint8Array(200)), 100);
    t.deepEqual(file.version(), { size, changed: '0', inode: '0' });
  }
});
