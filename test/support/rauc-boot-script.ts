/**
 * The boot script that RAUC has for U-Boot (contrib/uboot.sh), as a model: what BOOT_ORDER and BOOT_<slot>_LEFT
 * mean is what it does with them.
 *
 * @module
 */
import type { UbootVariables } from '../../src/device/boot/uboot-environment.ts';

/** The slots it knows. */
export const SCRIPT_SLOTS: readonly string[] = ['A', 'B'];

/** One run: what it starts, `reset` when it gave all slots new tries instead, and the variables after it. */
export function bootOnce(variables: UbootVariables): { started: string; after: UbootVariables } {
  const after = new Map(variables);
  const get = (name: string): string => after.get(name) ?? '';
  if (get('BOOT_ORDER') === '') after.set('BOOT_ORDER', 'A B');
  for (const slot of SCRIPT_SLOTS) if (get(`BOOT_${slot}_LEFT`) === '') after.set(`BOOT_${slot}_LEFT`, '3');
  for (const slot of get('BOOT_ORDER').split(' ')) {
    const left = SCRIPT_SLOTS.includes(slot) ? Number.parseInt(get(`BOOT_${slot}_LEFT`), 16) : 0;
    if (left > 0) {
      after.set(`BOOT_${slot}_LEFT`, (left - 1).toString(16));
      return { started: slot, after };
    }
  }
  for (const slot of SCRIPT_SLOTS) after.set(`BOOT_${slot}_LEFT`, '3');
  return { started: 'reset', after };
}
