/**
 * Chooses the delta of a fetch: reads the heads of those that may fit, and compares what they say with the
 * seeds.
 *
 * Where a seed is not a Base to the last byte, the windows that a delta copies from its Base tell how near it is:
 * their digests are in the Index, and their bytes are here. So the heads of at most three deltas are read, about
 * 20 bytes a window each.
 *
 * @module
 */
import { toHex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import type { BaseReader } from '../delta/base-reader.ts';
import { type DeltaHead, type DeltaWindow, decodeDeltaHead } from '../format/delta-file.ts';
import type { IndexHead, WindowEntry } from '../format/index-head.ts';
import type { ManifestDelta } from '../format/manifest.ts';
import type { ObjectSeal } from '../trust/seal/content-key.ts';
import { openHead } from '../trust/seal/sealed-head.ts';
import { type DeltaCandidate, listCandidates, worthOfHead } from './delta-candidates.ts';
import { isDeltaLost } from './delta-trust.ts';
import type { Job } from './fetch-job.ts';
import type { WindowWay } from './plan.ts';
import { readHead } from './read-head.ts';
import type { Seed } from './seeds.ts';
import { isWindow } from './verified-window.ts';

const MAX_HEADS = 3;

/** Copied windows that are read to be compared. */
const MAX_SAMPLES = 64;

/** A wrong copy speaks against a delta more than a right one speaks for it: releases have most in common. */
const WRONG_WEIGHT = 2;

export interface ChosenDelta {
  readonly key: string;
  readonly head: DeltaHead;
  /** Of a sealed release: opens payloads. */
  readonly seal: ObjectSeal | undefined;
  /** Number of the seed that is the Base, or something near it. */
  readonly seed: number;
  readonly base: BaseReader;
  /** The seed is the Base, as far as is known. */
  readonly confirmed: boolean;
}

export interface DeltaChoice {
  readonly delta: ChosenDelta | undefined;
  /** Why one that would have fitted is not used. */
  readonly problem: string | undefined;
}

/**
 * The delta to use for the windows that `ways` would rebuild from chunks. One that cannot be read is no error:
 * chunks do as well.
 *
 * @throws SiltError NETWORK, IO_FAILED; the reason of the signal
 */
export async function chooseDelta(
  job: Job,
  seeds: readonly Seed[],
  ways: readonly WindowWay[],
): Promise<DeltaChoice> {
  const { image, head } = job.opened;
  const worth = worthOfHead(head, ways);
  const heads = new Map<string, OpenedDelta | undefined>();
  let problem: string | undefined;
  let delta: ChosenDelta | undefined;
  let score = -Infinity;
  for (const candidate of listCandidates(image.deltas ?? [], seeds)) {
    const { entry, seed, confirmed } = candidate;
    if (entry.head.size >= worth) continue;
    const key = `deltas/${entry.sha256}`;
    if (!heads.has(key)) {
      if (heads.size === MAX_HEADS) break;
      const found = await readDeltaHead(job, key, entry);
      problem ??= found.problem;
      heads.set(key, found.delta);
    }
    const opened = heads.get(key);
    if (opened === undefined) continue;
    const chosen = chosenOf(key, opened, candidate, seeds);
    if (confirmed) return { delta: chosen, problem };
    const found = await nearness(head, opened.head, seeds[seed] as Seed, job.options.signal);
    if (found !== undefined && found > score) {
      score = found;
      delta = chosen;
    }
  }
  return { delta, problem };
}

type OpenedDelta = Pick<ChosenDelta, 'head' | 'seal'>;

function chosenOf(
  key: string,
  opened: OpenedDelta,
  { entry, seed, confirmed }: DeltaCandidate,
  seeds: readonly Seed[],
): ChosenDelta {
  const { read } = (seeds[seed] as Seed).file;
  // A device may be larger than the image it holds.
  return { key, ...opened, seed, base: { size: entry.base.size, read }, confirmed };
}

async function readDeltaHead(
  { store, retry, opened }: Job,
  key: string,
  entry: ManifestDelta,
): Promise<{ delta?: OpenedDelta; problem?: string }> {
  try {
    const bytes = await readHead(store, key, entry.head, retry);
    const { plain, seal } = openHead('delta', bytes, opened.contentKey, key);
    const head = decodeDeltaHead(plain, bytes.length);
    checkHead(key, head, entry, opened.head);
    return { delta: { head, seal } };
  } catch (error) {
    if (!isDeltaLost(error) && !isSiltError(error, 'OVER_BUDGET')) throw error;
    return { problem: (error as SiltError).message };
  }
}

/** @throws SiltError FORMAT_INVALID for a delta that does not do what the manifest says */
function checkHead(
  key: string,
  delta: DeltaHead,
  entry: ManifestDelta,
  { imageSize, ...index }: IndexHead,
): void {
  const payloadsEnd = delta.windows.reduce(
    (end, { source }) => (source.kind === 'coded' ? source.payload.offset + source.payload.length : end),
    entry.head.size,
  );
  const fits =
    delta.base.size === entry.base.size &&
    toHex(delta.base.digest) === entry.base.sha256 &&
    delta.target.size === imageSize &&
    toHex(delta.target.digest) === toHex(index.imageDigest) &&
    payloadsEnd <= entry.size &&
    delta.windows.length === index.windows.length &&
    delta.windows.every(({ length }, i) => length === index.windows[i]?.length);
  if (fits) return;
  throw new SiltError('FORMAT_INVALID', `the delta ${key} is not for the images that the manifest says`, {
    details: { key },
  });
}

/**
 * How near a seed is to the Base of a delta: larger is nearer; `undefined` when most of what would be copied is
 * not there. A delta that copies nothing says nothing, and then chunks are the better choice: images of one size
 * are releases of one product more often than one that has changed a little.
 */
export async function nearness(
  { windows }: IndexHead,
  delta: DeltaHead,
  seed: Seed,
  signal?: AbortSignal | undefined,
): Promise<number | undefined> {
  const copies = windows
    .map((window, i) => ({ window, source: (delta.windows[i] as DeltaWindow).source }))
    .flatMap(({ window, source }) =>
      source.kind === 'copy' && window.digest !== undefined ? [{ window, from: source.from }] : [],
    );
  if (copies.length === 0) return undefined;
  const every = Math.ceil(copies.length / MAX_SAMPLES);
  const samples = copies.filter((_, i) => i % every === 0);
  const buffer = new Uint8Array(samples.reduce((max, { window }) => Math.max(max, window.length), 0));
  let right = 0;
  for (const { window, from } of samples) {
    if (holdsAt(seed, window, from, buffer)) right += 1;
    await new Promise(setImmediate);
    signal?.throwIfAborted();
  }
  const wrong = samples.length - right;
  return wrong > right ? undefined : (copies.length / samples.length) * (right - WRONG_WEIGHT * wrong);
}

function holdsAt({ file, index }: Seed, window: WindowEntry, from: number, buffer: Uint8Array): boolean {
  if (index.window(window.digest as Uint8Array)?.offset === from) return true;
  const bytes = buffer.subarray(0, window.length);
  return file.read(from, bytes) === bytes.length && isWindow(window, bytes);
}
