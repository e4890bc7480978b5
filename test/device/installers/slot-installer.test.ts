import { execFileSync } from 'node:child_process';
import { link, open, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { sha256Hex } from '../../../src/core/digest.ts';
import { MiB } from '../../../src/core/sizes.ts';
import { SlotInstaller } from '../../../src/device/installers/slot-installer.ts';
import { loopDevice } from '../../support/loop-device.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const bytes = seededBytes('slot', 2 * MiB + 12_345);
const image = { version: '2', size: bytes.length, sha256: sha256Hex(bytes) };

async function flip(path: string, at: number): Promise<void> {
  const handle = await open(path, 'r+');
  await handle.write(Buffer.from([(bytes[at] ?? 0) ^ 1]), 0, 1, at);
  await handle.close();
}

test('the other slot is written in place, with the active one as seed', async (t) => {
  const directory = await temporaryDirectory(t);
  const [active, target] = [join(directory, 'a'), join(directory, 'b')];
  await writeFile(active, 'old');
  await writeFile(target, 'older');
  const installer = new SlotInstaller({ target, active });
  t.deepEqual(await installer.prepare(), { output: target, inPlace: true, seeds: [active] });
  t.deepEqual(await installer.status(), { present: true });
  const single = new SlotInstaller({ target });
  t.deepEqual(await single.prepare(), { output: target, inPlace: true, seeds: [] });
  t.deepEqual(await single.status(), { present: false });
});

test('every byte is read back, and one that differs is found, as often as asked', async (t) => {
  const target = join(await temporaryDirectory(t), 'b');
  await writeFile(target, bytes);
  const installer = new SlotInstaller({ target });
  const seen: number[] = [];
  const onProgress = (done: number, total: number) => void seen.push(done, total);
  await installer.install({ ...image, path: target }, { onProgress });
  t.deepEqual(seen.slice(-2), [bytes.length, bytes.length]);
  for (const at of [0, MiB, bytes.length - 1]) {
    await flip(target, at);
    const error = await throwsSilt(t, () => installer.install({ ...image, path: target }), 'INSTALL_FAILED');
    t.regex(error.message, /expected SHA-256/);
    await writeFile(target, bytes);
  }
  await installer.install({ ...image, path: target });
});

test('a file that is too short or too long is not the image', async (t) => {
  const target = join(await temporaryDirectory(t), 'b');
  await writeFile(target, bytes);
  const installer = new SlotInstaller({ target });
  for (const size of [bytes.length + 1, bytes.length - 1, 0]) {
    await truncate(target, size);
    const error = await throwsSilt(t, () => installer.install({ ...image, path: target }), 'INSTALL_FAILED');
    t.regex(error.message, new RegExp(`expected ${bytes.length} bytes, found ${size}`));
  }
});

test('a device may be larger than the image, and its bytes come from the medium', async (t) => {
  const target = await loopDevice(t, 4 * MiB);
  if (target === undefined) return;
  const installer = new SlotInstaller({ target });
  const handle = await open(target, 'r+');
  await handle.write(bytes, 0);
  await handle.close();
  await installer.install({ ...image, path: target });
  await flip(target, bytes.length - 1);
  await throwsSilt(t, () => installer.install({ ...image, path: target }), 'INSTALL_FAILED');
  const tooLarge = { version: '2', size: 5 * MiB, sha256: image.sha256, path: target };
  t.regex(
    (await throwsSilt(t, () => installer.install(tooLarge), 'INSTALL_FAILED')).message,
    /found 4194304 bytes/,
  );
});

test('a device that is read-only can be verified, since nothing is written', async (t) => {
  const target = await loopDevice(t, 4 * MiB);
  if (target === undefined) return;
  const handle = await open(target, 'r+');
  await handle.write(bytes, 0);
  await handle.sync();
  await handle.close();
  const losetup = (...args: string[]) => execFileSync('losetup', args, { encoding: 'utf8' }).trim();
  const backing = losetup('-n', '-O', 'BACK-FILE', target);
  const readOnly = losetup('--read-only', '--find', '--show', backing);
  t.teardown(() => void losetup('--detach', readOnly));
  await t.throwsAsync(writeFile(readOnly, 'x', { flag: 'r+' }), undefined, 'it is read-only');
  await new SlotInstaller({ target: readOnly }).install({ ...image, path: readOnly });
});

test('the slot in use is never the target, whatever its other names', async (t) => {
  const directory = await temporaryDirectory(t);
  const active = join(directory, 'a');
  await writeFile(active, 'old');
  await symlink('a', join(directory, 'link'));
  await link(active, join(directory, 'hard'));
  for (const name of ['a', 'link', 'hard']) {
    const installer = new SlotInstaller({ target: join(directory, name), active });
    t.regex((await throwsSilt(t, () => installer.prepare(), 'TARGET_INVALID')).message, /one in use/);
  }
});

test('a slot that is missing or no file is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  for (const target of [directory, join(directory, 'none')]) {
    await throwsSilt(t, () => new SlotInstaller({ target }).prepare(), 'TARGET_INVALID');
  }
  await throwsSilt(t, () => new SlotInstaller({ target: join(directory, 'x', '\0') }).prepare(), 'IO_FAILED');
});

test('commit, rollback and finish leave the slots alone, in any order', async (t) => {
  const directory = await temporaryDirectory(t);
  const [active, target] = [join(directory, 'a'), join(directory, 'b')];
  await writeFile(active, 'old');
  await writeFile(target, bytes);
  const installer = new SlotInstaller({ target, active });
  for (const step of ['rollback', 'commit', 'commit', 'rollback', 'finish', 'finish', 'rollback'] as const) {
    await installer[step]();
  }
  t.is(await readFile(active, 'utf8'), 'old');
  t.is(sha256Hex(await readFile(target)), image.sha256);
});

test('reading back can be stopped', async (t) => {
  const target = join(await temporaryDirectory(t), 'b');
  await writeFile(target, bytes);
  const stop = new AbortController();
  const onProgress = () => stop.abort(new Error('stopped'));
  const action = new SlotInstaller({ target }).install(
    { ...image, path: target },
    { signal: stop.signal, onProgress },
  );
  await t.throwsAsync(action, { message: 'stopped' });
});
