/**
 * From the way of each window to the requests it takes, held to the budget before any of them is made.
 *
 * @module
 */
import { frameKey } from '../format/frame.ts';
import type { ChosenDelta } from './choose-delta.ts';
import { trialBytes } from './delta-trust.ts';
import { type Job, tell } from './fetch-job.ts';
import type { FrameSpan } from './frame-source.ts';
import type { Level2Source } from './level2-source.ts';
import { addFrames, type Batch, planBatches, type Sources, sourceOf, type WindowWay } from './plan.ts';
import { deltaObject, payloadSpans, splitForTrial } from './plan-delta.ts';
import { bytesOf, planRanges, type RangeRequest } from './ranges.ts';
import type { Spool } from './spool.ts';
import { checkBudget } from './with-budget.ts';

/** What every plan of a fetch stands on. */
export interface PlanGround extends Sources {
  /** The image is there already, and nothing has to be written. */
  readonly upToDate: boolean;
  readonly level2: Level2Source;
  readonly spool: Spool;
  /** Why a delta that would have fitted is not used, or no longer. */
  readonly deltaProblem: string | undefined;
}

export interface Planned extends PlanGround {
  readonly ways: readonly WindowWay[];
  readonly delta: ChosenDelta | undefined;
  /** Bytes of the payloads that are asked for. */
  readonly payloadBytes: number;
  /** For frames, and for payloads of the delta. */
  readonly requests: readonly RangeRequest<FrameSpan>[];
  /** The first batch, which is the only one but for large images; spent by `TableCursor`. */
  firstBatch: Batch | undefined;
}

/**
 * Reads level 2 of the windows that are put together from chunks, and plans what is asked for.
 *
 * @throws SiltError OVER_BUDGET, before anything is asked for that the budget does not allow; NETWORK, …
 */
export async function planRequests(
  job: Job,
  ground: PlanGround,
  ways: readonly WindowWay[],
  delta: ChosenDelta | undefined,
): Promise<Planned> {
  const { costs, options } = job;
  const { head } = job.opened;
  const { level2 } = ground;
  const rebuilt = ways.flatMap(({ way }, window) => (way === 'rebuild' ? [window] : []));
  const payloads = payloadSpans(ways);
  const payloadBytes = bytesOf(payloads);
  const level2Requests = level2.requestsFor(rebuilt, costs);
  const level2Bytes = bytesOf(level2Requests);
  const soFar = (requests: readonly { readonly length: number }[]): void =>
    checkBudget(
      job.budget,
      job.usage.requests + requests.length,
      job.usage.bytes + bytesOf(requests),
      'in all',
    );
  soFar([...level2Requests, ...planRanges(payloads, costs)]);
  if (level2Bytes > 0) tell(job, 'index', 0, level2Bytes);
  await level2.load(level2Requests);
  const spans = new Map<number, FrameSpan>();
  let added = 0;
  const addPayloads = (before: number): void => {
    for (; added < payloads.length; added++) {
      const payload = payloads[added] as FrameSpan;
      if (payload.lastWindow >= before) return;
      spans.set(frameKey(payload.frame), payload);
    }
  };
  let firstBatch: Batch | undefined;
  for (const batch of planBatches(head, rebuilt, (window) => level2.map(window), ground)) {
    firstBatch ??= batch;
    for (const window of batch.windows) {
      const entry = head.windows[window] as (typeof head.windows)[number];
      const isFrame = (chunk: { hint: number; length: number }): boolean =>
        sourceOf(chunk, entry, batch.table, ground).from === 'frame';
      addPayloads(window);
      addFrames(head, window, level2.map(window), isFrame, spans);
    }
    options.signal?.throwIfAborted();
  }
  addPayloads(Infinity);
  let requests = planRanges([...spans.values()], costs);
  if (delta?.confirmed === false) {
    requests = splitForTrial(requests, deltaObject(head), trialBytes(payloadBytes));
  }
  soFar(requests);
  return { ...ground, ways, delta, payloadBytes, requests, firstBatch };
}
