/**
 * Against loops: a device that crashes or loses power in the same phase again and again must not go on so for
 * ever. Waiting is no loop, however long it takes.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { Phase } from './device-state.ts';
import type { UpdateRun } from './update-run.ts';

/** An update takes some ten steps; more is a loop of power cuts or crashes. */
const MAX_STEPS = 30;
/** Days of a bad line are no loop; the way back has a count of its own, and a good end is tried until it is done. */
const NOT_COUNTED: readonly Phase[] = ['fetch', 'confirm', 'rollBack', 'rebootBack', 'failed'];
/** These may only wait, and count themselves when they do not. */
const MAY_WAIT: readonly Phase[] = ['enterRescue', 'preInstall', 'activate'];

/** To be called when a run goes on with a phase. @throws SiltError INSTALL_FAILED when it was begun too often */
export async function countBegun(run: UpdateRun): Promise<void> {
  if (!MAY_WAIT.includes(run.update.phase)) await countWork(run);
}

/** To be called by a phase that may have had to wait, before its work. @throws SiltError as {@link countBegun} */
export async function countWork(run: UpdateRun): Promise<void> {
  const { phase, steps } = run.update;
  if (!run.isAgain || NOT_COUNTED.includes(phase)) return;
  run.isAgain = false;
  if (steps >= MAX_STEPS) {
    throw new SiltError(
      'INSTALL_FAILED',
      `expected the update to end after some ten steps, found it at step ${steps}, in ${phase}, again; the device loses power or silt is ended there each time`,
    );
  }
  await run.change({ steps: steps + 1 });
}
