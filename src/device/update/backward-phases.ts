/**
 * The way back: the boot loader starts what ran before, the components are put back in reverse order, and the
 * failure is told. Nothing of it needs a network.
 *
 * @module
 */
import { isTransient as isTransientError } from '../../core/errors.ts';
import { retryAfterOf } from '../../core/retry.ts';
import { isRescueSlot } from './choose-slots.ts';
import type { Phase } from './device-state.ts';
import type { PhaseEnd } from './forward-phases.ts';
import { rollBackParts } from './install-parts.ts';
import { keepGood, keepGoodMeanwhile } from './keep-good.ts';
import { wayOutOfRescue } from './leave-rescue.ts';
import { arrivalAt, beforeRestart, MAX_REBOOTS, restart } from './restart.ts';
import { afterFailure, failureOf, retryAfter, wasInUse } from './update-failure.ts';
import type { UpdateRun } from './update-run.ts';

/** So often is rolling back tried; then what is still wrong is told, and the next update may mend it. */
const MAX_ROLL_BACKS = 5;

/** @throws what keeps the way back from its next step; to be tried again */
export const backwardPhases: Readonly<
  Record<
    Extract<Phase, 'rollBack' | 'rebootBack' | 'failed'>,
    (run: UpdateRun) => Promise<PhaseEnd | undefined>
  >
> = {
  async rollBack(run) {
    const { device, update } = run;
    const { boot, rollBacks = 0 } = update;
    // Whatever happens next, the next start is one of the old system.
    if (boot !== undefined) await device.bootLoader?.markBad(boot.target);
    const failed = await rollBackParts(run);
    if (failed.length > 0 && rollBacks + 1 < MAX_ROLL_BACKS) {
      await run.change({ rollBacks: rollBacks + 1 });
      throw failed[0]?.error;
    }
    if (failed.length > 0) {
      const damaged = new Set([...(run.state.damaged ?? []), ...failed.map(({ component }) => component)]);
      await run.write({ damaged: [...damaged] });
    }
    if (boot !== undefined && (await arrivalAt(run, boot.target)) === 'arrived') {
      return await run.advance('rebootBack', await beforeRestart(run));
    }
    return await run.advance('failed');
  },

  async rebootBack(run) {
    const { boot, bootId } = run.update;
    const booted = await run.device.booted();
    if (boot === undefined || booted.slot !== boot.target) return await run.advance('failed');
    if (booted.bootId !== bootId) {
      const message = `${boot.target} runs still, since the boot loader has nothing else to start`;
      run.say({ level: 'error', topic: 'rebootBack', message });
      return await run.advance('failed');
    }
    try {
      await restart(run);
    } catch (error) {
      // It is not restarted by silt; whoever restarts it gets the old system.
      if (run.signal?.aborted === true) throw error;
      const { message } = failureOf(error, 'rebootBack');
      run.say({ level: 'error', topic: 'rebootBack', message });
      if (run.update.reboots < MAX_REBOOTS) throw error;
      return await run.advance('failed');
    }
    return { outcome: 'rebooting' };
  },

  async failed(run) {
    const { device, update } = run;
    const failure = update.failure ?? {
      code: 'INTERNAL',
      message: 'the reason is not known',
      phase: 'failed',
    };
    const { code, message, phase } = failure;
    const isBack = wasInUse(failure);
    if (isBack) await run.tell('rolledBack', { code, message, phase });
    await device.hooks.run('failure', run.hookFacts(), run.signal).catch((error: unknown) => {
      if (run.signal?.aborted === true) throw error;
      run.say({ level: 'warning', topic: 'hook', message: failureOf(error, 'failed').message });
    });
    // What runs now is what is started from here on; the rescue system may have been chosen before.
    if (phase === 'enterRescue') await keepGood(run);
    else await keepGoodMeanwhile(run);
    const at = device.now().getTime();
    const { id, release, boot } = update;
    const { version, counter } = release;
    const outcome = isBack ? 'rolledBack' : 'failed';
    const back = await wayOutOfRescue(run);
    const isOutOfRescue = update.kind === 'return' && isRescueSlot(device.components, boot?.from);
    // The rescue system must not go there and back without an end.
    const tries = isOutOfRescue ? Number.POSITIVE_INFINITY : device.bootTries;
    const after = afterFailure(run.state, update, failure, at, tries, back !== undefined);
    await run.write({
      update: back,
      ...after,
      lastUpdate: { id, version, counter, outcome, at, ...(boot && { target: boot.target }), failure },
    });
    run.say({ level: 'error', topic: 'failed', message: `${version}: ${message}`, data: { code, phase } });
    if (back !== undefined) {
      const told = `${back.release.version} is whole still and is started again`;
      run.say({ level: 'info', topic: 'failed', message: told });
      await run.tell('started');
      run.isAgain = false;
      return undefined;
    }
    return { outcome, failure, notBefore: after.retry && new Date(after.retry.notBefore) };
  },
};

/**
 * Notes what has gone wrong in the phase under way, and which way it leads.
 *
 * @returns the end of the run, where the phase is to be tried again later
 */
export async function fail(run: UpdateRun, error: unknown): Promise<PhaseEnd | undefined> {
  const { update, state, device } = run;
  const { phase } = update;
  const failure = failureOf(error, phase);
  const isWayBack = phase === 'rollBack' || phase === 'rebootBack' || phase === 'failed';
  const isTransient = phase === 'fetch' && isTransientError(error);
  if (isWayBack || isTransient || phase === 'confirm') {
    const now = device.now().getTime();
    const retry = retryAfter(state.retry, update.release.counter, failure, now, {
      retryAfterMs: retryAfterOf(error),
    });
    await run.write({ retry });
    run.say({ level: 'warning', topic: phase, message: failure.message, data: { code: failure.code } });
    return { outcome: 'waiting', failure, reason: failure.message, notBefore: new Date(retry.notBefore) };
  }
  const { code, message, component } = failure;
  await run.tell('failed', { code, message, phase, ...(component !== undefined && { component }) });
  // Nothing has been installed yet; what has been fetched serves the next try.
  const toldOnly = phase === 'fetch' || phase === 'enterRescue';
  await run.advance(toldOnly ? 'failed' : 'rollBack', { failure });
  return undefined;
}
