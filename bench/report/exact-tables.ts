/**
 * The exact numbers below each chart, as HTML that needs no script: a table for each choice of pair, link and
 * scenario. The script of the page hides those that are not chosen.
 *
 * @module
 */
import { formatBytes, formatCount, formatRatio } from '../../src/compare/figures.ts';
import type { PairInfo, Scenario } from '../../src/compare/result.ts';
import { type BenchSummary, type FetchSummary, fetchAt, type Spread } from '../../src/compare/summary.ts';
import { linkLabel } from '../../src/compare/tables.ts';
import { escapeHtml } from './escape-html.ts';

/** What a table is of; an attribute each, for the script. */
interface Choice {
  readonly pair?: string;
  readonly link?: string;
  readonly scenario?: Scenario;
}

type Column = readonly [head: string, cell: (fetch: FetchSummary) => string];

const SCENARIOS: readonly Scenario[] = ['update', 'install'];

/** Bytes by kind. */
export function downloadTables(summary: BenchSummary): string {
  return tablesOfFetches(summary, [
    ['data', ({ bytes }) => formatCount(bytes.data.median)],
    ['index', ({ bytes }) => formatCount(bytes.index.median)],
    ['metadata', ({ bytes }) => formatCount(bytes.metadata.median)],
    ['all bytes', ({ download }) => formatCount(download.median)],
    ['least – most', ({ download }) => range(download, formatCount)],
    [`to ${summary.reference}`, ({ ratios }) => ratio(ratios.download)],
  ]);
}

/** Requests, and how often a device had to begin. */
export function requestTables(summary: BenchSummary): string {
  return tablesOfFetches(summary, [
    ['requests', ({ requests }) => formatCount(requests.median)],
    ['least – most', ({ requests }) => range(requests, formatCount)],
    [`to ${summary.reference}`, ({ ratios }) => ratio(ratios.requests)],
    ['attempts', ({ attempts }) => formatCount(attempts.median)],
    ['bytes on the line', ({ wireBytes }) => formatCount(wireBytes.median)],
  ]);
}

/** Memory and processor time of the device. */
export function deviceTables(summary: BenchSummary): string {
  return tablesOfFetches(summary, [
    ['peak memory, bytes', ({ peakMemory }) => formatCount(peakMemory.median)],
    ['least – most', ({ peakMemory }) => range(peakMemory, formatCount)],
    [`to ${summary.reference}`, ({ ratios }) => ratio(ratios.peakMemory)],
    ['CPU, s', ({ cpuSeconds }) => seconds(cpuSeconds.median)],
    ['least – most', ({ cpuSeconds }) => range(cpuSeconds, seconds)],
    [`to ${summary.reference}`, ({ ratios }) => ratio(ratios.cpuSeconds)],
  ]);
}

/** Seconds by link. */
export function timeTables(summary: BenchSummary): string {
  const places = summary.pairs.flatMap(({ name: pair }) => SCENARIOS.map((scenario) => ({ pair, scenario })));
  return places
    .map(({ pair, scenario }) => {
      const fetches = summary.fetches.filter((one) => one.pair === pair && one.scenario === scenario);
      const links = summary.links.filter(({ name }) => fetches.some(({ link }) => link === name));
      const tools = summary.tools.filter(({ name }) => fetches.some(({ tool }) => tool === name));
      const head = links.flatMap(({ name }) => [
        `${linkLabel(name)}, s`,
        'least – most',
        `to ${summary.reference}`,
      ]);
      const rows = tools.map(({ name: tool }) => [
        tool,
        ...links.flatMap(({ name: link }) => {
          const found = fetchAt(summary, { pair, tool, link, scenario });
          if (found === undefined) return ['–', '–', '–'];
          const { wallSeconds, ratios } = found;
          return [seconds(wallSeconds.median), range(wallSeconds, seconds), ratio(ratios.wallSeconds)];
        }),
      ]);
      return table({ pair, scenario }, ['tool', ...head], rows);
    })
    .join('');
}

