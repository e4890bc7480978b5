/**
 * The boot loader that a configuration describes.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { readSmallFile } from '../io/read-small-file.ts';
import type { BootLoader, BootSlot } from './boot/boot-loader.ts';
import { commandBootLoader } from './boot/command-boot-loader.ts';
import { grubBootLoader } from './boot/grub-boot-loader.ts';
import { simulatedBootLoader } from './boot/simulated-boot-loader.ts';
import { systemdBootLoader } from './boot/systemd-boot-loader.ts';
import { UbootBootLoader } from './boot/uboot-boot-loader.ts';
import { parseFwEnvConfig } from './boot/uboot-config.ts';
import type { UbootPlaces } from './boot/uboot-places.ts';
import { UbootStorage } from './boot/uboot-storage.ts';
import type { BootLoaderConfig } from './config/boot-loader-members.ts';
import type { ComponentConfig } from './config/component-members.ts';

export interface ConfiguredBootLoader {
  /** `undefined` where no slot is chosen: `type: none`, or nothing that has a name to start. */
  readonly loader: BootLoader | undefined;
  /** Starts that a new system gets until it falls back. */
  readonly tries: number;
}

type UbootConfig = Extract<BootLoaderConfig, { readonly type: 'uboot' }>;

/** GRUB's scripts count to one. */
const GRUB_TRIES = 1;
/** What a program is told that has a number of its own, or none. */
const COMMAND_TRIES = 3;
const MAX_FW_ENV_CONFIG = 16 * KiB;

/** The names of all slots that can be started, in declared order; those of a rescue system too. */
export function bootSlots(components: readonly ComponentConfig[]): readonly BootSlot[] {
  const names = components.flatMap(({ installer }) =>
    installer.type === 'slots'
      ? installer.slots.flatMap(({ boot }) => (boot === undefined ? [] : [boot]))
      : [],
  );
  return [...new Set(names)];
}

/**
 * The boot loader of `config`. Nothing is opened or read before it is asked.
 *
 * @throws SiltError CONFIG_INVALID for names that cannot be slots
 */
export function makeBootLoader(config: BootLoaderConfig, slots: readonly BootSlot[]): ConfiguredBootLoader {
  const tries = 'tries' in config ? config.tries : config.type === 'grub' ? GRUB_TRIES : COMMAND_TRIES;
  return { loader: slots.length === 0 ? undefined : loaderOf(config, slots), tries };
}

function loaderOf(config: BootLoaderConfig, slots: readonly BootSlot[]): BootLoader | undefined {
  switch (config.type) {
    case 'uboot':
      return openedWhenAsked(async () => {
        const storage = UbootStorage.open(await ubootPlaces(config));
        return new UbootBootLoader(storage, { slots, tries: config.tries });
      });
    case 'grub':
      return grubBootLoader({ path: config.environment, slots });
    case 'systemd-boot':
      return systemdBootLoader({ root: config.root, prefix: config.prefix, slots });
    case 'command':
      return commandBootLoader({
        command: config.command,
        slots,
        limitMs: config.timeout * 1000,
        env: config.environment,
      });
    case 'simulated':
      return simulatedBootLoader({ path: config.state, slots });
    case 'none':
      return undefined;
  }
}

/** @throws SiltError CONFIG_INVALID, IO_FAILED */
async function ubootPlaces({ fwEnvConfig, copies, size, sectorSize }: UbootConfig): Promise<UbootPlaces> {
  const [first, second] = copies ?? [];
  if (first !== undefined && size !== undefined) {
    return { copies: second === undefined ? [first] : [first, second], size, sectorSize };
  }
  const path = fwEnvConfig ?? '/etc/fw_env.config';
  const bytes = await readSmallFile(path, MAX_FW_ENV_CONFIG);
  if (bytes !== undefined) return parseFwEnvConfig(bytes.toString('utf8'), path);
  throw new SiltError(
    'CONFIG_INVALID',
    `expected ${path} to say where the environment of U-Boot is, found no such file; write it, or name the copies in the configuration`,
    { details: { path } },
  );
}

/** Its medium may come later than silt does, or be gone for a while; what fails is tried again when asked again. */
function openedWhenAsked(open: () => Promise<BootLoader>): BootLoader {
  let opened: Promise<BootLoader> | undefined;
  const loader = (): Promise<BootLoader> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    read: async () => (await loader()).read(),
    activate: async (slot, tries) => (await loader()).activate(slot, tries),
    markGood: async (slot) => (await loader()).markGood(slot),
    markBad: async (slot) => (await loader()).markBad(slot),
  };
}
