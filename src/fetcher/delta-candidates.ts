/**
 * Which delta fits which seed, as far as it can be told without asking the network. Pure.
 *
 * A seed's index knows the digest of what it holds: the image that was installed there, or, where the seed was
 * cut for this fetch, of its first bytes in the sizes of the Bases. A seed that has the digest of a Base is that
 * Base. One of its size only may be the Base altered in a few places, as by a file system that was mounted, or
 * another release in a slot of the same size: `choose-delta.ts` looks closer. A wrong choice costs bytes and
 * nothing else, since every window is held to the digest that the Index gives.
 *
 * @module
 */
import type { IndexHead } from '../format/index-head.ts';
import type { ManifestDelta } from '../format/manifest.ts';
import type { WindowWay } from './plan.ts';
import { mayHold, type Seed } from './seeds.ts';

export interface DeltaCandidate {
  readonly entry: ManifestDelta;
  /** Number of the seed that may be its Base. */
  readonly seed: number;
  /** The seed has the digest of the Base. */
  readonly confirmed: boolean;
}

/**
 * Deltas and the seeds they may be for: those confirmed first, small ones first, as they are from the nearest
 * releases. Never the target: its bytes are gone before the last window has asked for them.
 */
export function listCandidates(entries: readonly ManifestDelta[], seeds: readonly Seed[]): DeltaCandidate[] {
  const candidates: DeltaCandidate[] = [];
  for (const entry of entries) {
    for (const [seed, { file, index, isTarget }] of seeds.entries()) {
      if (isTarget || !mayHold(file, entry.base.size)) continue;
      const confirmed = index.summary.known.some(
        ({ size, sha256 }) => size === entry.base.size && sha256 === entry.base.sha256,
      );
      candidates.push({ entry, seed, confirmed });
    }
  }
  return candidates.sort(
    (a, b) => Number(b.confirmed) - Number(a.confirmed) || a.entry.size - b.entry.size || a.seed - b.seed,
  );
}

/** Stored bytes of chunks are rarely less than this share of the windows they are in. */
const LEAST_SHARE = 1 / 4;

/**
 * Bytes that the head of a delta may have at most: those that the windows to be rebuilt would take without it,
 * guessed low.
 */
export function worthOfHead(head: IndexHead, ways: readonly WindowWay[]): number {
  let worth = 0;
  for (const [i, { length, level2 }] of head.windows.entries()) {
    if (ways[i]?.way === 'rebuild') worth += (level2?.length ?? 0) + length * LEAST_SHARE;
  }
  return worth;
}
