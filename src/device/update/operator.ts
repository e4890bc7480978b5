/**
 * What a person decides instead of a hook: that the system that runs is good, or that it is to go.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { SiltError } from '../../core/errors.ts';
import { fail } from './backward-phases.ts';
import type { Device } from './device.ts';
import type { Phase, Update } from './device-state.ts';
import { keepGood } from './keep-good.ts';
import { arrivalAt } from './restart.ts';
import { runUpdate } from './run-update.ts';
import { blockedWith, UNWANTED, Unwanted } from './update-failure.ts';
import type { RunOptions, UpdateResult } from './update-result.ts';
import { UpdateRun } from './update-run.ts';

const ON_THE_WAY_BACK: readonly Phase[] = ['rollBack', 'rebootBack', 'failed'];

/**
 * Ends the update under way as a good one, without the health hook; without an update, the boot loader keeps the
 * slot that runs. The caller holds the lock.
 *
 * @throws SiltError USAGE when the update under way has not been started yet; as {@link runUpdate}
 */
export async function markGood(device: Device, options: RunOptions = {}): Promise<UpdateResult> {
  const run = new UpdateRun(device, options, await device.journal.read());
  const { update } = run.state;
  if (update === undefined) await keepGood(run, true);
  else if (await isStarted(run, update)) {
    await run.change({ verdict: 'good' });
  } else {
    throw new SiltError(
      'USAGE',
      `expected an update that has been started, found ${update.release.version} in ${update.phase}; let it go on with silt install, or end it with silt rollback`,
    );
  }
  return await runUpdate(device, { ...options, now: true, offline: true });
}

/**
 * Ends the update under way and puts back what was there before; without an update, starts the previous slot
 * again. What is rolled back is not installed again by itself. The caller holds the lock.
 *
 * @throws SiltError USAGE when there is nothing to go back to; as {@link runUpdate}
 */
export async function rollBack(device: Device, options: RunOptions = {}): Promise<UpdateResult> {
  const run = new UpdateRun(device, options, await device.journal.read());
  const { update } = run.state;
  if (update === undefined) await beginReturn(run);
  else if (update.phase === 'confirm') {
    throw new SiltError(
      'USAGE',
      `${update.release.version} has been found healthy and is being kept; run silt install to end that, then silt rollback again`,
    );
  } else if (!ON_THE_WAY_BACK.includes(update.phase)) {
    await endUnwanted(run, update);
  }
  return await runUpdate(device, { ...options, now: true, offline: true });
}

/** Whether what runs is what the update has installed. */
async function isStarted(run: UpdateRun, { phase, boot }: Update): Promise<boolean> {
  if (phase === 'health' || phase === 'confirm') return true;
  return phase === 'reboot' && boot !== undefined && (await arrivalAt(run, boot.target)) === 'arrived';
}

async function endUnwanted(run: UpdateRun, update: Update): Promise<void> {
  await fail(run, new Unwanted(`an operator does not want ${update.release.version}`));
}

async function beginReturn(run: UpdateRun): Promise<void> {
  const { device, state } = run;
  const { previous, installed } = state;
  const { slot } = await device.booted();
  if (previous === undefined || installed === undefined || slot === undefined || slot === previous.slot) {
    throw new SiltError(
      'USAGE',
      'expected a previous release in another slot, found none; only systems in slots are kept, and only until the next update',
    );
  }
  const at = device.now().getTime();
  const { version, counter } = previous;
  const update: Update = {
    id: randomUUID(),
    kind: 'return',
    release: { version, counter },
    phase: 'activate',
    startedAt: at,
    parts: [],
    boot: { from: slot, target: previous.slot },
    reboots: 0,
    steps: 0,
  };
  const unwanted = { version: installed.version, counter: installed.counter, code: UNWANTED, at };
  await run.write({ update, blocked: blockedWith(state.blocked, unwanted) });
  await run.tell('started');
}
