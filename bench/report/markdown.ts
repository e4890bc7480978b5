/**
 * The report as Markdown: what was measured where at its head, a small table over the main pairs, then one
 * table a pair.
 *
 * @module
 */
import { formatBytes } from '../../src/compare/figures.ts';
import { drawMarkdownRows, drawMarkdownTable } from '../../src/compare/report-table.ts';
import type { ToolInfo } from '../../src/compare/result.ts';
import { type BenchSummary, mostRounds } from '../../src/compare/summary.ts';
import { compactTable, pairTable } from '../../src/compare/tables.ts';

/** What the README shows; requests and time are of the second, a whole system. */
const MAIN_PAIRS = ['node24', 'ext4', 'erofs', 'kernel'];
const FOCUS = 'ext4';

/** The compact table with a sentence on what it shows, to be set into the README. */
export function readmeMarkdown(summary: BenchSummary): string {
  const { machine, started } = summary;
  return [...compactLines(summary), '', `Measured on ${started.slice(0, 10)}, on ${machine.cpu}.`, ''].join(
    '\n',
  );
}

/** The whole report. */
export function markdownReport(summary: BenchSummary): string {
  const tables = summary.pairs.flatMap((pair) =>
    (['update', 'install'] as const).flatMap((scenario) => {
      const table = pairTable(summary, pair, scenario);
      return table === undefined ? [] : [...drawMarkdownTable(table), ''];
    }),
  );
  return [
    '# Benchmark results',
    '',
    'Written by `npm run bench:report`; [the guide](guides/benchmarks.md) says how it is measured, how to do it again, and what is not fair and why.',
    '',
    ...drawMarkdownRows(plainRows(['', ''], facts(summary))),
    '',
    '## Overview',
    '',
    ...compactLines(summary),
    '',
    '## By pair',
    '',
    ...tables,
    '## Tools',
    '',
    ...drawMarkdownRows(
      plainRows(
        ['tool', 'what it is', 'version'],
        summary.tools
          .filter(({ version }) => version !== '')
          .map(({ name, title, version }) => [name, title, version]),
      ),
    ),
    '',
  ].join('\n');
}

function compactLines(summary: BenchSummary): string[] {
  const own = summary.pairs.filter(({ series }) => series === undefined).map(({ name }) => name);
  const main = MAIN_PAIRS.filter((name) => own.includes(name));
  const pairs = main.length > 0 ? main : own.slice(0, 4);
  const table = compactTable({ ...summary, tools: onSeveral(summary, pairs) }, { pairs, focus: FOCUS });
  if (table === undefined) return ['No update was measured.'];
  // The heading is the document's own.
  return drawMarkdownTable(table).slice(2);
}

/** A tool that was tried on one of the pairs alone says little in a table of all. */
function onSeveral({ tools, fetches }: BenchSummary, pairs: readonly string[]): ToolInfo[] {
  const tried = ({ name }: ToolInfo): number =>
    pairs.filter((pair) => fetches.some((one) => one.pair === pair && one.tool === name)).length;
  return tools.filter((tool) => tried(tool) >= Math.min(2, pairs.length));
}

function facts(summary: BenchSummary): [string, string][] {
  const { started, machine, silt } = summary;
  return [
    ['date', started.slice(0, 10)],
    ['silt', `${silt.version}, commit ${silt.commit ?? 'unknown'}`],
    ['machine', `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)} of memory`],
    ['system', `${machine.system}, Node.js ${machine.node}`],
    ['rounds', `${mostRounds(summary)} at most; figures are medians`],
  ];
}

function plainRows(head: readonly string[], rows: readonly (readonly string[])[]) {
  return { head, rows: rows.map((row) => row.map((text) => ({ text }))) };
}
