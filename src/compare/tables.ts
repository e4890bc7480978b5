/**
 * The tables of a benchmark: one a pair, with a row a tool, and a small one over the main pairs. `silt bench`,
 * the repository's report and its Markdown files all print these.
 *
 * @module
 */
import { formatBytes, formatCount, formatSeconds } from './figures.ts';
import { drawTerminalTable, type ReportTable } from './report-table.ts';
import type { BenchResult, FetchPlace, PairInfo, Scenario, ToolInfo } from './result.ts';
import { type BenchSummary, fetchAt, fetchNear, publishAt, summarise, whySkipped } from './summary.ts';
import { drawRows, type Figure, type FigureRow, figure, noFigure } from './table-rows.ts';

export interface TableOptions {
  /** Link that download, requests, CPU and memory are of. Default: see {@link detailLink} */
  readonly link?: string;
}

export interface CompactOptions extends TableOptions {
  /** Pairs whose download is shown; those that were not measured are left out. */
  readonly pairs: readonly string[];
  /** The pair that requests and time are of. Default: the first of the pairs */
  readonly focus?: string;
}

/** The link that stands for all where one figure must do: LTE if it was measured, else the first one that was. */
export function detailLink({ links, fetches }: BenchSummary): string | undefined {
  const measured = links.filter(({ name }) => fetches.some(({ link }) => link === name));
  return (measured.find(({ name }) => name === 'lte') ?? measured[0])?.name;
}

/** How people write the name of a link: `LTE`, `3G`. */
export function linkLabel(name: string): string {
  return name.length <= 4 ? name.toUpperCase() : name;
}

/** What one pair costs by each tool, the smallest download first; `undefined` when nothing was measured. */
export function pairTable(
  summary: BenchSummary,
  pair: PairInfo,
  scenario: Scenario,
  options: TableOptions = {},
): ReportTable | undefined {
  const fetches = summary.fetches.filter((one) => one.pair === pair.name && one.scenario === scenario);
  const links = summary.links.filter(({ name }) => fetches.some(({ link }) => link === name));
  const wanted = options.link ?? detailLink(summary);
  const detail = links.find(({ name }) => name === wanted) ?? links[0];
  if (detail === undefined) return undefined;
  const update = scenario === 'update';
  // No delta tool installs without a seed; that is no gap to be explained.
  const expected = ({ name, family }: ToolInfo): boolean =>
    update || family !== 'delta' || fetches.some(({ tool }) => tool === name);
  const rows = byDownload(summary, { pair: pair.name, link: detail.name, scenario })
    .filter(expected)
    .map((tool): FigureRow => {
      const at = (link: string): FetchPlace => ({ pair: pair.name, tool: tool.name, link, scenario });
      const of = (measure: Shown): Figure => fetchFigure(summary, at(detail.name), measure);
      return {
        name: tool.name,
        figures: [
          of('download'),
          of('requests'),
          ...links.map(({ name }) => fetchFigure(summary, at(name), 'wallSeconds')),
          of('cpuSeconds'),
          of('peakMemory'),
          ...(update ? publisherFigures(summary, pair.name, tool) : []),
        ],
      };
    });
  const times = links.map(({ name }) => `time ${linkLabel(name)}`);
  return {
    title: titleOf(pair, scenario),
    caption: captionOf(pair, detail.title, scenario),
    head: [
      'tool',
      'download',
      'requests',
      ...times,
      'CPU',
      'memory',
      ...(update ? ['publish', 'stored'] : []),
    ],
    ...drawRows(rows),
    remarks: [...retried(summary, pair.name, scenario), ...notHere(summary, pair.name)],
  };
}

/** One row a tool: the download of each main pair, then requests and time of one of them. */
export function compactTable(summary: BenchSummary, options: CompactOptions): ReportTable | undefined {
  const link = options.link ?? detailLink(summary);
  const fetches = summary.fetches.filter((one) => one.link === link && one.scenario === 'update');
  const pairs = options.pairs.filter((pair) => fetches.some((one) => one.pair === pair));
  const focus = options.focus !== undefined && pairs.includes(options.focus) ? options.focus : pairs[0];
  if (link === undefined || focus === undefined) return undefined;
  const shown = new Set(fetches.filter(({ pair }) => pairs.includes(pair)).map(({ tool }) => tool));
  const rows = byDownload(summary, { pair: focus, link, scenario: 'update' })
    .filter(({ name }) => shown.has(name))
    .map(({ name }): FigureRow => {
      const of = (pair: string, measure: Shown): Figure =>
        fetchFigure(summary, { pair, tool: name, link, scenario: 'update' }, measure);
      const downloads = pairs.map((pair) => of(pair, 'download'));
      return { name, figures: [...downloads, of(focus, 'requests'), of(focus, 'wallSeconds')] };
    });
  const over = summary.links.find(({ name }) => name === link)?.title ?? link;
  return {
    title: 'Update, by tool',
    caption: [
      'What a device that holds the old image downloads of each pair.',
      `Requests and time are those of ${focus} over ${over}.`,
    ],
    head: ['tool', ...pairs, 'requests', `time ${linkLabel(link)}`],
    ...drawRows(rows),
    remarks: [],
  };
}

