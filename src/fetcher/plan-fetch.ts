/**
 * From seeds and level 1 to a plan that says how many bytes and requests it takes, held to the budget
 * before any of them is spent.
 *
 * @module
 */
import { join } from 'node:path';
import { isSiltError } from '../core/errors.ts';
import { type Job, tell } from './fetch-job.ts';
import type { FrameSpan } from './frame-source.ts';
import { findKept, KeptWindows, sameWindows } from './kept-windows.ts';
import { Level2Source } from './level2-source.ts';
import {
  addFrames,
  type Batch,
  chooseWays,
  planBatches,
  type Sources,
  sourceOf,
  type WindowWay,
} from './plan.ts';
import { bytesOf, planRanges, type RangeRequest } from './ranges.ts';
import { closeSeed, openSeed, type Seed } from './seeds.ts';
import { Spool } from './spool.ts';
import { checkBudget } from './with-budget.ts';

export interface Planned extends Sources {
  /** The image is there already, and nothing has to be written. */
  readonly upToDate: boolean;
  readonly ways: readonly WindowWay[];
  readonly level2: Level2Source;
  readonly spool: Spool;
  readonly requests: readonly RangeRequest<FrameSpan>[];
  /** The first batch, which is the only one but for large images; spent by `TableCursor`. */
  firstBatch: Batch | undefined;
}

/** @param target what has been written already, if anything */
export async function planFetch(job: Job, scratch: string, target: string | undefined): Promise<Planned> {
  const { opened, stack, costs, options } = job;
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
  const level2 = new Level2Source(job.store, opened.indexKey, head, spool, job.retry);
  const rebuilt = ways.flatMap(({ way }, window) => (way === 'rebuild' ? [window] : []));
  const level2Requests = level2.requestsFor(rebuilt, costs);
  const level2Bytes = bytesOf(level2Requests);
  const soFar = (requests: number, bytes: number): void =>
    checkBudget(job.budget, job.usage.requests + requests, job.usage.bytes + bytes, 'in all');
  soFar(level2Requests.length, level2Bytes);
  if (level2Bytes > 0) tell(job, 'index', 0, level2Bytes);
  await level2.load(level2Requests);
  const spans = new Map<number, FrameSpan>();
  let firstBatch: Batch | undefined;
  for (const batch of planBatches(head, rebuilt, (window) => level2.map(window), { seeds, kept })) {
    firstBatch ??= batch;
    for (const window of batch.windows) {
      const entry = head.windows[window] as (typeof head.windows)[number];
      const isFrame = (chunk: { hint: number; length: number }): boolean =>
        sourceOf(chunk, entry, batch.table, { seeds, kept }).from === 'frame';
      addFrames(head, window, level2.map(window), isFrame, spans);
    }
    options.signal?.throwIfAborted();
  }
  const requests = planRanges([...spans.values()], costs);
  soFar(requests.length, bytesOf(requests));
  const all = kept.size === head.windows.length;
  const upToDate =
    installed !== undefined || (all && isComplete(there, options.inPlace === true, head.imageSize));
  return { upToDate, seeds, kept, ways, level2, spool, requests, firstBatch };
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
  const open = async (path: string, kind: { isTarget: boolean; isOutput: boolean }): Promise<void> => {
    const seed = await openSeed(path, places, chunker, windowing, {
      ...kind,
      signal: options.signal,
      onProgress: (done, total) => tell(job, 'seeds', done, total),
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
