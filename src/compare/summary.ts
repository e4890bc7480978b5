/**
 * From the cells of a benchmark to what its reports show: medians over the rounds with their spread, what
 * publishing and storing cost, and ratios to one tool. Plain data in, plain data out; nothing is drawn here.
 *
 * A ratio compares runs of the same round only: those ran next to each other on the same machine, so what slows
 * one slows the other as well.
 *
 * @module
 */
import type { Kind } from './peer.ts';
import {
  type BenchResult,
  covers,
  type FetchCell,
  type FetchPlace,
  isAt,
  type PublishCell,
  type SkippedCell,
} from './result.ts';

/** One figure, measured several times. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What is told of a device that takes a release. */
export const FETCH_MEASURES = [
  'download',
  'wireBytes',
  'requests',
  'attempts',
  'wallSeconds',
  'cpuSeconds',
  'peakMemory',
] as const;

/** `download` is the sum of the bytes of all kinds; the others are called as in {@link FetchCell}. */
export type FetchMeasure = (typeof FETCH_MEASURES)[number];

export interface FetchSummary extends FetchPlace, Readonly<Record<FetchMeasure, Spread>> {
  readonly rounds: number;
  readonly bytes: Readonly<Record<Kind, Spread>>;
  /** This tool's figure over the reference's; a measure is absent when no round has both. */
  readonly ratios: Readonly<Partial<Record<FetchMeasure, Spread>>>;
}

/** One release on the publisher's side. */
export interface PublishedRelease {
  readonly release: number;
  readonly wallSeconds: Spread;
  readonly cpuSeconds: Spread;
  readonly peakMemory: Spread;
  /** Bytes and files of the site after this release. */
  readonly storedBytes: number;
  readonly objects: number;
}

export interface PublishSummary {
  readonly pair: string;
  readonly tool: string;
  readonly first: PublishedRelease;
  readonly last: PublishedRelease;
  /** All of them, the oldest first. */
  readonly releases: readonly PublishedRelease[];
}

export interface BenchSummary extends Omit<BenchResult, 'format' | 'fetches' | 'publishes'> {
  /** Name of the tool that the ratios are to. */
  readonly reference: string;
  readonly fetches: readonly FetchSummary[];
  readonly publishes: readonly PublishSummary[];
}

/** @param reference the tool that others are compared with. Default: `silt` */
export function summarise(result: BenchResult, reference = 'silt'): BenchSummary {
  const { started, machine, silt, pairs, tools, links, skipped } = result;
  const groups = Map.groupBy(result.fetches, placeKey);
  const fetches = [...groups.values()].map((cells) => {
    const [first] = cells as [FetchCell];
    return summariseFetches(cells, groups.get(placeKey({ ...first, tool: reference })) ?? []);
  });
  const published = Map.groupBy(result.publishes, ({ pair, tool }) => JSON.stringify([pair, tool]));
  const publishes = [...published.values()].map(summarisePublishes);
  return { started, machine, silt, reference, pairs, tools, links, fetches, publishes, skipped };
}

/** The fetches of one place; `undefined` when it was not measured. */
export function fetchAt(summary: BenchSummary, place: FetchPlace): FetchSummary | undefined {
  return summary.fetches.find((one) => isAt(one, place));
}

/**
 * As {@link fetchAt}, or, for a tool that was not measured over that link, over the first one where it was: good
 * for bytes and requests, which hardly differ, and never for time.
 */
