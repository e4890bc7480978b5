/**
 * What a slot holds, by the journal: only what that knows for certain.
 *
 * @module
 */
import type { BootSlot } from '../device/boot/boot-loader.ts';
import type { DeviceState, Phase } from '../device/update/device-state.ts';

export interface SlotHolds {
  readonly version: string;
  readonly counter: number;
  /**
   * `healthy`: it was found so; `previous`: it was, before the present one; `coming`: the update under way writes
   * it; `new`: that is written and verified, and not found healthy yet.
   */
  readonly as: 'healthy' | 'previous' | 'coming' | 'new';
}

/** From here on every byte in the target has been verified there. */
const WRITTEN: readonly Phase[] = ['postInstall', 'activate', 'reboot', 'health', 'confirm'];

/** `undefined` for a slot of which the journal knows nothing. */
export function slotHolds(
  { installed, previous, update }: DeviceState,
  slot: BootSlot,
): SlotHolds | undefined {
  if (update?.kind === 'update' && update.boot?.target === slot) {
    const { version, counter } = update.release;
    return { version, counter, as: WRITTEN.includes(update.phase) ? 'new' : 'coming' };
  }
  if (installed?.slot === slot) {
    return { version: installed.version, counter: installed.counter, as: 'healthy' };
  }
  if (previous?.slot !== slot) return undefined;
  return { version: previous.version, counter: previous.counter, as: 'previous' };
}
