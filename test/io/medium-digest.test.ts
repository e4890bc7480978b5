import { execFileSync } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { sha256Hex } from '../../src/core/digest.ts';
import { MiB } from '../../src/core/sizes.ts';
import { digestOnMedium } from '../../src/io/medium-digest.ts';
import { loopDevice } from '../support/loop-device.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('files of every size have the digest of their bytes, whole or of a part', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  for (const size of [0, 1, 511, 512, 4096, 5000, MiB - 1, MiB, MiB + 1, 3 * MiB + 4097]) {
    const bytes = seededBytes(`medium ${size}`, size);
    await writeFile(path, bytes);
    for (const length of [size, Math.floor(size / 2), size + 100]) {
      const found = await digestOnMedium(path, length);
      t.is(found.size, size);
      t.is(found.sha256, sha256Hex(bytes.subarray(0, length)));
    }
  }
});

test('a file system in memory is read as well, directly or not', async (t) => {
  const disk = await smallDisk(t, 4 * MiB);
  if (disk === undefined) return;
  const bytes = seededBytes('memory', 2 * MiB + 77);
  await writeFile(join(disk, 'file'), bytes);
  t.is((await digestOnMedium(join(disk, 'file'), bytes.length)).sha256, sha256Hex(bytes));
});

test('what the page cache remembers is not believed', async (t) => {
  const device = await loopDevice(t, MiB);
  if (device === undefined) return;
  const before = await readFile(device);
  // Behind the back of the device: its cache still has the zeros, its medium no longer.
  const backing = execFileSync('losetup', ['-n', '-O', 'BACK-FILE', device], { encoding: 'utf8' }).trim();
  const bytes = seededBytes('behind', MiB);
  const handle = await open(backing, 'r+');
  await handle.write(bytes, 0, bytes.length, 0);
  await handle.sync();
  const { sha256, direct } = await digestOnMedium(device, MiB);
  await handle.close();
  if (direct) t.is(sha256, sha256Hex(bytes));
  else t.is(sha256, sha256Hex(before), 'no O_DIRECT here, and it says so');
});

test('what is no file, missing, or being given up is told', async (t) => {
  const directory = await temporaryDirectory(t);
  await throwsSilt(t, () => digestOnMedium(directory, 1), 'IO_FAILED');
  await throwsSilt(t, () => digestOnMedium(join(directory, 'none'), 1), 'IO_FAILED');
  await writeFile(join(directory, 'file'), 'x');
  const signal = AbortSignal.abort(new Error('stopped'));
  await t.throwsAsync(digestOnMedium(join(directory, 'file'), 1, { signal }), { message: 'stopped' });
});
