/**
 * U-Boot as a {@link BootLoader}, by the variables that RAUC's boot script for it uses, so that devices with
 * such a script need no other one:
 *
 *     BOOT_ORDER     names of slots with spaces between, in the order in which they are tried; without it all
 *     BOOT_<s>_LEFT  starts left of slot s, hexadecimal; the script takes one away before each; without it full tries
 *
 * The script starts the first slot of the order that has starts left, and saves. When none has any it gives full
 * tries to all, and begins anew with the order; so a bad slot has to leave the order and not only its tries.
 * Every method changes the environment by one write at most, and keeps every other variable.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { BootLoader, BootSlot, BootState, SlotState } from './boot-loader.ts';
import type { UbootVariables } from './uboot-environment.ts';
import type { UbootStorage } from './uboot-storage.ts';

export interface UbootBootLoaderOptions {
  /** Those that the script knows, in the order it takes without BOOT_ORDER. */
  readonly slots: readonly BootSlot[];
  /** Starts of a good slot, and those the script gives where nothing is stored: 1 to {@link MAX_TRIES}. Default 3. */
  readonly tries?: number | undefined;
}

/** One digit, which means the same to scripts that read hexadecimal numbers and to those that read decimal ones. */
export const MAX_TRIES = 9;

const DEFAULT_TRIES = 3;
/** More slots than any device has. */
const MAX_SLOTS = 16;
const SLOT_NAME = /^[A-Za-z0-9_.-]{1,32}$/;
const ORDER = 'BOOT_ORDER';

const triesOf = (slot: BootSlot): string => `BOOT_${slot}_LEFT`;

export class UbootBootLoader implements BootLoader {
  readonly #storage: UbootStorage;
  readonly #slots: readonly BootSlot[];
  readonly #tries: number;

  /** @throws SiltError CONFIG_INVALID when slots or tries are none that the script could read */
  constructor(storage: UbootStorage, { slots, tries = DEFAULT_TRIES }: UbootBootLoaderOptions) {
    const wrong = slots.find((slot, index) => !SLOT_NAME.test(slot) || slots.indexOf(slot) !== index);
    if (wrong !== undefined || slots.length === 0 || slots.length > MAX_SLOTS) {
      const found = wrong === undefined ? `${slots.length} of them` : JSON.stringify(wrong);
      throw new SiltError(
        'CONFIG_INVALID',
        `expected 1 to ${MAX_SLOTS} different slots of letters, digits, "_", "." and "-" for U-Boot, found ${found}`,
      );
    }
    if (!isTries(tries)) {
      throw new SiltError(
        'CONFIG_INVALID',
        `expected 1 to ${MAX_TRIES} tries of a slot for U-Boot, found ${tries}`,
      );
    }
    this.#storage = storage;
    this.#slots = slots;
    this.#tries = tries;
  }

  /** `primary` is undefined when no slot has starts left, although the script then gives all of them new ones. */
  async read(): Promise<BootState> {
    const variables = this.#storage.read();
    const order = this.#order(variables);
    const all = [...new Set([...order, ...this.#slots])];
    const states = all.map((name): SlotState => {
      const triesLeft = this.#triesLeft(variables, name);
      return { name, triesLeft, bootable: triesLeft > 0 && order.includes(name) };
    });
    const bootable = states.filter((state) => state.bootable);
    return {
      order: [...bootable, ...states.filter((state) => !state.bootable)],
      primary: bootable[0]?.name,
    };
  }

  async activate(slot: BootSlot, tries: number): Promise<void> {
    if (!isTries(tries)) {
      throw failed(`expected 1 to ${MAX_TRIES} tries for the slot ${slot}, found ${tries}`, slot);
    }
    this.#putFirst(slot, tries);
  }

  /** With full tries, since the script counts good slots down as well. */
  async markGood(slot: BootSlot): Promise<void> {
    this.#putFirst(slot, this.#tries);
  }

  /** @throws SiltError BOOT_FAILED also for the only slot in the order: without an order the script takes any */
  async markBad(slot: BootSlot): Promise<void> {
    this.#checkKnown(slot);
    this.#storage.update((variables) => {
      const order = this.#order(variables).filter((name) => name !== slot);
      if (order.length === 0) {
        throw failed(
          `expected another slot in ${ORDER} to start instead of ${slot}, found none; activate one first`,
          slot,
        );
      }
      return changed(variables, slot, order, 0);
    });
  }

  #putFirst(slot: BootSlot, tries: number): void {
    this.#checkKnown(slot);
    this.#storage.update((variables) => {
      const others = this.#order(variables).filter((name) => name !== slot);
      return changed(variables, slot, [slot, ...others], tries);
    });
  }

  #checkKnown(slot: BootSlot): void {
    if (this.#slots.includes(slot)) return;
    throw failed(`expected one of the slots ${this.#slots.join(', ')}, found ${JSON.stringify(slot)}`, slot);
  }

  /** Each name once, also of slots that only the script knows, such as a rescue system. */
  #order(variables: UbootVariables): readonly BootSlot[] {
    const value = variables.get(ORDER) ?? '';
    // To the script a variable with nothing in it is none.
    if (value === '') return this.#slots;
    const names = [...new Set(value.split(/[ \t\n]+/).filter((name) => name !== ''))];
    if (names.length === 0 || names.length > MAX_SLOTS || !names.every((name) => SLOT_NAME.test(name))) {
      throw invalid(ORDER, `1 to ${MAX_SLOTS} names of slots`, value);
    }
    return names;
  }

  #triesLeft(variables: UbootVariables, slot: BootSlot): number {
    const value = variables.get(triesOf(slot)) ?? '';
    if (value === '') return this.#tries;
    if (!/^[0-9a-f]{1,8}$/i.test(value)) {
      throw invalid(triesOf(slot), 'a hexadecimal number of at most 8 digits', value);
    }
    return Number.parseInt(value, 16);
  }
}

function changed(
  variables: UbootVariables,
  slot: BootSlot,
  order: readonly BootSlot[],
  tries: number,
): UbootVariables {
  return new Map([...variables, [ORDER, order.join(' ')], [triesOf(slot), String(tries)]]);
}

function isTries(tries: number): boolean {
  return Number.isInteger(tries) && tries >= 1 && tries <= MAX_TRIES;
}

function invalid(name: string, expected: string, found: string): SiltError {
  return new SiltError(
    'BOOT_STATE_INVALID',
    `expected ${expected} in the U-Boot variable ${name}, found ${JSON.stringify(found.slice(0, 80))}; set it with fw_setenv`,
    { details: { variable: name } },
  );
}

function failed(message: string, slot: BootSlot): SiltError {
  return new SiltError('BOOT_FAILED', message, { details: { slot } });
}
