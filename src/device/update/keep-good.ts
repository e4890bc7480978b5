/**
 * Boot loaders that count down at every start, also those of a good system: the slot that runs, and was found
 * healthy before, gets its starts back. Otherwise a few quick power cuts would make it fall back by itself.
 *
 * @module
 */
import type { Phase } from './device-state.ts';
import type { UpdateRun } from './update-run.ts';

/** In these the boot loader is to start the target first, or the target runs. */
const ON_TRIAL: readonly Phase[] = ['enterRescue', 'reboot', 'health', 'confirm', 'rebootBack'];

/**
 * To be called when a run goes on with an update: what runs meanwhile was found healthy before, and has to be there
 * to fall back to. What is wrong with the boot loader, the phase will find.
 */
export async function keepGoodMeanwhile(run: UpdateRun): Promise<void> {
  const { update } = run.state;
  if (update?.boot === undefined || ON_TRIAL.includes(update.phase)) return;
  try {
    const { slot } = await run.device.booted();
    if (slot !== update.boot.target) await keepGood(run);
  } catch (error) {
    if (run.signal?.aborted === true) throw error;
    run.say({
      level: 'warning',
      topic: 'boot',
      message: error instanceof Error ? error.message : String(error),
    });
  }
}

/**
 * To be called while no system is on trial. A system that was rolled back and could not be left is not kept,
 * unless an operator says so.
 *
 * @throws SiltError BOOT_FAILED, BOOT_STATE_INVALID, IO_FAILED
 */
export async function keepGood(run: UpdateRun, byOperator = false): Promise<void> {
  const { bootLoader, bootTries } = run.device;
  if (bootLoader === undefined) return;
  const { slot } = await run.device.booted();
  if (slot === undefined) return;
  const { order, primary } = await bootLoader.read();
  const state = order.find(({ name }) => name === slot);
  if (state === undefined) return;
  const isFull = state.bootable && (state.triesLeft === undefined || state.triesLeft >= bootTries);
  if (isFull && primary === slot) return;
  const { lastUpdate } = run.state;
  const wasLeft = lastUpdate?.target === slot && lastUpdate.outcome !== 'installed';
  if (wasLeft && primary !== undefined && primary !== slot && !byOperator) return;
  await bootLoader.markGood(slot);
  run.say({ level: 'info', topic: 'boot', message: `slot ${slot} is kept as the one to start` });
}
