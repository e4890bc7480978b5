/**
 * From the cells of a benchmark to what its reports show: medians over the rounds with their spread, what
 * publishing and storing cost, and ratios to one tool. Plain data in, plain data out; nothing is drawn here.
 *
 * A ratio compares runs of the same round only: those ran next to each other on the same machine, so what slows
 * one slows the other as well.
 *
 * @module
 */
import type { Link } from './link.ts';
import type { Kind } from './peer.ts';
import type {
  BenchResult,
  FetchCell,
  Machine,
  PairInfo,
  PublishCell,
  SkippedCell,
  ToolInfo,
} from './result.ts';

export type Scenario = FetchCell['scenario'];

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

/** Which fetches belong together. */
export interface FetchPlace {
  readonly pair: string;
  readonly tool: string;
  readonly link: string;
  readonly scenario: Scenario;
}

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

export interface BenchSummary {
  readonly started: string;
  readonly machine: Machine;
  readonly silt: BenchResult['silt'];
  /** Name of the tool that the ratios are to. */
  readonly reference: string;
  readonly pairs: readonly PairInfo[];
  readonly tools: readonly ToolInfo[];
  readonly links: readonly Link[];
  readonly fetches: readonly FetchSummary[];
  readonly publishes: readonly PublishSummary[];
  readonly skipped: readonly SkippedCell[];
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
  const { pair, tool, link, scenario } = place;
  return summary.fetches.find(
    (one) => one.pair === pair && one.tool === tool && one.link === link && one.scenario === scenario,
  );
}

/** What publishing this pair by this tool cost; `undefined` when it was not measured. */
export function publishAt(summary: BenchSummary, pair: string, tool: string): PublishSummary | undefined {
  return summary.publishes.find((one) => one.pair === pair && one.tool === tool);
}

/**
 * Why something was not measured. What was skipped in part is no reason for the whole: without a link only
 * what holds for all links counts, and the same for scenarios.
 */
export function whySkipped(
  summary: BenchSummary,
  place: Pick<FetchPlace, 'pair' | 'tool'> & Partial<FetchPlace>,
): string | undefined {
  const found = summary.skipped.filter(
    ({ pair, tool, link, scenario }) =>
      pair === place.pair &&
      tool === place.tool &&
      (link === undefined || link === place.link) &&
      (scenario === undefined || scenario === place.scenario),
  );
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
