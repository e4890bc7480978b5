/**
 * The way of an update forwards, phase by phase. Each begins with what a power cut may have left of itself, and
 * may find that it has been done.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { TrustedRelease } from '../../trust/releases.ts';
import { beginUpdate, findRelease, isFor, selectorOf } from './check-for-update.ts';
import { confirm } from './confirm.ts';
import type { Phase } from './device-state.ts';
import { fetchParts } from './fetch-parts.ts';
import { commitParts, installParts, verifyParts } from './install-parts.ts';
import { countWork } from './loop-guard.ts';
import { whatToWaitFor } from './permission.ts';
import { arrivalAt, beforeRestart, neverCameUp, restart } from './restart.ts';
import { SUPERSEDED } from './update-failure.ts';
import type { UpdateResult } from './update-result.ts';
import type { UpdateRun } from './update-run.ts';

/** How a run ends here; `undefined` when it goes on with the next phase. */
export type PhaseEnd = Pick<UpdateResult, 'outcome'> & Partial<UpdateResult>;

type PhaseWork = (run: UpdateRun) => Promise<PhaseEnd | undefined>;

/** @throws what makes the update fail, from each phase */
export const forwardPhases: Readonly<
  Record<Exclude<Phase, 'rollBack' | 'rebootBack' | 'failed'>, PhaseWork>
> = {
  async enterRescue(run) {
    const { boot } = run.update;
    const rescue = boot?.from;
    if (rescue === undefined) throw new SiltError('INTERNAL', 'there is no rescue system to start');
    const arrival = await arrivalAt(run, rescue);
    if (arrival === 'arrived') {
      await run.device.bootLoader?.markGood(rescue);
      return await run.advance('fetch');
    }
    if (arrival === 'elsewhere') {
      throw new SiltError(
        'BOOT_FAILED',
        `expected the rescue system ${rescue} to come up, found another; check that it starts`,
      );
    }
    const wait = await whatToWaitFor(run);
    if (wait !== undefined) return { outcome: 'waiting', ...wait };
    await countWork(run);
    // Told before it is noted: a power cut between the two must not look like a rescue system that does not start.
    await run.device.bootLoader?.activate(rescue, run.device.bootTries);
    if (run.update.bootId === undefined) await run.change(await beforeRestart(run));
    await restart(run);
    return { outcome: 'rebooting' };
  },

  async fetch(run) {
    const release = run.release ?? (await findRelease(run, selectorOf(run)));
    if (!isFor(run.update, release)) {
      await giveWay(run, release);
      await beginUpdate(run, release);
      return undefined;
    }
    run.release = release;
    if (run.parts().length === 0) {
      // What runs was found healthy before.
      await run.tell('healthy');
      return await run.advance('confirm');
    }
    await fetchParts(run, release);
    return await run.advance('verify');
  },

  async verify(run) {
    await verifyParts(run);
    return await run.advance('preInstall');
  },

  async preInstall(run) {
    const wait = await whatToWaitFor(run);
    if (wait !== undefined) return { outcome: 'waiting', ...wait };
    await countWork(run);
    await run.device.hooks.run('preInstall', run.hookFacts(), run.signal);
    return await run.advance('install');
  },

  async install(run) {
    await installParts(run);
    return await run.advance('postInstall');
  },

  async postInstall(run) {
    await run.device.hooks.run('postInstall', run.hookFacts(), run.signal);
    return await run.advance('activate');
  },

  async activate(run) {
    const { device, update } = run;
    const { boot } = update;
    // The power failed after the boot loader was told, and the device has come up in the new system by itself.
    if (boot !== undefined && (await arrivalAt(run, boot.target)) === 'arrived') {
      await run.tell('installed');
      return await run.advance('reboot');
    }
    // Half of it put in use is no state to wait in.
    const wait = update.committing === true ? undefined : await whatToWaitFor(run);
    if (wait !== undefined) return { outcome: 'waiting', ...wait };
    await countWork(run);
    if (update.committing !== true) await run.change({ committing: true });
    await commitParts(run);
    if (boot === undefined) {
      await run.tell('installed');
      return await run.advance('health');
    }
    const noted = await beforeRestart(run);
    await device.bootLoader?.activate(boot.target, device.bootTries);
    await run.tell('installed');
    return await run.advance('reboot', noted);
  },

  async reboot(run) {
    const { boot } = run.update;
    if (boot === undefined) return await run.advance('health');
    const arrival = await arrivalAt(run, boot.target);
    if (arrival === 'elsewhere') throw await neverCameUp(run);
    if (arrival === 'arrived') {
      await run.tell('booted');
      return await run.advance('health');
    }
    await restart(run);
    return { outcome: 'rebooting' };
  },

  async health(run) {
    const { boot, verdict } = run.update;
    if (boot !== undefined && (await arrivalAt(run, boot.target)) !== 'arrived') throw await neverCameUp(run);
    if (verdict !== 'good') await run.device.hooks.run('health', run.hookFacts(), run.signal);
    await run.tell('healthy');
    return await run.advance('confirm');
  },

  confirm,
};

/**
 * Tells that the update under way ends here, since something else is wanted now.
 *
 * @throws SiltError NOT_ELIGIBLE where that is nothing to begin with in this run: installed, or given up before
 */
async function giveWay(run: UpdateRun, { manifest }: TrustedRelease): Promise<void> {
  const { version } = run.update.release;
  const message = `${manifest.version} is wanted now instead of ${version}`;
  const { installed, blocked } = run.state;
  if ([installed, ...blocked].some((each) => each?.counter === manifest.counter)) {
    throw new SiltError(SUPERSEDED, message);
  }
  run.say({ level: 'info', topic: 'check', message });
  await run.tell('failed', { code: SUPERSEDED, message, phase: run.update.phase });
}
