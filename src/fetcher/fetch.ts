/**
 * Fetches an image: manifest → level 1 → plan → only the missing bytes → windows, verified one by one → the
 * whole, verified again → done. Killed anywhere, the next run finds what is right in the target and goes on
 * from there; the bytes are the truth, there is no journal to trust.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RetryOptions } from '../core/retry.ts';
import { withLock } from '../io/lock-file.ts';
import type { ReadStore } from '../store/store.ts';
import type { MetadataReader, ReleaseSelector, Releases } from '../trust/releases.ts';
import { Assembler, type AssemblyTotals } from './assembler.ts';
import type { FetchProgress, FetchReport } from './fetch-report.ts';
import { finishImage } from './finish-image.ts';
import { FrameSource, type FrameSpan } from './frame-source.ts';
import { keptWindows } from './kept-windows.ts';
import { Level2Source } from './level2-source.ts';
import { type OpenedImage, openImage } from './open-image.ts';
import { addFrames, type Batch, chooseWays, planBatches, sourceOf, type WindowWay } from './plan.ts';
import { bytesOf, defaultCosts, planRanges, type RangeCosts, type RangeRequest } from './ranges.ts';
import { closeSeed, openSeed, type Seed } from './seeds.ts';
import { Spool } from './spool.ts';
import { TableCursor } from './table-cursor.ts';
import { checkSpace, lockPath, openTarget, type Target, type TargetLook, targetToLookAt } from './target.ts';
import { type Budget, checkBudget, type Usage, withBudget } from './with-budget.ts';

export interface FetchOptions {
  readonly product: string;
  readonly selector: ReleaseSelector;
  /** May be left out when the release has one image. */
  readonly image?: string | undefined;
  /** A file, which is replaced when all is done, or a block device, which is written in place. */
  readonly output: string;
  /** Files and block devices that may hold some of the image; the output is one by itself. */
  readonly seeds?: readonly string[] | undefined;
  /** Write into an existing file as into a block device. */
  readonly inPlace?: boolean | undefined;
  readonly budget?: Budget | undefined;
  /** Plan and count, but write nothing. */
  readonly dryRun?: boolean | undefined;
  /** Where seed indexes are kept for the next update. Default: nowhere. */
  readonly stateDirectory?: string | undefined;
  readonly costs?: RangeCosts | undefined;
  /** Requests at once. Default 4. */
  readonly parallel?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
}

/**
 * Rebuilds an image at `options.output`.
 *
 * Memory is bounded whatever the size of the image: see docs/guides/fetch.md.
 *
 * @param openReleases how metadata is trusted
 * @throws SiltError RELEASE_NOT_FOUND, SEED_INVALID, TARGET_INVALID, OVER_BUDGET, NO_SPACE, LOCKED, NETWORK,
 *   DIGEST_MISMATCH, … What was written stays and serves the next run; the output itself is untouched.
 */
export async function fetchImage(
  store: ReadStore,
  openReleases: (store: MetadataReader) => Releases,
  options: FetchOptions,
): Promise<FetchReport> {
  const started = performance.now();
  const { signal } = options;
  const retry: RetryOptions = { ...options.retry, signal };
  const budget = options.budget ?? {};
  const metered = withBudget(store, budget);
  const opened = await openImage(metered.store, openReleases(metered.store), options, retry);
  await using stack = new AsyncDisposableStack();
  const dryRun = options.dryRun === true;
  const inPlace = options.inPlace === true;
  const job: Job = {
    options,
    opened,
    store: metered.store,
    usage: metered.usage,
    budget,
    retry,
    costs: options.costs ?? defaultCosts,
    stack,
  };
  if (dryRun) {
    const scratch = mkdtempSync(join(tmpdir(), 'silt-plan-'));
    stack.defer(() => rmSync(scratch, { recursive: true, force: true }));
    const look = targetToLookAt(options.output, opened.image.size, inPlace);
    const planned = await plan(job, scratch, look);
    return report(job, planned, undefined, started);
  }
  const lock = { waitMs: 0, signal };
  return await withLock(lockPath(options.output), lock, () => fetchInto(job, inPlace, started));
}

