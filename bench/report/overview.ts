/**
 * The overview: pairs by tools, each cell the download over the least of its row, as a table whose colour deepens
 * with the ratio.
 *
 * @module
 */
import { formatBytes, formatCount, formatRatio } from '../../src/compare/figures.ts';
import { type BenchSummary, fetchNear, whySkipped } from '../../src/compare/summary.ts';
import { detailLink } from '../../src/compare/tables.ts';
import { escapeHtml } from './escape-html.ts';
import { sizesOf } from './exact-tables.ts';

/** A hundred times the best, and all above, has the deepest colour. */
const DEEPEST = 100;

/** Empty when no update was measured. */
export function overviewTable(summary: BenchSummary): string {
  const link = detailLink(summary) ?? '';
  const at = (pair: string, tool: string) => fetchNear(summary, { pair, tool, link, scenario: 'update' });
  const pairs = summary.pairs.filter(({ name }) => summary.tools.some((tool) => at(name, tool.name)));
  const tools = summary.tools.filter(({ name }) => pairs.some((pair) => at(pair.name, name)));
  if (pairs.length === 0) return '';
  const rows = pairs.map((pair) => {
    const downloads = tools.map(({ name }) => at(pair.name, name)?.download.median);
    const least = Math.min(...downloads.filter((bytes) => bytes !== undefined));
    const cells = downloads.map((bytes, index) => {
      const tool = tools[index]?.name ?? '';
      if (bytes !== undefined) return cellOf(bytes, least, tool === summary.reference);
      const reason = whySkipped(summary, { pair: pair.name, tool, link, scenario: 'update' });
      return `<td class="none" title="${escapeHtml(reason ?? 'not measured')}">–`;
    });
    const name = escapeHtml(pair.name);
    return `<tr><th scope="row"><a href="#pair" data-choose="${name}" title="${escapeHtml(pair.standsFor)}">${name}</a> <small>${sizesOf(pair)}</small>${cells.join('')}`;
  });
  const heads = tools.map(({ name, title }) => {
    const own = name === summary.reference ? ' class="own"' : '';
    return `<th scope="col"${own} title="${escapeHtml(title)}"><span>${escapeHtml(name)}</span>`;
  });
  return `<table class="heat"><thead><tr><th scope="col">pair${heads.join('')}</thead>
<tbody>${rows.join('\n')}</tbody></table>`;
}

function cellOf(bytes: number, least: number, own: boolean): string {
  const ratio = bytes === least ? 1 : bytes / least;
  const heat = Math.min(1, Math.log(ratio) / Math.log(DEEPEST));
  const classes = [...(ratio === 1 ? ['best'] : []), ...(own ? ['own'] : [])];
  const named = classes.length > 0 ? ` class="${classes.join(' ')}"` : '';
  const exact = `${formatBytes(bytes)} (${formatCount(bytes)} bytes)`;
  return `<td${named} style="--heat:${heat.toFixed(3)}" title="${exact}">${ratio === 1 ? 'best' : textOf(ratio)}`;
}

function textOf(ratio: number): string {
  // The best may have had nothing to download.
  return Number.isFinite(ratio) ? formatRatio(ratio) : '∞';
}
