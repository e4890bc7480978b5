/**
 * Which slot an update goes to, told from which one runs. Slots with one boot name are started together, and so
 * are written together.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { BootSlot, BootState } from '../boot/boot-loader.ts';
import type { Component, SlotPaths } from './device.ts';
import type { Update } from './device-state.ts';

type BootChange = NonNullable<Update['boot']>;

export interface SlotChoice {
  /** `undefined` where the boot loader starts none of the components. */
  readonly boot: BootChange | undefined;
  /** The only slot runs: the rescue system, `boot.from`, has to be started first. */
  readonly viaRescue: boolean;
}

/** The components that the boot loader starts: those with more than one slot. */
export function startedComponents(components: readonly Component[]): readonly Component[] {
  return components.filter(({ slots }) => slots !== undefined && slots.length > 1);
}

/** Whether `slot` is that of a rescue system. */
export function isRescueSlot(components: readonly Component[], slot: BootSlot | undefined): boolean {
  return components.some(({ slots }) => slots?.some(({ boot, rescue }) => rescue && boot === slot));
}

/**
 * @param running the slot that runs, if known
 * @throws SiltError BOOT_STATE_INVALID when it has to be known and is not, or is none of the slots
 */
export function chooseSlots(
  components: readonly Component[],
  running: BootSlot | undefined,
  state: BootState | undefined,
): SlotChoice {
  const [first] = startedComponents(components);
  if (first?.slots === undefined) return { boot: undefined, viaRescue: false };
  const names = first.slots.flatMap(({ boot }) => boot ?? []);
  if (running === undefined || !names.includes(running)) {
    const found = running === undefined ? 'nothing that says which runs' : running;
    throw new SiltError(
      'BOOT_STATE_INVALID',
      `expected one of the slots ${names.join(', ')} to run, found ${found}; have the boot loader pass silt.slot=NAME to the kernel`,
      { details: { found: running } },
    );
  }
  const updated = first.slots.filter(({ rescue }) => !rescue).flatMap(({ boot }) => boot ?? []);
  const others = updated.filter((name) => name !== running);
  const rescue = first.slots.find((slot) => slot.rescue)?.boot;
  const [only] = updated;
  if (others.length === 0 && rescue !== undefined && only !== undefined) {
    return { boot: { from: rescue, target: only }, viaRescue: true };
  }
  const target = lastTried(others, state);
  if (target !== undefined) return { boot: { from: running, target }, viaRescue: false };
  throw new SiltError(
    'BOOT_STATE_INVALID',
    `the slot ${running} runs, and there is no other one to write; add a second or a rescue slot`,
  );
}

/** Of several slots, the one that would be missed least: never started, or the last in the order. */
function lastTried(names: readonly BootSlot[], state: BootState | undefined): BootSlot | undefined {
  const order = state?.order.map(({ name }) => name).filter((name) => names.includes(name)) ?? [];
  return order.at(-1) ?? names.at(-1);
}

/** Where `component` lies in this update; `undefined` for one that is not in slots. */
export function slotPaths(component: Component, boot: BootChange | undefined): SlotPaths | undefined {
  const { slots } = component;
  if (slots === undefined) return undefined;
  const [only] = slots;
  if (slots.length === 1 && only !== undefined) return { target: only.device };
  const target = slots.find((slot) => slot.boot === boot?.target);
  if (target === undefined) {
    throw new SiltError(
      'CONFIG_INVALID',
      `the update under way writes the slot ${boot?.target}, which ${component.name} no longer has; put it back until the update is done`,
    );
  }
  const active = slots.find((slot) => slot.boot === boot?.from && !slot.rescue);
  return { target: target.device, active: active?.device };
}