async function fetchInto(job: Job, inPlace: boolean, started: number): Promise<FetchReport> {
  const { options, opened } = job;
  // Closed before the lock is given back.
  await using stack = new AsyncDisposableStack();
  const target = await openTarget(options.output, opened.image.size, inPlace);
  stack.defer(() => target.close());
  const look =
    target.file.initialSize === 0 ? undefined : { path: target.file.path, changes: target.inPlace };
  const planned = await plan({ ...job, stack }, target.scratch, look);
  if (!target.inPlace) checkSpace(target.scratch, bytesToWrite(opened, planned.ways));
  const totals = await rebuild(job, planned, target);
  await finishImage(opened.head, target, {
    output: options.output,
    stateDirectory: options.stateDirectory,
    signal: options.signal,
    onProgress: (done) => progress(job, 'verify', done, opened.image.size, undefined),
  });
  return report(job, planned, totals, started);
}

interface Job {
  readonly options: FetchOptions;
  readonly opened: OpenedImage;
  readonly store: ReadStore;
  readonly usage: Usage;
  readonly budget: Budget;
  readonly retry: RetryOptions;
  readonly costs: RangeCosts;
  readonly stack: AsyncDisposableStack;
}

interface Planned {
  readonly seeds: readonly Seed[];
  readonly ways: readonly WindowWay[];
  readonly level2: Level2Source;
  readonly spool: Spool;
  readonly requests: readonly RangeRequest<FrameSpan>[];
  /** The first batch, which is the only one but for large images; spent by {@link TableCursor}. */
  firstBatch: Batch | undefined;
}

async function plan(job: Job, scratch: string, look: TargetLook | undefined): Promise<Planned> {
  const { opened, stack, costs } = job;
  const { head } = opened;
  const seeds = await openSeeds(job, scratch, look);
  const there = look === undefined ? undefined : seeds.at(-1);
  const kept = there === undefined ? new Set<number>() : keptWindows(head.windows, there.index);
  const ways = chooseWays(head, seeds, kept);
  const spool = new Spool(join(scratch, 'spool'));
  stack.defer(() => spool.close());
  const level2 = new Level2Source(job.store, opened.indexKey, head, spool, job.retry);
  const rebuilt = ways.flatMap(({ way }, window) => (way === 'rebuild' ? [window] : []));
  const level2Requests = level2.requestsFor(rebuilt, costs);
  const soFar = (requests: number, bytes: number): void =>
    checkBudget(job.budget, job.usage.requests + requests, job.usage.bytes + bytes, 'in all');
  soFar(level2Requests.length, bytesOf(level2Requests));
  progress(job, 'index', 0, 1, undefined);
  await level2.load(level2Requests);
  const spans = new Map<number, FrameSpan>();
  let firstBatch: Batch | undefined;
  for (const batch of planBatches(head, rebuilt, (window) => level2.map(window), seeds)) {
    firstBatch ??= batch;
    for (const window of batch.windows) {
      const entry = head.windows[window] as (typeof head.windows)[number];
      const isFrame = (chunk: { hint: number; length: number }): boolean =>
        sourceOf(chunk, entry, batch.table, seeds).from === 'frame';
      addFrames(head, window, level2.map(window), isFrame, spans);
    }
    job.options.signal?.throwIfAborted();
  }
  const requests = planRanges([...spans.values()], costs);
  soFar(requests.length, bytesOf(requests));
  return { seeds, ways, level2, spool, requests, firstBatch };
}

