/**
 * From seeds and level 1 to a plan: for every window the way that takes the fewest bytes, with the delta that
 * fits a seed best, or without one.
 *
 * @module
 */
import { join } from 'node:path';
import { isSiltError } from '../core/errors.ts';
import { type ChosenDelta, chooseDelta } from './choose-delta.ts';
import { type Job, tell } from './fetch-job.ts';
import { findKept, KeptWindows, sameWindows } from './kept-windows.ts';
import { Level2Source } from './level2-source.ts';
import { chooseWays, type WindowWay } from './plan.ts';
import { withDelta } from './plan-delta.ts';
import { type PlanGround, type Planned, planRequests } from './plan-requests.ts';
import { closeSeed, openSeed, type Seed } from './seeds.ts';
import { Spool } from './spool.ts';

/** @param target what has been written already, if anything */
export async function planFetch(job: Job, scratch: string, target: string | undefined): Promise<Planned> {
  const { opened, stack, options } = job;
  const { head } = opened;
  const seeds = await openSeeds(job, scratch, target);
  const installed = await installedWindows(job, seeds);
  const there = seeds.find(({ isTarget }) => isTarget);
  const kept =
    installed ??
    (there === undefined
      ? new KeptWindows(head.windows, new Set())
      : await findKept(head.windows, there.file.read, there.index, options.signal));
  const ways = chooseWays(head, { seeds, kept });
  const spool = new Spool(join(scratch, 'spool'));
  stack.defer(() => spool.close());
  const level2 = new Level2Source(job.store, opened.indexKey, head, spool, job.retry, opened.indexSeal);
  const all = kept.size === head.windows.length;
  const upToDate =
    installed !== undefined || (all && isComplete(there, options.inPlace === true, head.imageSize));
  const none = { delta: undefined, problem: undefined };
  const { delta, problem } = options.delta === false ? none : await chooseDelta(job, seeds, ways);
  const ground = { upToDate, seeds, kept, level2, spool, deltaProblem: problem };
  return await planWithin(job, ground, ways, delta);
}

/** The plan with the delta; the one without where only that keeps within the budget. */
async function planWithin(
  job: Job,
  ground: PlanGround,
  ways: readonly WindowWay[],
  delta: ChosenDelta | undefined,
): Promise<Planned> {
  if (delta === undefined) return await planRequests(job, ground, ways, undefined);
  try {
    return await planRequests(job, ground, withDelta(job.opened.head, ways, delta.head, delta.seed), delta);
  } catch (error) {
    if (!isSiltError(error, 'OVER_BUDGET')) throw error;
    const without = { ...ground, deltaProblem: error.message };
    return await planRequests(job, without, ways, undefined).catch((second: unknown) => {
      throw isSiltError(second, 'OVER_BUDGET') ? error : second;
    });
  }
}

/** What is under construction has no name yet, however complete it is. */
function isComplete(there: Seed | undefined, inPlace: boolean, size: number): boolean {
  if (there === undefined) return false;
  return there.file.isBlockDevice || (inPlace && there.file.size === size);
}

/** All windows, if the file at the output is the image, to the last byte; `undefined` if not. */
async function installedWindows(job: Job, seeds: readonly Seed[]): Promise<KeptWindows | undefined> {
  const { head } = job.opened;
  const output = seeds.find(({ isOutput }) => isOutput);
  if (output === undefined || output.file.size !== head.imageSize) return undefined;
  if (sameWindows(head.windows, output.index).size !== head.windows.length) return undefined;
  // A saved index tells of the day it was made.
  const found = await findKept(head.windows, output.file.read, undefined, job.options.signal);
  return found.size === head.windows.length ? found : undefined;
}

async function openSeeds(job: Job, scratch: string, target: string | undefined): Promise<Seed[]> {
  const { options, opened, stack } = job;
  const { chunker, windowing } = opened.head;
  const places = { saved: options.stateDirectory, scratch };
  const seeds: Seed[] = [];
  const deltas = options.delta === false ? [] : (opened.image.deltas ?? []);
  const digestSizes = deltas.map(({ base }) => base.size);
  const open = async (path: string, kind: { isTarget: boolean; isOutput: boolean }): Promise<void> => {
    const seed = await openSeed(path, places, chunker, windowing, {
      ...kind,
      signal: options.signal,
      onProgress: (done, total) => tell(job, 'seeds', done, total),
      digestSizes: kind.isTarget ? [] : digestSizes,
    });
    stack.defer(() => closeSeed(seed));
    seeds.push(seed);
  };
  for (const { path, isOutput, isNamed } of job.seedPaths) {
    try {
      await open(path, { isTarget: false, isOutput });
    } catch (error) {
      if (isNamed || !isSiltError(error, 'SEED_INVALID')) throw error;
    }
  }
  // Last: other seeds do not change while they are read.
  if (target !== undefined) await open(target, { isTarget: true, isOutput: false });
  return seeds;
}
