/**
 * Runs an update as far as it goes: until it is done, has failed, waits for something, or for a restart. Called
 * again, it goes on from where the journal says, whatever has happened in between.
 *
 * The phases stand in device-state.ts, the way forwards in forward-phases.ts, the way back in
 * backward-phases.ts. Nothing else changes the phase.
 *
 * @module
 */
import { isSiltError, SiltError } from '../../core/errors.ts';
import { retryAfterOf } from '../../core/retry.ts';
import { backwardPhases, fail } from './backward-phases.ts';
import { beginUpdate, findRelease, isFor, isRunning, selectorOf } from './check-for-update.ts';
import type { Device } from './device.ts';
import type { Phase, Update } from './device-state.ts';
import { countFall, hasFallen } from './fallen.ts';
import { forwardPhases, type PhaseEnd } from './forward-phases.ts';
import { keepGood, keepGoodMeanwhile } from './keep-good.ts';
import { countBegun } from './loop-guard.ts';
import { retryAfter, SUPERSEDED } from './update-failure.ts';
import type { RunOptions, UpdateResult } from './update-result.ts';
import { UpdateRun } from './update-run.ts';

/** In these nothing is lost by waiting, and everything that follows can still be called off. */
const MAY_GIVE_WAY: readonly Phase[] = ['verify', 'preInstall', 'install', 'postInstall', 'activate'];
/** In these it goes on at once, whatever failed before: the device is between two systems. */
const URGENT: readonly Phase[] = ['reboot', 'health', 'failed'];
const isBeginning = ({ kind, phase }: Update): boolean =>
  kind === 'return' ? phase === 'activate' : phase === 'enterRescue' || phase === 'fetch';
/** Too late for something else, or the end already. */
const WAY_BACK: readonly Phase[] = ['confirm', 'rollBack', 'rebootBack', 'failed'];

/**
 * Runs the update of `device`; the caller holds its lock.
 *
 * @throws SiltError when no update could begin: as `Releases.open`, NOT_COMPATIBLE, DOWNGRADE_REFUSED,
 *   NOT_ELIGIBLE, BOOT_STATE_INVALID; JOURNAL_DAMAGED, NO_SPACE or IO_FAILED when the journal or an event cannot be
 *   kept; the reason of the signal, after which the next run goes on
 */
export async function runUpdate(device: Device, options: RunOptions = {}): Promise<UpdateResult> {
  const run = new UpdateRun(device, options, await device.journal.read());
  await using stack = new AsyncDisposableStack();
  stack.defer(() => run.sources.close());
  await keepGoodMeanwhile(run);
  let end = (await waitsForRetry(run)) ?? (await begin(run)) ?? (await goOn(run));
  if (end.failure?.code === SUPERSEDED && options.offline !== true) {
    // What is wanted instead need not wait for the next check.
    run.release = undefined;
    end = (await begin(run)) ?? (await goOn(run));
  }
  return {
    phase: run.state.update?.phase,
    release: run.state.update?.release ?? run.state.lastUpdate,
    failure: undefined,
    reason: undefined,
    notBefore: undefined,
    bytesFetched: run.usage.bytes,
    requests: run.usage.requests,
    ...end,
  };
}

/** After a failure nothing is done for a while, unless the device is between two systems. */
async function waitsForRetry(run: UpdateRun): Promise<PhaseEnd | undefined> {
  const { retry, update } = run.state;
  if (retry === undefined || run.options.now === true) return undefined;
  if (update !== undefined && URGENT.includes(update.phase)) return undefined;
  // What is waited for is the release that failed, and not the way back to work.
  const isReturn = update?.kind === 'return';
  if (isReturn && (isBeginning(update) || retry.counter !== update.release.counter)) return undefined;
  const now = run.device.now().getTime();
  // A clock that was set back would make it wait for ever.
  if (now >= retry.notBefore || retry.notBefore - now > MAX_WAIT_MS) return undefined;
  const notBefore = new Date(retry.notBefore);
  return { outcome: 'waiting', notBefore, reason: `tries again after a failure: ${retry.message}` };
}