async function openSeeds(job: Job, scratch: string, look: TargetLook | undefined): Promise<Seed[]> {
  const { options, opened, stack } = job;
  const { chunker, windowing } = opened.head;
  const paths = new Map<string, boolean>();
  for (const path of options.seeds ?? []) paths.set(path, false);
  if (look !== undefined) paths.set(look.path, look.changes);
  const seeds: Seed[] = [];
  for (const [path, isTarget] of paths) {
    const places = { saved: options.stateDirectory, scratch };
    const seed = await openSeed(path, places, chunker, windowing, {
      isTarget,
      signal: options.signal,
      onProgress: (done, total) => progress(job, 'seeds', done, total, undefined),
    });
    stack.defer(() => closeSeed(seed));
    seeds.push(seed);
  }
  return seeds;
}

async function rebuild(job: Job, planned: Planned, target: Target): Promise<AssemblyTotals> {
  const { opened, store, usage, costs, retry, options } = job;
  const { head } = opened;
  const { ways, seeds, level2 } = planned;
  const bytesToFetch = usage.bytes + bytesOf(planned.requests);
  const frames = new FrameSource(store, head.packs, planned.requests, planned.spool, {
    parallel: options.parallel,
    retry,
  });
  const assembler = new Assembler({ head, seeds, target, level2, frames, costs });
  const tables = new TableCursor(head, planned);
  for (const [index, way] of ways.entries()) {
    options.signal?.throwIfAborted();
    if (way.way === 'keep') continue;
    await assembler.build(index, way, way.way === 'rebuild' ? tables.tableFor(index) : undefined);
    const { offset, length } = head.windows[index] as (typeof head.windows)[number];
    progress(job, 'rebuild', offset + length, opened.image.size, bytesToFetch);
    // Windows from seeds never wait; requests under way need a turn as well.
    await new Promise(setImmediate);
  }
  target.settle(opened.image.size);
  return assembler.totals;
}

function bytesToWrite(opened: OpenedImage, ways: readonly WindowWay[]): number {
  return opened.head.windows.reduce((sum, { length }, window) => {
    const { way } = ways[window] as WindowWay;
    return way === 'keep' || way === 'zero' ? sum : sum + length;
  }, 0);
}

function progress(
  job: Job,
  phase: FetchProgress['phase'],
  bytesDone: number,
  bytesTotal: number,
  bytesToFetch: number | undefined,
): void {
  const bytesFetched = job.usage.bytes;
  job.options.onProgress?.({ phase, bytesDone, bytesTotal, bytesFetched, bytesToFetch });
}

function report(
  job: Job,
  planned: Planned,
  totals: AssemblyTotals | undefined,
  started: number,
): FetchReport {
  const { opened, usage } = job;
  const { manifest, image, head } = opened;
  const count = (way: WindowWay['way']): number => planned.ways.filter((each) => each.way === way).length;
  const lengthOf = (way: WindowWay['way']): number =>
    head.windows.reduce((sum, { length }, i) => (planned.ways[i]?.way === way ? sum + length : sum), 0);
  // A dry run has asked for everything but the frames.
  const toCome = totals === undefined ? planned.requests : [];
  const kept = lengthOf('keep');
  return {
    product: manifest.product,
    version: manifest.version,
    counter: manifest.counter,
    image: image.name,
    imageSize: image.size,
    dryRun: totals === undefined,
    upToDate: kept === image.size,
    bytesFetched: usage.bytes + bytesOf(toCome),
    requests: usage.requests + toCome.length,
    metadataBytes: usage.metadataBytes,
    indexBytes: usage.indexBytes,
    dataBytes: usage.dataBytes + bytesOf(toCome),
    bytesFromSeeds: totals?.bytesFromSeeds ?? lengthOf('copy'),
    bytesFromDelta: 0,
    bytesFromTarget: totals?.bytesFromTarget ?? 0,
    bytesZero: totals?.bytesZero ?? lengthOf('zero'),
    bytesKept: kept,
    bytesFromPacks: totals?.bytesFromPacks ?? 0,
    bytesWritten: totals?.bytesWritten ?? 0,
    windows: {
      total: head.windows.length,
      kept: count('keep'),
      zero: count('zero'),
      copied: count('copy'),
      rebuilt: count('rebuild'),
      repaired: totals?.repaired ?? 0,
    },
    seconds: (performance.now() - started) / 1000,
  };
}
