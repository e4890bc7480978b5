/**
 * Makes the disk of a device as a factory would: GRUB, slot A with the first image, nothing in slot B, and data.
 * Nothing here needs root or a loop device.
 *
 * @module
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { DISK_BYTES, diskFront, partition } from './disk-layout.ts';
import { runTool } from './run-tool.ts';

const GRUB = '/usr/lib/grub/i386-pc';
const MODULES = [
  ...['biosdisk', 'part_msdos', 'fat', 'squash4', 'serial', 'terminal'],
  ...['normal', 'test', 'eval', 'loadenv', 'configfile', 'regexp', 'linux', 'reboot', 'sleep', 'echo'],
];

const grubConfig = fileURLToPath(new URL('../../packaging/grub/grub.cfg', import.meta.url));
const deviceConfig = fileURLToPath(new URL('guest/device.yaml', import.meta.url));

/** An emulated timer may come late on a busy host, which a kernel would take for a broken one. */
const SLOTS = `set slots="A B"
set A_partition=2
set A_device=/dev/vda2
set B_partition=3
set B_device=/dev/vda3
set rescue=""
set kernel=/boot/vmlinuz
set initrd=/boot/initrd.img
set arguments="console=ttyS0 quiet panic=1 no_timer_check"
`;

export interface Factory {
  readonly image: string;
  /** URL of the repository as the device sees it. */
  readonly repository: string;
  /** The root of trust. */
  readonly root: string;
}

/** Makes the disk `path`; `work` is for what it is made of. */
export async function makeDisk(path: string, work: string, factory: Factory): Promise<void> {
  await mkdir(work, { recursive: true });
  const core = join(work, 'core.img');
  const prefix = '(hd0,msdos1)/grub';
  await runTool('grub-mkimage', ['-O', 'i386-pc', '-o', core, '-p', prefix, ...MODULES]);
  await writeFile(path, diskFront(await readFile(join(GRUB, 'boot.img')), await readFile(core)));
  await truncate(path, DISK_BYTES);
  await put(path, await makeBoot(work), 'boot');
  await put(path, factory.image, 'A');
  await put(path, await makeData(work, factory), 'data');
}

/** FAT, as the EFI system partition is, which GRUB and Linux both write to. */
async function makeBoot(work: string): Promise<string> {
  const image = join(work, 'boot.img');
  const directory = join(work, 'grub');
  await mkdir(directory, { recursive: true });
  const console = 'serial --unit=0 --speed=115200\nterminal_output serial\n';
  await writeFile(join(directory, 'grub.cfg'), `${console}\n${await readFile(grubConfig, 'utf8')}`);
  await writeFile(join(directory, 'slots.cfg'), SLOTS);
  const environment = join(directory, 'grubenv');
  await runTool('grub-editenv', [environment, 'create']);
  const values = ['ORDER=A B', 'A_OK=1', 'A_TRY=0', 'B_OK=0', 'B_TRY=0'];
  await runTool('grub-editenv', [environment, 'set', ...values]);
  await writeFile(image, '');
  await truncate(image, partition('boot').size);
  await runTool('mkfs.fat', ['-n', 'BOOT', image]);
  await runTool('mcopy', ['-s', '-i', image, directory, '::/grub']);
  return image;
}

async function makeData(work: string, { repository, root }: Factory): Promise<string> {
  const image = join(work, 'data.img');
  const directory = join(work, 'data');
  await mkdir(join(directory, 'cache'), { recursive: true });
  const config = await readFile(deviceConfig, 'utf8');
  await writeFile(join(directory, 'device.yaml'), config.replace('REPOSITORY', repository));
  await copyFile(root, join(directory, 'root.json'));
  const size = `${partition('data').size / 1024}k`;
  await runTool('mke2fs', ['-q', '-t', 'ext4', '-d', directory, '-E', 'root_owner=0:0', image, size]);
  return image;
}

/** Writes a file into a partition, and leaves holes where it has zeros only at its end. */
async function put(disk: string, image: string, name: 'boot' | 'A' | 'data'): Promise<void> {
  const { start, size } = partition(name);
  const file = await open(image);
  const length = await file.stat().then((stats) => stats.size);
  await file.close();
  if (length > size) throw new Error(`expected at most ${size} bytes for partition ${name}, found ${length}`);
  await pipeline(createReadStream(image), createWriteStream(disk, { flags: 'r+', start }));
}
