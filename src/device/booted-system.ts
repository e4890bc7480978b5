/**
 * Which slot runs, and an id of this start: what the boot loader knows, else what the kernel was told, else where
 * the root file system lies. Never a guess: where nothing says it, no slot is named.
 *
 * @module
 */
import { type BigIntStats, statSync } from 'node:fs';
import { SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { ioError } from '../io/io-error.ts';
import { readKernelFile } from '../io/read-kernel-file.ts';
import type { BootLoader, BootSlot } from './boot/boot-loader.ts';
import type { BootedSystem } from './update/device.ts';

/** Where the kernel tells of itself. */
export interface KernelFiles {
  readonly commandLine: string;
  readonly bootId: string;
  /** What is mounted as the root file system. */
  readonly root: string;
}

export const KERNEL_FILES: KernelFiles = {
  commandLine: '/proc/cmdline',
  bootId: '/proc/sys/kernel/random/boot_id',
  root: '/',
};

/** A slot, and one of the places that are started with it. */
export interface SlotDevice {
  readonly boot: BootSlot;
  readonly device: string;
}

/** The longest command line that any kernel takes has 64 KiB (COMMAND_LINE_SIZE). */
const MAX_COMMAND_LINE = 64 * KiB;
const MAX_BOOT_ID = 64;

/**
 * What runs.
 *
 * 1. The boot loader is asked, where it is one that knows.
 * 2. `silt.slot=NAME`, else `rauc.slot=NAME`, on the kernel's command line. The last of several counts; a name
 *    that is none of `slots` means that something else runs.
 * 3. The slot on whose block device the root file system is mounted. A file that is mounted by a loop device, an
 *    overlay and a device mapper all have numbers of their own, which say nothing: such systems need 2.
 *
 * @throws SiltError what the boot loader throws; IO_FAILED where there is no boot id
 */
export async function bootedSystem(
  loader: BootLoader | undefined,
  slots: readonly SlotDevice[],
  files: KernelFiles = KERNEL_FILES,
): Promise<BootedSystem> {
  const bootId = (await loader?.bootId?.()) ?? (await kernelBootId(files.bootId));
  const known = await loader?.booted?.();
  if (known !== undefined) return { bootId, slot: known };
  const named = await namedSlot(files.commandLine);
  if (named !== undefined) return { bootId, slot: slots.find(({ boot }) => boot === named)?.boot };
  return { bootId, slot: mountedSlot(slots, files.root) };
}

async function kernelBootId(path: string): Promise<string> {
  const id = (await readKernelFile(path, MAX_BOOT_ID))?.toString('latin1').trim() ?? '';
  if (/^[0-9a-f-]{36}$/.test(id)) return id;
  throw new SiltError(
    'IO_FAILED',
    `expected the id of this boot in ${path}, found ${id === '' ? 'nothing' : 'something else'}; is /proc mounted?`,
    { details: { path } },
  );
}

async function namedSlot(path: string): Promise<string | undefined> {
  const text = (await readKernelFile(path, MAX_COMMAND_LINE))?.toString('latin1') ?? '';
  const words = text.split(/\s+/);
  for (const key of ['silt.slot=', 'rauc.slot=']) {
    const word = words.findLast((one) => one.startsWith(key));
    if (word !== undefined) return word.slice(key.length).replace(/^"(.*)"$/, '$1');
  }
  return undefined;
}

function mountedSlot(slots: readonly SlotDevice[], root: string): BootSlot | undefined {
  const mounted = look(root)?.dev;
  const found = slots.filter(({ device }) => {
    const stats = look(device);
    return stats?.isBlockDevice() === true && stats.rdev === mounted;
  });
  // Two names for one device would be a mistake, and no reason to believe either of them.
  return new Set(found.map(({ boot }) => boot)).size === 1 ? found[0]?.boot : undefined;
}

function look(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw ioError(error, 'look at', path);
  }
}
