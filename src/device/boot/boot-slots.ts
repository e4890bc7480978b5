/**
 * What every boot loader asks of slots and tries before it touches anything, and how states are put in order.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { BootSlot, BootState, SlotState } from './boot-loader.ts';

/** As a file name, a variable and an argument of a command: no spaces, no signs, never an option. */
const SLOT_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;
const MAX_SLOTS = 16;
/** Far more starts than anybody waits for. */
export const MAX_TRIES = 99;

/**
 * Checks the slots that the configuration names.
 *
 * @param pattern narrows the names further, where the boot loader has to
 * @throws SiltError CONFIG_INVALID
 */
export function checkSlotNames(slots: readonly BootSlot[], pattern: RegExp = SLOT_NAME): void {
  if (slots.length === 0 || slots.length > MAX_SLOTS) {
    throw configInvalid(
      `expected 1 to ${MAX_SLOTS} boot slots, found ${slots.length}; name those that there are`,
    );
  }
  const seen = new Set<string>();
  for (const slot of slots) {
    if (!SLOT_NAME.test(slot) || !pattern.test(slot)) {
      throw configInvalid(
        `${JSON.stringify(slot)} cannot be the name of a boot slot; use up to 32 letters and digits, as in A`,
      );
    }
    // Some boot loaders live on FAT, which does not tell A from a.
    if (seen.has(slot.toLowerCase()))
      throw configInvalid(`the boot slot ${slot} is named twice; name each once`);
    seen.add(slot.toLowerCase());
  }
}

/** @throws SiltError BOOT_FAILED when `slot` is none of `slots` */
export function requireSlot(slots: readonly BootSlot[], slot: BootSlot): void {
  if (slots.includes(slot)) return;
  throw new SiltError(
    'BOOT_FAILED',
    `expected one of the boot slots ${slots.join(', ')}, found ${JSON.stringify(slot)}; check the slots in the configuration`,
    { details: { slot } },
  );
}

/** @throws SiltError BOOT_FAILED unless `tries` is a whole number from 1 to {@link MAX_TRIES} */
export function requireTries(tries: number): void {
  if (Number.isInteger(tries) && tries >= 1 && tries <= MAX_TRIES) return;
  throw new SiltError(
    'BOOT_FAILED',
    `expected 1 to ${MAX_TRIES} tries, found ${tries}; correct the number of tries`,
  );
}

/** The state of `slots`, given in the order of the boot loader: those that are never started go last. */
export function bootState(slots: readonly SlotState[]): BootState {
  const bootable = slots.filter((slot) => slot.bootable);
  const order = [...bootable, ...slots.filter((slot) => !slot.bootable)];
  return { order, primary: bootable[0]?.name };
}

function configInvalid(message: string): SiltError {
  return new SiltError('CONFIG_INVALID', message);
}