/** All tables for a terminal, of each pair the update before the first install, or why there is none. */
export function terminalReport(result: BenchResult, options: TableOptions = {}): string[] {
  const summary = summarise(result);
  const parts = summary.pairs.flatMap((pair) => {
    const tables = (['update', 'install'] as const).flatMap(
      (scenario) => pairTable(summary, pair, scenario, options) ?? [],
    );
    return tables.length > 0 ? tables.map(drawTerminalTable) : whyNoTable(summary, pair);
  });
  return parts.flatMap((lines, index) => [...(index === 0 ? [] : ['', '']), ...lines]);
}

/** The reasons that nobody got through a pair; nothing when nobody tried. */
function whyNoTable({ skipped }: BenchSummary, pair: PairInfo): string[][] {
  const reasons = skipped
    .filter((cell) => cell.pair === pair.name)
    .map(({ tool, link, reason }) =>
      link === undefined ? `${tool}: ${reason}` : `${tool} over ${linkLabel(link)}: ${reason}`,
    );
  if (reasons.length === 0) return [];
  return [[titleOf(pair, 'update'), 'Nothing was measured.', ...new Set(reasons)]];
}

const FORMATS = {
  download: formatBytes,
  requests: formatCount,
  wallSeconds: formatSeconds,
  cpuSeconds: formatSeconds,
  peakMemory: formatBytes,
} as const;

type Shown = keyof typeof FORMATS;

/** Time is of that very link, all else of one near it. */
function fetchFigure(summary: BenchSummary, place: FetchPlace, measure: Shown): Figure {
  const found = measure === 'wallSeconds' ? fetchAt(summary, place) : fetchNear(summary, place);
  return found === undefined
    ? noFigure(whySkipped(summary, place))
    : figure(found[measure].median, FORMATS[measure]);
}

function publisherFigures(summary: BenchSummary, pair: string, tool: ToolInfo): Figure[] {
  const published = publishAt(summary, pair, tool.name);
  if (published === undefined) {
    const absent = noFigure(whySkipped(summary, { pair, tool: tool.name }));
    return [absent, absent];
  }
  const { wallSeconds, storedBytes } = published.last;
  // A patch alone installs nothing, so it is no peer of what holds whole images.
  const competes = tool.family !== 'delta';
  return [figure(wallSeconds.median, formatSeconds), { ...figure(storedBytes, formatBytes), competes }];
}

function titleOf({ name, releases }: PairInfo, scenario: Scenario): string {
  const sizes = releases.slice(scenario === 'update' ? -2 : -1).map(({ bytes }) => formatBytes(bytes));
  return `${name}, ${scenario === 'update' ? 'update' : 'first install'}: ${sizes.join(' → ')}`;
}

function captionOf({ standsFor, releases }: PairInfo, link: string, scenario: Scenario): string[] {
  const ofRelease = releases.length;
  return [
    `${standsFor.replace(/\.$/, '')}.`,
    `Download, requests, CPU and memory are the device's over ${link}, or over the first line where it was measured.`,
    ...(scenario === 'update'
      ? [
          `Publish is the time for release ${ofRelease}; stored is what the server holds after it, for delta tools patches alone.`,
        ]
      : []),
  ];
}

/** The tools that did anything at all, the smallest download first, those without one last. */
function byDownload(
  summary: BenchSummary,
  place: { readonly pair: string; readonly link: string; readonly scenario: Scenario },
): ToolInfo[] {
  const ranked = summary.tools
    .filter(({ name }) => isKnown(summary, name))
    .map((tool) => {
      const download = fetchNear(summary, { ...place, tool: tool.name })?.download.median;
      return { tool, download: download ?? Number.MAX_VALUE };
    });
  return ranked.toSorted((a, b) => a.download - b.download).map(({ tool }) => tool);
}

function isKnown({ fetches }: BenchSummary, tool: string): boolean {
  return fetches.some((one) => one.tool === tool);
}

/** Tools that had to begin more than once: their time holds all attempts. */
function retried(summary: BenchSummary, pair: string, scenario: Scenario): string[] {
  const found = summary.fetches
    .filter((one) => one.pair === pair && one.scenario === scenario && one.attempts.median > 1)
    .map(({ tool, link, attempts }) => `${tool} ${formatCount(attempts.median)} over ${linkLabel(link)}`);
  return found.length === 0 ? [] : [`More than one attempt, all of them in the time: ${found.join(', ')}.`];
}

/** Tools that did nothing in the whole benchmark have no row. */
function notHere(summary: BenchSummary, pair: string): string[] {
  return summary.tools
    .filter(({ name }) => !isKnown(summary, name))
    .flatMap(({ name }) => {
      const reason = whySkipped(summary, { pair, tool: name });
      return reason === undefined ? [] : [`No row for ${name}: ${reason}.`];
    });
}
