/**
 * The bounds that the delta codec is held to, and whether it keeps them.
 *
 * Bounds of size were set on images of one day. Debian's move on, so a bound is scaled by what the best peer makes
 * of the images that are here: on the very images of that day it is the number below.
 *
 * @module
 */
import { formatCount, formatRatio } from '../../src/compare/figures.ts';
import type { TableCell } from '../../src/compare/report-table.ts';
import { MiB } from '../../src/core/sizes.ts';
import { bestPeer, CLOCK, type DeltaFigures, figuresOf, type PairFigures } from './delta-figures.ts';
import { isSilt, SILT } from './silt-delta.ts';

/** Bytes of a patch: of the best peer then, what silt must reach, and what it aims at. */
const SIZES: Readonly<
  Record<string, { readonly peer: number; readonly must: number; readonly aim: number }>
> = {
  node24: { peer: 2_200_254, must: 2_200_000, aim: 1_750_000 },
  ext4: { peer: 3_183_906, must: 3_180_000, aim: 2_600_000 },
  erofs: { peer: 5_645_089, must: 5_640_000, aim: 4_800_000 },
  kernel: { peer: 21_359_811, must: 21_300_000, aim: 17_000_000 },
};

export interface Goal {
  readonly what: string;
  /** The best peer in this run. */
  readonly peer: number | undefined;
  readonly must: number;
  readonly aim: number;
  readonly found: number;
  /** Whether more is better. */
  readonly more?: true;
  readonly format: (value: number) => string;
}

const megabytes = (bytes: number): string => `${formatCount(Math.round(bytes / 1e6))} MB`;
const mebibytes = (bytes: number): string => `${Math.round(bytes / MiB)} MiB`;
const speed = (bytes: number): string => `${formatCount(Math.round(bytes / 1e6))} MB/s`;

/** Every bound that these pairs tell something of. */
export function goalsOf(pairs: readonly PairFigures[]): Goal[] {
  return [...pairs.flatMap(sizeGoal), ...encodeTime(pairs), ...encodeMemory(pairs), ...patching(pairs)];
}

/** `aim`, `must` or `no`: the best of what is reached. */
export function reached({ must, aim, found, more }: Goal): 'aim' | 'must' | 'no' {
  const keeps = (bound: number): boolean => (more ? found >= bound : found <= bound);
  return keeps(aim) ? 'aim' : keeps(must) ? 'must' : 'no';
}

/** A row of the table: what, best peer, must, aim, silt, reached. */
export function goalRow(goal: Goal): TableCell[] {
  const { what, peer, must, aim, found, more, format } = goal;
  const bound = (value: number): string => `${more ? '≥' : '≤'} ${format(value)}`;
  const texts = [what, peer === undefined ? '' : format(peer), bound(must), bound(aim), format(found)];
  return [...texts.map((text) => ({ text })), { text: reached(goal) }];
}

function sizeGoal(figures: PairFigures): Goal[] {
  const [goal, peer, silt] = [SIZES[figures.pair], bestPeer(figures), figuresOf(figures, SILT)];
  if (goal === undefined || peer === undefined || silt === undefined) return [];
  const scaled = (bytes: number): number => Math.round((bytes * peer.patchBytes) / goal.peer);
  return [
    {
      what: `${figures.pair}, patch bytes`,
      peer: peer.patchBytes,
      must: scaled(goal.must),
      aim: scaled(goal.aim),
      found: silt.patchBytes,
      format: formatCount,
    },
  ];
}

/** Below this it is the start of a program that is measured. */
const LEAST_SECONDS = 2;

/** On the pair where it looks worst, of those that take some time. */
function encodeTime(pairs: readonly PairFigures[]): Goal[] {
  const ratios = pairs.flatMap((figures) => {
    const [silt, peer] = [figuresOf(figures, SILT), figuresOf(figures, CLOCK)];
    const known = silt !== undefined && peer !== undefined && peer.encode.wallSeconds >= LEAST_SECONDS;
    return known ? [{ pair: figures.pair, ratio: silt.encode.wallSeconds / peer.encode.wallSeconds }] : [];
  });
  return worst(ratios, ({ ratio }) => ratio).map(({ pair, ratio }) => ({
    what: `time to encode, against hdiffz with zstd (${pair})`,
    ...{ peer: 1, must: 1.5, aim: 0.7, found: ratio, format: formatRatio },
  }));
}

function encodeMemory(pairs: readonly PairFigures[]): Goal[] {
  return withSilt(pairs.filter(({ pair }) => pair === 'ext4')).map(({ figures, silt }) => ({
    what: 'ext4, peak memory to encode',
    peer: bestPeer(figures)?.encode.peakMemory,
    ...{ must: 1e9, aim: 500e6, found: silt.encode.peakMemory, format: megabytes },
  }));
}

function patching(pairs: readonly PairFigures[]): Goal[] {
  const all = withSilt(pairs);
  const memory = worst(all, ({ silt }) => silt.apply.peakMemory).map(({ figures, silt }): Goal => {
    return {
      what: `peak memory to patch (${figures.pair})`,
      peer: bestPeer(figures)?.apply.peakMemory,
      ...{ must: 140 * MiB, aim: 100 * MiB, found: silt.apply.peakMemory, format: mebibytes },
    };
  });
  const node = all.filter(({ figures }) => figures.pair === 'node24');
  const speeds = node.map(({ figures, silt }): Goal => {
    return {
      what: 'node24, speed of patching',
      peer: Math.max(...figures.tools.filter(({ tool }) => !isSilt(tool)).map((one) => one.applySpeed), 0),
      ...{ must: 150e6, aim: 400e6, found: silt.applySpeed, format: speed, more: true },
    };
  });
  return [...memory, ...speeds];
}

function withSilt(pairs: readonly PairFigures[]): { figures: PairFigures; silt: DeltaFigures }[] {
  return pairs.flatMap((figures) => {
    const silt = figuresOf(figures, SILT);
    return silt === undefined ? [] : [{ figures, silt }];
  });
}

/** The one of most; none of none. */
function worst<T>(all: readonly T[], of: (one: T) => number): T[] {
  return all.toSorted((a, b) => of(b) - of(a)).slice(0, 1);
}
