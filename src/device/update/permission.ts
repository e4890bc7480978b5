/**
 * Whether now is a time to install: the maintenance windows, and whatever else uses the device.
 *
 * @module
 */
import { inWindow, nextWindow } from '../schedule/maintenance-window.ts';
import type { UpdateRun } from './update-run.ts';

/** How long a device in use is left alone before it is asked again, in milliseconds. */
const DEFERRED_MS = 10 * 60_000;

export interface Wait {
  /** For people. */
  readonly reason: string;
  readonly notBefore: Date | undefined;
}

/**
 * `undefined` when the update may go on, else what it waits for.
 *
 * @throws SiltError HOOK_FAILED
 */
export async function whatToWaitFor(run: UpdateRun): Promise<Wait | undefined> {
  const { config, hooks } = run.device;
  const now = run.device.now();
  const { windows } = config.polling;
  if (run.options.now !== true && windows.length > 0 && !inWindow(windows, now)) {
    const notBefore = nextWindow(windows, now);
    const when = notBefore === undefined ? '' : `, which begins at ${notBefore.toISOString()}`;
    return { reason: `waits for its maintenance window${when}`, notBefore };
  }
  if (run.options.noDefer === true) return undefined;
  if ((await hooks.run('defer', run.hookFacts(), run.signal)) === 'done') return undefined;
  return { reason: 'the defer hook asks for another time', notBefore: new Date(now.getTime() + DEFERRED_MS) };
}
