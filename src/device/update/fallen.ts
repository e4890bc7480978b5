/**
 * A release that was found healthy, and that the boot loader has left again since: its slot may be damaged, or the
 * release dies of something that comes later. It is installed again a few times, which mends the one; then it is
 * given up on this device, since a device must not restart and write its flash without an end because of the other.
 *
 * @module
 */
import type { BootSlot } from '../boot/boot-loader.ts';
import { isRunning } from './check-for-update.ts';
import type { UpdateRun } from './update-run.ts';

/** So often is it installed again within {@link WITHIN_MS}. */
export const MAX_FALLS = 3;
/** Longer ago is another story: some power cuts in the first minute of a start do the same. */
const WITHIN_MS = 30 * 24 * 3_600_000;

/** Whether the release of this counter was kept as the last thing that happened here, and another slot runs. */
export function hasFallen({ state }: UpdateRun, counter: number, slot: BootSlot | undefined): boolean {
  const { installed, lastUpdate } = state;
  const wasKept = lastUpdate?.outcome === 'installed' && lastUpdate.counter === counter;
  return wasKept && installed?.counter === counter && !isRunning(state, slot);
}

/** To be called when such a release is about to be installed again; the one too many ends the update. */
export async function countFall(run: UpdateRun): Promise<void> {
  const { version, counter } = run.update.release;
  const { fallen } = run.state;
  const now = run.device.now().getTime();
  // A clock that was set back makes nothing older.
  const goesOn = fallen?.counter === counter && now - fallen.since <= WITHIN_MS;
  const { times, since } = goesOn ? fallen : { times: 0, since: now };
  const { slot } = await run.device.booted();
  const what = `${version} was found healthy, and the boot loader has started ${slot ?? 'another slot'} instead since`;
  if (times < MAX_FALLS) {
    await run.write({ fallen: { counter, times: times + 1, since } });
    const message = `${what}; it is installed again, time ${times + 1} of ${MAX_FALLS}`;
    run.say({ level: 'warning', topic: 'boot', message });
    return;
  }
  const message = `${what}, also after it was installed ${times} more times; check the medium, and what the system does before silt starts`;
  await run.tell('failed', { code: 'BOOT_FAILED', message, phase: 'health' });
  await run.advance('failed', { failure: { code: 'BOOT_FAILED', message, phase: 'health' } });
}