export function fetchNear(summary: BenchSummary, place: FetchPlace): FetchSummary | undefined {
  const links = [place.link, ...summary.links.map(({ name }) => name)];
  for (const link of links) {
    const found = fetchAt(summary, { ...place, link });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** How often a fetch was measured, at most. */
export function mostRounds({ fetches }: Pick<BenchSummary, 'fetches'>): number {
  return Math.max(0, ...fetches.map(({ rounds }) => rounds));
}

/** What publishing this pair by this tool cost; `undefined` when it was not measured. */
export function publishAt(summary: BenchSummary, pair: string, tool: string): PublishSummary | undefined {
  return summary.publishes.find((one) => one.pair === pair && one.tool === tool);
}

/** Why something was not measured: of several reasons the one that says most precisely where. */
export function whySkipped(
  summary: BenchSummary,
  place: Pick<FetchPlace, 'pair' | 'tool'> & Partial<FetchPlace>,
): string | undefined {
  const found = summary.skipped.filter((cell) => covers(cell, place));
  const detail = (one: SkippedCell): number =>
    Number(one.link !== undefined) + Number(one.scenario !== undefined);
  return found.toSorted((a, b) => detail(b) - detail(a))[0]?.reason;
}

/** Median, least and most. The median of an even number of values is the mean of the two in the middle. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  if (low === undefined || high === undefined) throw new RangeError('a spread needs at least one value');
  return { median: (low + high) / 2, min: sorted[0] as number, max: sorted.at(-1) as number };
}

/** Everything a device was sent to get the release. */
export function downloadOf({ bytes }: Pick<FetchCell, 'bytes'>): number {
  return bytes.data + bytes.index + bytes.metadata;
}

function placeKey({ pair, tool, link, scenario }: FetchPlace): string {
  return JSON.stringify([pair, tool, link, scenario]);
}

function summariseFetches(cells: readonly FetchCell[], reference: readonly FetchCell[]): FetchSummary {
  const { pair, tool, link, scenario } = cells[0] as FetchCell;
  const ofKind = (kind: Kind): Spread => spreadOf(cells.map(({ bytes }) => bytes[kind]));
  const bytes = { data: ofKind('data'), index: ofKind('index'), metadata: ofKind('metadata') };
  const measures = Object.fromEntries(
    FETCH_MEASURES.map((measure) => [measure, spreadOf(cells.map((cell) => figure(cell, measure)))]),
  ) as Record<FetchMeasure, Spread>;
  const ratios = ratiosOf(cells, reference);
  return { pair, tool, link, scenario, rounds: cells.length, bytes, ...measures, ratios };
}

function ratiosOf(cells: readonly FetchCell[], reference: readonly FetchCell[]): FetchSummary['ratios'] {
  const byRound = new Map(reference.map((cell) => [cell.round, cell]));
  const ratios: Partial<Record<FetchMeasure, Spread>> = {};
  for (const measure of FETCH_MEASURES) {
    const values = cells.flatMap((cell) => {
      const other = byRound.get(cell.round);
      const under = other === undefined ? 0 : figure(other, measure);
      // A clock of 10 ms reads zero for a short run; nothing can be told over that.
      return under > 0 ? [figure(cell, measure) / under] : [];
    });
    if (values.length > 0) ratios[measure] = spreadOf(values);
  }
  return ratios;
}

function figure(cell: FetchCell, measure: FetchMeasure): number {
  return measure === 'download' ? downloadOf(cell) : cell[measure];
}

function summarisePublishes(cells: readonly PublishCell[]): PublishSummary {
  const { pair, tool } = cells[0] as PublishCell;
  const releases = [...Map.groupBy(cells, ({ release }) => release)]
    .toSorted(([a], [b]) => a - b)
    .map(([release, same]): PublishedRelease => {
      const of = (measure: 'wallSeconds' | 'cpuSeconds' | 'peakMemory'): Spread =>
        spreadOf(same.map((cell) => cell[measure]));
      const { storedBytes, objects } = same.at(-1) as PublishCell;
      return {
        release,
        wallSeconds: of('wallSeconds'),
        cpuSeconds: of('cpuSeconds'),
        peakMemory: of('peakMemory'),
        storedBytes,
        objects,
      };
    });
  return {
    pair,
    tool,
    first: releases[0] as PublishedRelease,
    last: releases.at(-1) as PublishedRelease,
    releases,
  };
}
