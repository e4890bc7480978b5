/**
 * Boot loaders in the configuration. Which names of slots and how many tries each can have is checked here as
 * well, so that a mistake is found with its line and not at the first update.
 *
 * @module
 */
import { MiB } from '../../core/sizes.ts';
import { MAX_TRIES } from '../boot/boot-slots.ts';
import { MAX_TRIES as MAX_UBOOT_TRIES } from '../boot/uboot-boot-loader.ts';
import { DEFAULT_SECTOR, sharesSector, type UbootPlace } from '../boot/uboot-places.ts';
import { environment } from './environment-kind.ts';
import { checked, type Kind, type Tell } from './kind.ts';
import { byDefault, listOf, optional, required, shape, variants } from './shapes.ts';
import { command, count, offset, path, size, textOf } from './text-kinds.ts';
import { duration } from './time-kinds.ts';

/** One digit: scripts of U-Boot read it as hexadecimal or as decimal. */
const ubootTries = count(1, MAX_UBOOT_TRIES);
const tries = count(1, MAX_TRIES);

const copy = shape({ path: required(path), offset: required(offset) });

const entryPrefix = textOf('letters and digits, at most 32', /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/);

/** Its places by fw_env.config, or written out. */
const uboot = checked(
  shape({
    fwEnvConfig: optional(path),
    copies: optional(listOf(copy, { least: 1, most: 2 }, 'places')),
    size: optional(size(64, MiB)),
    sectorSize: optional(size(1, MiB)),
    tries: byDefault(ubootTries, '3'),
  }),
  (found, tell) => {
    const { fwEnvConfig, copies, size, sectorSize } = found;
    if (copies === undefined) {
      if (size !== undefined) tell.mistake('expected copies with it, found none; add them', 'size');
      if (sectorSize !== undefined)
        tell.mistake('expected copies with it, found none; add them', 'sectorSize');
      return { ...found, fwEnvConfig: fwEnvConfig ?? '/etc/fw_env.config' };
    }
    if (fwEnvConfig !== undefined) {
      tell.mistake('expected fwEnvConfig or copies, found both; leave one out', 'fwEnvConfig');
    }
    if (size === undefined) tell.mistake('expected size, that of each copy, found nothing; add it', 'copies');
    else checkCopies(copies, size, sectorSize ?? DEFAULT_SECTOR, tell);
    return found;
  },
);

function checkCopies(copies: readonly UbootPlace[], size: number, sector: number, tell: Tell): void {
  const [first, second] = copies;
  if (second === undefined) {
    tell.warning(
      'one copy of the environment may be lost in a power cut; configure U-Boot for two',
      'copies',
    );
    return;
  }
  // An offset from the end says nothing about one from the begin: that is found where they are opened.
  if (first?.path !== second.path || first.offset < 0 !== second.offset < 0) return;
  if (sharesSector(first.offset, second.offset, size, sector)) {
    const message = `expected copies of ${size} bytes that share no sector of ${sector} bytes, found them too near`;
    tell.mistake(`${message}; a power cut could lose both`, 'copies');
  }
}

export const bootLoader = variants(
  {
    uboot,
    grub: shape({ environment: byDefault(path, '/boot/efi/EFI/BOOT/grubenv') }),
    'systemd-boot': shape({
      root: byDefault(path, '/boot/efi'),
      prefix: byDefault(entryPrefix, 'silt'),
      tries: byDefault(tries, '3'),
    }),
    command: shape({
      command: required(command),
      timeout: byDefault(duration('1s', '10min'), '30s'),
      environment: optional(environment),
    }),
    simulated: shape({ state: required(path), tries: byDefault(tries, '3') }),
    none: shape({}),
  },
  'a boot loader',
);

export type BootLoaderConfig = typeof bootLoader extends Kind<infer T> ? T : never;

/** What the boot loader's files or scripts make of names of slots; undefined where anything goes. */
export function slotNameOf(type: BootLoaderConfig['type']): { pattern: RegExp; means: string } | undefined {
  if (type !== 'grub') return undefined;
  // They begin names of GRUB's variables.
  return { pattern: /^[A-Za-z][A-Za-z0-9_]*$/, means: 'letters, digits and _, a letter first' };
}
