import { readFileSync, statSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { BootLoader } from '../../src/device/boot/boot-loader.ts';
import { bootedSystem, KERNEL_FILES } from '../../src/device/booted-system.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const ID = '01234567-89ab-4def-8123-456789abcdef';

const untouched = async (): Promise<never> => {
  throw new Error('not to be called');
};
const silent: BootLoader = {
  read: untouched,
  activate: untouched,
  markGood: untouched,
  markBad: untouched,
};

async function kernel(t: ExecutionContext, commandLine: string) {
  const directory = await temporaryDirectory(t);
  const inside = (name: string): string => join(directory, name);
  await writeFile(inside('cmdline'), `${commandLine}\n`);
  await writeFile(inside('boot_id'), `${ID}\n`);
  await mkdir(inside('root'));
  await writeFile(inside('a'), 'a file');
  const slots = [
    { boot: 'A', device: inside('a') },
    { boot: 'B', device: inside('missing') },
  ];
  return {
    inside,
    slots,
    files: { commandLine: inside('cmdline'), bootId: inside('boot_id'), root: inside('root') },
  };
}

const commandLines: Readonly<Record<string, string | undefined>> = {
  'quiet silt.slot=B root=/dev/sda2': 'B',
  'rauc.slot=B': 'B',
  'rauc.slot=A silt.slot=B': 'B',
  'silt.slot=A silt.slot=B': 'B',
  'silt.slot="B"': 'B',
  'silt.slot=rescue rauc.slot=A': undefined,
  'silt.slot=': undefined,
  'xsilt.slot=B silt.slots=B': undefined,
  '': undefined,
};

for (const [commandLine, slot] of Object.entries(commandLines)) {
  test(`the command line "${commandLine}" means ${slot ?? 'no slot'}`, async (t) => {
    const { slots, files } = await kernel(t, commandLine);
    t.deepEqual(await bootedSystem(silent, slots, files), { bootId: ID, slot });
  });
}

test('a boot loader that knows is believed, and one that does not leaves it to the kernel', async (t) => {
  const { slots, files } = await kernel(t, 'silt.slot=B');
  const knowing = { ...silent, booted: async () => 'A', bootId: async () => 'start 7' };
  t.deepEqual(await bootedSystem(knowing, slots, files), { bootId: 'start 7', slot: 'A' });
  const other = { ...silent, booted: async () => undefined };
  t.deepEqual(await bootedSystem(other, slots, files), { bootId: ID, slot: 'B' });
});

/** A block device that is mounted on this machine; in a container there may be none. */
const found = mountedBlockDevice();
const mountedTest = found === undefined ? test.skip : test;

mountedTest('the slot whose block device is the root file system runs', async (t) => {
  const { inside, slots, files } = await kernel(t, 'quiet');
  const { device, mounted } = found!;
  // A link to it, as in /dev/disk, will do.
  await symlink(device, inside('missing'));
  t.is((await bootedSystem(silent, slots, { ...files, root: mounted })).slot, 'B');
  // Two slots on one device cannot be.
  await rm(inside('a'));
  await symlink(device, inside('a'));
  t.is((await bootedSystem(silent, slots, { ...files, root: mounted })).slot, undefined);
});

test('slots that are files or missing are never taken for the root file system', async (t) => {
  const { slots, files } = await kernel(t, 'quiet');
  t.is((await bootedSystem(silent, slots, { ...files, root: '/' })).slot, undefined);
  t.is((await bootedSystem(undefined, [], files)).slot, undefined);
});

test('without the id of a boot there is no answer, and without a command line there is', async (t) => {
  const { inside, slots, files } = await kernel(t, 'quiet');
  t.deepEqual(await bootedSystem(silent, slots, { ...files, commandLine: inside('none') }), {
    bootId: ID,
    slot: undefined,
  });
  for (const content of ['', 'not an id\n']) {
    await writeFile(files.bootId, content);
    const error = await throwsSilt(t, () => bootedSystem(silent, slots, files), 'IO_FAILED');
    t.regex(error.message, /id of this boot/);
  }
  await writeFile(files.bootId, ID);
  await writeFile(files.commandLine, 'x'.repeat(70_000));
  await throwsSilt(t, () => bootedSystem(silent, slots, files), 'FORMAT_INVALID');
});

test('the id of this boot is that of the running kernel', async (t) => {
  const { bootId } = await bootedSystem(undefined, [], KERNEL_FILES);
  t.regex(bootId, /^[0-9a-f-]{36}$/);
});

function mountedBlockDevice(): { readonly device: string; readonly mounted: string } | undefined {
  const look = (path: string) => statSync(path, { throwIfNoEntry: false });
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [device = '', mounted = ''] = line.split(' ');
    if (!device.startsWith('/dev/') || mounted.includes('\\')) continue;
    const stats = look(device);
    if (stats?.isBlockDevice() === true && look(mounted)?.dev === stats.rdev) return { device, mounted };
  }
  return undefined;
}
