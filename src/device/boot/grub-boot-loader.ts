/**
 * GRUB by the variables `ORDER`, `<slot>_OK` and `<slot>_TRY` in its environment block, as the GRUB scripts of
 * RAUC use them: a slot is started when OK is 1 and TRY is 0, and the script sets TRY to 1 before it starts it.
 *
 * So GRUB always counts, and to one: a slot has a single try, whatever is asked for, and must be marked good
 * after every healthy start. Every change here is one atomic replacement of the file. GRUB does not replay the
 * journal of a file system: keep the block on the EFI system partition, or on ext4 rather than XFS.
 *
 * @module
 */
import { realpath } from 'node:fs/promises';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { replaceFile } from '../../io/atomic.ts';
import { ioError, systemCode } from '../../io/io-error.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import type { BootLoader, BootSlot, SlotState } from './boot-loader.ts';
import { bootState, checkSlotNames, requireSlot, requireTries } from './boot-slots.ts';
import {
  decodeGrubEnvironment,
  encodeGrubEnvironment,
  GRUB_ENVIRONMENT_BYTES,
  type GrubEnvironment,
  grubVariable,
  withGrubVariables,
} from './grub-environment.ts';

/** A slot's name begins the names of its variables. */
const SLOT_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

export interface GrubOptions {
  /** The environment block, such as `/boot/efi/EFI/BOOT/grubenv`; a symbolic link is followed. */
  readonly path: string;
  /** Names that `ORDER` may hold. Others in it are kept and passed over. */
  readonly slots: readonly BootSlot[];
}

/** @throws SiltError CONFIG_INVALID for names that cannot be slots */
export function grubBootLoader({ path, slots }: GrubOptions): BootLoader {
  checkSlotNames(slots, SLOT_NAME);

  async function change(slot: BootSlot, ok: boolean, first: boolean): Promise<void> {
    requireSlot(slots, slot);
    const { file, environment } = await readEnvironment(path, slots);
    const order = orderOf(environment, path, slots);
    const changed = withGrubVariables(environment, {
      [`${slot}_OK`]: ok ? '1' : '0',
      [`${slot}_TRY`]: '0',
      ...(first && { ORDER: [slot, ...order.filter((name) => name !== slot)].join(' ') }),
    });
    // Written even when nothing changes: what is there may not have reached the disk yet.
    await replaceFile(file, encodeGrubEnvironment(changed));
  }

  return {
    async read() {
      const { environment } = await readEnvironment(path, slots);
      const order = orderOf(environment, path, slots).filter((name) => slots.includes(name));
      const rest = slots.filter((name) => !order.includes(name));
      return bootState([
        ...order.map((name) => slotState(environment, path, name)),
        ...rest.map((name) => ({ name, triesLeft: 0, bootable: false })),
      ]);
    },
    async activate(slot, tries) {
      requireTries(tries);
      await change(slot, true, true);
    },
    markGood: (slot) => change(slot, true, true),
    markBad: (slot) => change(slot, false, false),
  };
}

function slotState(environment: GrubEnvironment, path: string, name: BootSlot): SlotState {
  const isOk = flag(environment, path, `${name}_OK`);
  const isTried = flag(environment, path, `${name}_TRY`);
  const bootable = isOk && !isTried;
  return { name, triesLeft: bootable ? 1 : 0, bootable };
}

/** A variable that is 0 or 1; 0 where it is missing, as the script presets it. */
function flag(environment: GrubEnvironment, path: string, name: string): boolean {
  const value = grubVariable(environment, name) ?? '0';
  if (value === '0' || value === '1') return value === '1';
  throw invalid(
    path,
    `expected ${name} in ${path} to be 0 or 1, found ${JSON.stringify(value.slice(0, 40))}; set it with grub-editenv`,
  );
}

/** The slots of `ORDER`, each where it comes first. */
function orderOf(environment: GrubEnvironment, path: string, slots: readonly BootSlot[]): BootSlot[] {
  const order = grubVariable(environment, 'ORDER');
  if (order === undefined) {
    const what = `grub-editenv ${path} set ORDER="${slots.join(' ')}" ${slots[0]}_OK=1 ${slots[0]}_TRY=0`;
    throw invalid(path, `expected the variable ORDER in ${path}, found none; set it with: ${what}`);
  }
  return [...new Set(order.split(' ').filter((name) => name !== ''))];
}

/** The environment, and the file that holds it, behind any links. */
async function readEnvironment(
  path: string,
  slots: readonly BootSlot[],
): Promise<{ readonly file: string; readonly environment: GrubEnvironment }> {
  const repair = `grub-editenv ${path} create, then grub-editenv ${path} set ORDER="${slots.join(' ')}" and, of each slot that works, NAME_OK=1 NAME_TRY=0`;
  try {
    const file = await realpath(path);
    const bytes = await readSmallFile(file, GRUB_ENVIRONMENT_BYTES);
    if (bytes !== undefined) return { file, environment: decodeGrubEnvironment(bytes) };
  } catch (error) {
    if (isSiltError(error, 'BOOT_STATE_INVALID') || isSiltError(error, 'FORMAT_INVALID')) {
      throw invalid(path, `${path}: ${error.message}: ${repair}`, error);
    }
    if (systemCode(error) !== 'ENOENT') throw ioError(error, 'read', path);
  }
  throw invalid(path, `expected a GRUB environment at ${path}, found none; create it: ${repair}`);
}

function invalid(path: string, message: string, cause?: unknown): SiltError {
  return new SiltError('BOOT_STATE_INVALID', message, {
    details: { path },
    ...(cause !== undefined && { cause }),
  });
}
