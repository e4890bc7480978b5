/**
 * Restarts, and what is found after them. The boot id of the kernel tells whether the device has restarted since
 * it was asked to, and the slot that runs tells what came of it.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { BootSlot } from '../boot/boot-loader.ts';
import type { Update } from './device-state.ts';
import type { UpdateRun } from './update-run.ts';

/** So often is a restart asked for that does not happen. */
export const MAX_REBOOTS = 3;

/** What a restart has led to, or that there was none yet. */
export type Arrival = 'arrived' | 'elsewhere' | 'notYet';

/** Whether the device has come to `wanted` since {@link Update.bootId} was noted. */
export async function arrivalAt(run: UpdateRun, wanted: BootSlot): Promise<Arrival> {
  const { bootId, slot } = await run.device.booted();
  if (slot === wanted) return 'arrived';
  return run.update.bootId === undefined || run.update.bootId === bootId ? 'notYet' : 'elsewhere';
}

/** What is noted before a restart is asked for, so that it is known when it has happened. */
export async function beforeRestart(run: UpdateRun): Promise<Pick<Update, 'bootId' | 'reboots'>> {
  return { bootId: (await run.device.booted()).bootId, reboots: 0 };
}

/**
 * Asks for the restart.
 *
 * @throws SiltError HOOK_FAILED, also when it was asked for often and never came
 */
export async function restart(run: UpdateRun): Promise<void> {
  const { hooks } = run.device;
  const { reboots } = run.update;
  if (reboots >= MAX_REBOOTS) {
    throw new SiltError(
      'HOOK_FAILED',
      `expected the device to restart, found it running still after it was asked to ${reboots} times; check hooks.reboot`,
    );
  }
  await run.change({ reboots: reboots + 1 });
  await hooks.run('preReboot', run.hookFacts(), run.signal);
  run.say({ level: 'info', topic: 'reboot', message: 'the device is asked to restart' });
  await hooks.reboot(run.hookFacts(), run.signal);
}

/** What came up is not what was activated. */
export async function neverCameUp(run: UpdateRun): Promise<SiltError> {
  const { slot } = await run.device.booted();
  const { boot, release } = run.update;
  return new SiltError(
    'BOOT_FAILED',
    `expected ${release.version} to come up in slot ${boot?.target}, found slot ${slot ?? 'unknown'} running; the boot loader gave it up, or its system never said that it is healthy`,
    { details: { expected: boot?.target, found: slot } },
  );
}
