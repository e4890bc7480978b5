/**
 * Fetches an image: manifest → level 1 → plan → only the missing bytes → windows, verified one by one → the
 * whole, verified again → done. Killed anywhere, the next run finds what is right in the target and goes on
 * from there; the bytes are the truth, there is no journal to trust.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RetryOptions } from '../core/retry.ts';
import { makeScratchSync, removeTreeSync } from '../io/disk.ts';
import { withLock } from '../io/lock-file.ts';
import { outputLockPath } from '../io/part-file.ts';
import { sweepTemporaries } from '../io/temporary-name.ts';
import type { ReadStore } from '../store/store.ts';
import { withRemnants } from '../store/with-remnants.ts';
import type { MetadataReader, Releases } from '../trust/releases.ts';
import { type AssemblyTotals, noTotals } from './assembly-totals.ts';
import { type FetchOptions, type Job, tell } from './fetch-job.ts';
import type { FetchReport } from './fetch-report.ts';
import { finishImage } from './finish-image.ts';
import { openImage } from './open-image.ts';
import type { WindowWay } from './plan.ts';
import { deltaObject } from './plan-delta.ts';
import { planFetch } from './plan-fetch.ts';
import type { Planned } from './plan-requests.ts';
import { bytesOf, defaultCosts } from './ranges.ts';
import { rebuild } from './rebuild.ts';
import { listSeeds } from './seed-paths.ts';
import { checkSpace, lookAtOutput, openTarget, type Target, targetToLookAt } from './target.ts';
import { withBudget } from './with-budget.ts';

export type { FetchOptions } from './fetch-job.ts';

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
  const inPlace = options.inPlace === true;
  const look = lookAtOutput(options.output, inPlace);
  const seedPaths = listSeeds(options.seeds ?? [], look.replaced, look.target);
  const metered = withBudget(store, budget);
  const opened = await openImage(metered.store, openReleases(metered.store), options, retry);
  await using stack = new AsyncDisposableStack();
  const job: Job = {
    options,
    opened,
    seedPaths,
    store: withRemnants(metered.store),
    usage: metered.usage,
    budget,
    retry,
    costs: options.costs ?? defaultCosts,
    stack,
  };
  if (options.dryRun === true) {
    const scratch = makeScratchSync(join(tmpdir(), 'silt-plan-'));
    stack.defer(() => removeTreeSync(scratch));
    const planned = await planFetch(job, scratch, targetToLookAt(options.output, opened.image.size, inPlace));
    return report(job, planned, undefined, started);
  }
  // Nobody is there to remove one that a power cut has torn.
  const lock = { waitMs: 0, signal, durable: true };
  return await withLock(outputLockPath(options.output), lock, () => fetchInto(job, inPlace, started));
}

async function fetchInto(job: Job, inPlace: boolean, started: number): Promise<FetchReport> {
  const { options, opened } = job;
  // Closed before the lock is given back.
  await using stack = new AsyncDisposableStack();
  await sweepTemporaries(dirname(outputLockPath(options.output)));
  const target = openTarget(options.output, opened.image.size, inPlace);
  stack.defer(() => target.close());
  const there = target.inPlace || target.file.initialSize > 0 ? target.file.path : undefined;
  const planned = await planFetch({ ...job, stack }, target.scratch, there);
  if (planned.upToDate && !target.inPlace) {
    target.discard();
    // Who gave the output its name may have been killed before the fsync; that of the lock beside it was later.
    return report(job, planned, noTotals(), started);
  }
  // Before the first byte of an image is asked for. A device has the room that it has, which openTarget checked.
  if (!target.file.isBlockDevice) {
    checkSpace(dirname(target.file.path), bytesToAllocate(job, planned, target));
  }
  const { totals, ...built } = await rebuild(job, planned, target);
  await finishImage(opened.head, target, {
    output: options.output,
    stateDirectory: options.stateDirectory,
    signal: options.signal,
    onProgress: (done) => tell(job, 'verify', done, opened.image.size),
  });
  return report(job, { ...planned, ...built }, totals, started);
}

/** Bytes that will take up space that the target does not take up yet. */
function bytesToAllocate({ opened }: Job, { ways }: Planned, { file }: Target): number {
  const had = file.initialSize;
  let behind = 0;
  let over = 0;
  for (const [i, { offset, length }] of opened.head.windows.entries()) {
    const { way } = ways[i] as WindowWay;
    if (way === 'keep') continue;
    const above = Math.max(0, offset + length - Math.max(offset, had));
    // Zeros become a hole behind the end, and are written where there was something.
    if (way !== 'zero') behind += above;
    over += length - above;
  }
  const holes = Math.max(0, had - statSync(file.path).blocks * 512);
  return behind + Math.min(over, holes);
}

function report(
  job: Job,
  planned: Pick<Planned, 'ways' | 'requests' | 'upToDate' | 'deltaProblem'>,
  totals: AssemblyTotals | undefined,
  started: number,
): FetchReport {
  const { opened, usage } = job;
  const { manifest, image, head } = opened;
  const count = (way: WindowWay['way']): number => planned.ways.filter((each) => each.way === way).length;
  const lengthOf = (way: WindowWay['way']): number =>
    head.windows.reduce((sum, { length }, i) => (planned.ways[i]?.way === way ? sum + length : sum), 0);
  // A dry run has asked for everything but frames and payloads.
  const toCome = totals === undefined ? planned.requests : [];
  const ofDelta = bytesOf(toCome.filter(({ object }) => object === deltaObject(head)));
  const kept = lengthOf('keep');
  return {
    product: manifest.product,
    version: manifest.version,
    counter: manifest.counter,
    image: image.name,
    imageSize: image.size,
    dryRun: totals === undefined,
    upToDate: planned.upToDate,
    bytesFetched: usage.bytes + bytesOf(toCome),
    requests: usage.requests + toCome.length,
    metadataBytes: usage.metadataBytes,
    indexBytes: usage.indexBytes,
    deltaBytes: usage.deltaBytes + ofDelta,
    dataBytes: usage.dataBytes + bytesOf(toCome) - ofDelta,
    bytesFromSeeds: totals?.bytesFromSeeds ?? lengthOf('copy'),
    bytesFromDelta: totals?.bytesFromDelta ?? lengthOf('delta'),
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
      delta: count('delta'),
      rebuilt: count('rebuild'),
      repaired: totals?.repaired ?? 0,
    },
    deltaProblem: planned.deltaProblem,
    seconds: (performance.now() - started) / 1000,
  };
}
