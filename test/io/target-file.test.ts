import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { promote, TargetFile } from '../../src/io/target-file.ts';
import { loopDevice } from '../support/loop-device.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('writes at any place, and holes read as zeros', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  const file = TargetFile.open(path, true);
  t.is(file.initialSize, 0);
  const bytes = seededBytes('target', 5000);
  file.write(1_000_000, bytes);
  file.write(10, bytes.subarray(0, 100));
  const found = new Uint8Array(200);
  t.is(file.read(0, found), 200);
  t.deepEqual(found, Uint8Array.of(...new Uint8Array(10), ...bytes.subarray(0, 100), ...new Uint8Array(90)));
  file.resize(2_000_000);
  file.sync();
  file.close();
  const { size, blocks } = await stat(path);
  t.is(size, 2_000_000);
  t.true(blocks * 512 < 200_000);
  const again = TargetFile.open(path, false);
  t.is(again.initialSize, 2_000_000);
  again.resize(50);
  again.close();
  t.deepEqual(new Uint8Array(await readFile(path)), found.slice(0, 50));
});

test('creates only when told to, and refuses what cannot be written at places', async (t) => {
  const directory = await temporaryDirectory(t);
  await throwsSilt(t, async () => TargetFile.open(join(directory, 'missing'), false), 'IO_FAILED');
  await mkdir(join(directory, 'directory'));
  await throwsSilt(t, async () => TargetFile.open(join(directory, 'directory'), false), 'IO_FAILED');
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  await throwsSilt(t, async () => TargetFile.open(join(directory, 'pipe'), false), 'TARGET_INVALID');
});

test('a finished file takes the place of what has its name', async (t) => {
  const directory = await temporaryDirectory(t);
  const [path, name] = [join(directory, 'new'), join(directory, 'name')];
  await writeFile(path, 'new');
  await writeFile(name, 'old');
  await promote(path, name);
  t.is(await readFile(name, 'utf8'), 'new');
  await throwsSilt(t, () => promote(path, name), 'IO_FAILED');
  t.is(await readFile(name, 'utf8'), 'new');
});

test('writes a block device up to its end, and not beyond', async (t) => {
  const device = await loopDevice(t, MiB);
  if (device === undefined) return;
  const file = TargetFile.open(device, false);
  t.true(file.isBlockDevice);
  t.is(file.initialSize, MiB);
  const bytes = seededBytes('device', 5000);
  file.write(MiB - 5000, bytes);
  file.sync();
  const found = new Uint8Array(5000);
  t.is(file.read(MiB - 5000, found), 5000);
  t.deepEqual(found, bytes);
  await throwsSilt(t, async () => file.write(MiB - 100, bytes), 'NO_SPACE');
  file.close();
});

test('a block device that somebody has mounted is left alone', async (t) => {
  const device = await loopDevice(t, MiB);
  if (device === undefined) return;
  // What mounting does: open(2), O_EXCL.
  const fd = openSync(device, constants.O_RDWR | constants.O_EXCL);
  const error = await throwsSilt(t, async () => TargetFile.open(device, false), 'TARGET_INVALID');
  t.regex(error.message, /in use/);
  const shared = TargetFile.open(device, false, { shared: true });
  t.is(shared.initialSize, MiB);
  shared.close();
  closeSync(fd);
  TargetFile.open(device, false).close();
});