/** Every measure at each size of the series. */
export function sizeTables(summary: BenchSummary): string {
  const pairs = summary.pairs.filter(({ series }) => series === 'size').toSorted(bySize);
  const places = summary.links.flatMap(({ name: link }) => SCENARIOS.map((scenario) => ({ link, scenario })));
  return places
    .map(({ link, scenario }) => {
      const rows = pairs.flatMap((pair) =>
        summary.tools.flatMap(({ name: tool }) => {
          const found = fetchAt(summary, { pair: pair.name, tool, link, scenario });
          if (found === undefined) return [];
          const { download, requests, peakMemory, wallSeconds } = found;
          const counts = [imageBytes(pair), download.median, requests.median, peakMemory.median];
          return [[`${pair.name}, ${tool}`, ...counts.map(formatCount), seconds(wallSeconds.median)]];
        }),
      );
      const head = [
        'pair, tool',
        'image, bytes',
        'download, bytes',
        'requests',
        'peak memory, bytes',
        'time, s',
      ];
      return table({ link, scenario }, head, rows);
    })
    .join('');
}

/** Bytes on the server after each release of a row. */
export function storedTables(summary: BenchSummary): string {
  const rows = summary.pairs.filter(({ releases }) => releases.length > 2);
  return rows
    .map(({ name: pair, releases }) => {
      const head = ['tool', ...releases.map((_, at) => `after ${at + 1}`)];
      const published = summary.publishes.filter((one) => one.pair === pair);
      const cells = published.map((one) => [
        one.tool,
        ...releases.map((_, at) => {
          const found = one.releases.find(({ release }) => release === at + 1);
          return found === undefined ? '–' : formatCount(found.storedBytes);
        }),
      ]);
      return table({ pair }, head, cells);
    })
    .join('');
}

export function imageBytes({ releases }: PairInfo): number {
  return releases.at(-1)?.bytes ?? 0;
}

export function bySize(a: PairInfo, b: PairInfo): number {
  return imageBytes(a) - imageBytes(b);
}

/** One table for each pair, link and scenario that was measured, a row a tool. */
function tablesOfFetches(summary: BenchSummary, columns: readonly Column[]): string {
  const groups = Map.groupBy(summary.fetches, ({ pair, link, scenario }) =>
    JSON.stringify([pair, link, scenario]),
  );
  return [...groups.values()]
    .map((fetches) => {
      const { pair, link, scenario } = fetches[0] as FetchSummary;
      const sorted = fetches.toSorted((a, b) => a.download.median - b.download.median);
      const rows = sorted.map((one) => [one.tool, ...columns.map(([, cell]) => cell(one))]);
      return table({ pair, link, scenario }, ['tool', ...columns.map(([head]) => head)], rows);
    })
    .join('');
}

/** End tags of cells and rows are left out, as HTML allows: there are thousands of them. */
function table(choice: Choice, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const attributes = Object.entries(choice).map(([name, value]) => ` data-${name}="${escapeHtml(value)}"`);
  const caption = Object.values(choice).join(', ');
  const drawn = rows.map(
    ([name = '', ...cells]) =>
      `<tr><th scope="row">${escapeHtml(name)}${cells.map((cell) => `<td>${escapeHtml(cell)}`).join('')}`,
  );
  return `<div class="exact"${attributes.join('')}><table><caption>${escapeHtml(caption)}</caption>
<thead><tr>${head.map((name) => `<th scope="col">${escapeHtml(name)}`).join('')}</thead>
<tbody>${drawn.join('\n')}</tbody></table></div>
`;
}

function range({ min, max }: Spread, format: (value: number) => string): string {
  return min === max ? format(min) : `${format(min)} – ${format(max)}`;
}

function ratio(spread: Spread | undefined): string {
  if (spread === undefined) return '–';
  const { median, min, max } = spread;
  const one = formatRatio(median);
  return formatRatio(min) === formatRatio(max) ? one : `${one} (${formatRatio(min)} – ${formatRatio(max)})`;
}

function seconds(value: number): string {
  return value.toFixed(3);
}

/** `1.00 GB` beside a title; charts have the exact bytes. */
export function sizesOf({ releases }: PairInfo): string {
  return releases
    .slice(-2)
    .map(({ bytes }) => formatBytes(bytes))
    .join(' → ');
}
