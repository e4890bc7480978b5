/**
 * Carries a plan out, window by window; makes a new one, of chunks alone, where the delta turns out to be of
 * no use.
 *
 * @module
 */
import { toHex } from '../core/digest.ts';
import { droppedPhase } from '../core/drop-buffers.ts';
import { MiB } from '../core/sizes.ts';
import type { ObjectSeal } from '../trust/seal/content-key.ts';
import { Assembler } from './assembler.ts';
import { type AssemblyTotals, noTotals } from './assembly-totals.ts';
import { DeltaTrust, isDeltaLost } from './delta-trust.ts';
import { type Job, tell } from './fetch-job.ts';
import { FrameSource } from './frame-source.ts';
import type { OpenedImage } from './open-image.ts';
import type { WindowWay } from './plan.ts';
import { deltaObject, isByDelta, withoutDelta } from './plan-delta.ts';
import { type Planned, planRequests } from './plan-requests.ts';
import { bytesOf } from './ranges.ts';
import { TableCursor } from './table-cursor.ts';
import type { Target } from './target.ts';

/** Smaller ones leave nothing behind that would be worth a collection. */
const LARGE_IMAGE: number = 32 * MiB;

const UNLIKE = 'The seed is not what the delta was made for; the rest came from chunks.';

export interface Rebuilt {
  readonly totals: AssemblyTotals;
  /** As they were in the end. */
  readonly ways: readonly WindowWay[];
  readonly deltaProblem: string | undefined;
}

/**
 * Builds every window that the plan does not keep.
 *
 * @throws SiltError NETWORK, OVER_BUDGET, DIGEST_MISMATCH, NO_SPACE, …; what was written stays
 */
export async function rebuild(job: Job, first: Planned, target: Target): Promise<Rebuilt> {
  const { head, image } = job.opened;
  const totals = noTotals();
  // What loading and planning took is not needed for what follows.
  endPhase(image.size);
  const ways = [...first.ways];
  const deferred = new Set<number>();
  let planned = first;
  for (let from = 0; ; ) {
    const { end, problem } = await buildFrom(job, planned, target, totals, { from, deferred });
    from = end;
    if (from === head.windows.length) break;
    const left = withoutDelta(planned.ways, from);
    for (let i = from; i < ways.length; i++) ways[i] = left[i] as WindowWay;
    planned = await planRequests(job, { ...planned, deltaProblem: problem }, left, undefined);
  }
  if (deferred.size > 0) {
    const left = ways.map((_, i): WindowWay => ({ way: deferred.has(i) ? 'rebuild' : 'keep' }));
    for (const window of deferred) ways[window] = { way: 'rebuild' };
    // The target is not what its index says, by now.
    const seeds = planned.seeds.filter(({ isTarget }) => !isTarget);
    const last = await planRequests(job, { ...planned, seeds }, left, undefined);
    await buildFrom(job, last, target, totals, { from: 0, deferred: new Set() });
  }
  endPhase(image.size);
  target.settle(image.size);
  return { totals, ways, deltaProblem: planned.deltaProblem };
}

interface Stretch {
  /** The first window that was not built. */
  readonly end: number;
  /** Why it was not. */
  readonly problem?: string;
}

/**
 * Builds windows from `from` on, to the last or until the delta is given up.
 *
 * @param deferred gets those that came out wrong and can wait for one another
 */
async function buildFrom(
  job: Job,
  planned: Planned,
  target: Target,
  totals: AssemblyTotals,
  { from, deferred }: { readonly from: number; readonly deferred: Set<number> },
): Promise<Stretch> {
  const { opened, store, usage, costs, retry, options } = job;
  const { head } = opened;
  const { delta, level2 } = planned;
  const bytesToFetch = usage.bytes + bytesOf(planned.requests);
  const keys = head.packs.map(({ digest }) => `packs/${toHex(digest)}`);
  const object = deltaObject(head);
  if (delta !== undefined) keys[object] = delta.key;
  const trust = new DeltaTrust(planned.payloadBytes);
  await using frames = new FrameSource(store, keys, planned.requests, planned.spool, {
    parallel: options.parallel,
    memoryBytes: options.memoryBytes,
    retry,
    trial: delta?.confirmed === false ? object : undefined,
    sealOf: (number) => (number === object ? delta?.seal : packSeal(opened, number)),
  });
  const assembler = new Assembler({
    head,
    sources: planned,
    target,
    level2,
    frames,
    costs,
    totals,
    delta: delta && { base: delta.base, trust },
  });
  const tables = new TableCursor(head, planned);
  for (let index = from; index < head.windows.length; index++) {
    const way = planned.ways[index] as WindowWay;
    options.signal?.throwIfAborted();
    if (way.way === 'keep') continue;
    try {
      const table = way.way === 'rebuild' ? tables.tableFor(index) : undefined;
      if (!(await assembler.build(index, way, table))) deferred.add(index);
    } catch (error) {
      if (delta === undefined || frames.failedObject !== object || !isDeltaLost(error)) throw error;
      return { end: index, problem: (error as Error).message };
    }
    const { offset, length } = head.windows[index] as (typeof head.windows)[number];
    tell(job, 'rebuild', offset + length, opened.image.size, bytesToFetch);
    // Windows from seeds never wait; requests under way need a turn as well.
    await new Promise(setImmediate);
    if (trust.hasServed) frames.trust();
    if (trust.givenUp && planned.ways.some((each, i) => i > index && isByDelta(each))) {
      return { end: index + 1, problem: UNLIKE };
    }
  }
  return { end: head.windows.length };
}

function packSeal({ contentKey, head }: OpenedImage, pack: number): ObjectSeal | undefined {
  const { trailerDigest, digest } = head.packs[pack] as (typeof head.packs)[number];
  return contentKey?.objectSeal('pack', trailerDigest, `packs/${toHex(digest)}`);
}

function endPhase(imageSize: number): void {
  if (imageSize >= LARGE_IMAGE) droppedPhase();
}