/** Longer than any back-off. */
const MAX_WAIT_MS = 25 * 3_600_000;

/** Sees to it that there is an update under way, and that it is still the right one. */
async function begin(run: UpdateRun): Promise<PhaseEnd | undefined> {
  const { update } = run.state;
  if (update === undefined) return await beginNext(run);
  if (update.phase === 'fetch' || WAY_BACK.includes(update.phase)) return undefined;
  if (MAY_GIVE_WAY.includes(update.phase) && (await isRecalled(run))) {
    const message = `${update.release.version} is no longer what this device is to run`;
    return await fail(run, new SiltError(SUPERSEDED, message));
  }
  return undefined;
}

async function beginNext(run: UpdateRun): Promise<PhaseEnd | undefined> {
  const { device, options } = run;
  await keepGood(run);
  if (options.offline === true) return { outcome: 'upToDate' };
  try {
    const release = await findRelease(run, selectorOf(run));
    const { version, counter } = release.manifest;
    const { slot } = await device.booted();
    const isInstalled = run.state.installed?.counter === counter && isRunning(run.state, slot);
    if (isInstalled && options.again !== true) {
      if (run.state.retry !== undefined) await run.write({ retry: undefined });
      return { outcome: 'upToDate', release: { version, counter } };
    }
    const blocked = run.state.blocked.find((each) => each.counter === counter);
    if (blocked !== undefined && options.again !== true) {
      const reason = `${version} was given up on this device (${blocked.code}); it is tried again only with silt install --again, or when another release is published`;
      return { outcome: 'waiting', release: { version, counter }, reason };
    }
    const isFall = hasFallen(run, counter, slot);
    await beginUpdate(run, release);
    // An operator who wants it again may have mended what it was.
    if (options.again === true) await run.write({ fallen: undefined });
    else if (isFall) await countFall(run);
    return undefined;
  } catch (error) {
    if (run.signal?.aborted === true || !isSiltError(error)) throw error;
    const now = device.now().getTime();
    const retry = retryAfter(run.state.retry, undefined, error, now, { retryAfterMs: retryAfterOf(error) });
    await run.write({ retry });
    throw error;
  }
}

/** Whether something else is wanted by now. Without a network the update goes on. */
async function isRecalled(run: UpdateRun): Promise<boolean> {
  const { update, options } = run;
  if (update.kind !== 'update' || options.offline === true) return false;
  try {
    const release = await findRelease(run, selectorOf(run));
    return !isFor(update, release);
  } catch (error) {
    if (run.signal?.aborted === true) throw error;
    const isRefused = isSiltError(error) && REFUSED.has(error.code);
    if (!isRefused) return false;
    run.say({ level: 'warning', topic: 'check', message: error.message });
    return true;
  }
}

/** What was allowed when the update began is not any more. */
const REFUSED: ReadonlySet<string> = new Set(['NOT_COMPATIBLE', 'DOWNGRADE_REFUSED', 'NOT_ELIGIBLE']);

async function goOn(run: UpdateRun): Promise<PhaseEnd> {
  // The first phase of a run may have been begun before.
  run.isAgain = run.state.update !== undefined && run.release === undefined;
  for (;;) {
    run.signal?.throwIfAborted();
    const { phase } = run.update;
    try {
      // Written after the journal, it may have been lost.
      if (run.isAgain && isBeginning(run.update)) await run.tell('started');
      await countBegun(run);
      const end = await work(run, phase);
      if (end !== undefined) return end;
    } catch (error) {
      // Whoever interrupts it wants it to go on later.
      if (run.signal?.aborted === true || run.state.update === undefined) throw error;
      if (run.isNotKept(error)) throw error;
      const end = await fail(run, error);
      if (end !== undefined) return end;
    }
  }
}

async function work(run: UpdateRun, phase: Phase): Promise<PhaseEnd | undefined> {
  if (phase === 'rollBack' || phase === 'rebootBack' || phase === 'failed') {
    return await backwardPhases[phase](run);
  }
  return await forwardPhases[phase](run);
}
