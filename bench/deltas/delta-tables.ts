/**
 * The tables of the benchmark of deltas, as Markdown: one over all pairs, one a pair, and the bounds.
 *
 * @module
 */
import { formatBytes, formatCount, formatRatio, formatSeconds } from '../../src/compare/figures.ts';
import { drawMarkdownTable, NO_FIGURE, type ReportTable } from '../../src/compare/report-table.ts';
import type { PairInfo } from '../../src/compare/result.ts';
import { drawRows, type Figure, type FigureRow, figure, noFigure } from '../../src/compare/table-rows.ts';
import {
  bestPeer,
  CLOCK,
  type DeltaFigures,
  figuresOf,
  type PairFigures,
  pairFigures,
} from './delta-figures.ts';
import type { DeltaResult } from './delta-result.ts';
import { goalRow, goalsOf } from './goals.ts';
import { isSilt, SILT } from './silt-delta.ts';

/** All of them. */
export function deltaReport(result: DeltaResult): string[] {
  const pairs = result.pairs.map(({ name }) => pairFigures(result, name));
  const tables = [
    overviewTable(pairs),
    ...result.pairs.map((pair, at) => pairTable(result, pair, pairs[at] as PairFigures)),
    ...goalTable(pairs),
  ];
  return [...tables.flatMap((table) => [...drawMarkdownTable(table), '']), facts(result)];
}

/** A row a pair: silt, and HDiffPatch or whoever else is best. */
function overviewTable(pairs: readonly PairFigures[]): ReportTable {
  const rows = pairs.map((figures) => {
    const silt = figuresOf(figures, SILT);
    const best = bestPeer(figures);
    const clock = figuresOf(figures, CLOCK) ?? best;
    const both = (text: (of: DeltaFigures) => string, peer = clock): string =>
      [silt, peer].map((of) => (of === undefined ? NO_FIGURE : text(of))).join(' / ');
    return [
      figures.pair,
      silt === undefined ? NO_FIGURE : formatCount(silt.patchBytes),
      best === undefined ? NO_FIGURE : formatCount(best.patchBytes),
      silt && best ? formatRatio(silt.patchBytes / best.patchBytes) : NO_FIGURE,
      both(({ encode }) => formatSeconds(encode.wallSeconds)),
      both(({ encode }) => formatBytes(encode.peakMemory)),
      both(({ applySpeed }) => `${formatBytes(applySpeed)}/s`),
      both(({ apply }) => formatBytes(apply.peakMemory)),
    ].map((text) => ({ text }));
  });
  const clocked = pairs.some((figures) => figuresOf(figures, CLOCK) !== undefined);
  return {
    title: 'Deltas',
    caption: [
      'Bytes of the patch that silt makes, of the smallest that another tool makes, and the first over the second.',
      `Then silt / ${clocked ? 'HDiffPatch with zstd' : 'best peer'}: time and memory to encode, speed and memory to patch.`,
    ],
    head: ['pair', 'silt', 'best peer', 'ratio', 'encode', 'encode memory', 'patch', 'patch memory'],
    rows,
    notes: [],
    remarks: [],
  };
}

function pairTable(result: DeltaResult, pair: PairInfo, figures: PairFigures): ReportTable {
  const best = bestPeer(figures);
  const clock = figuresOf(figures, CLOCK);
  const rows = result.tools.map(({ name: tool }): FigureRow => {
    const own = figuresOf(figures, tool);
    const reason = result.missing.find(
      (cell) => cell.tool === tool && (cell.pair ?? pair.name) === pair.name,
    );
    const of = (value: (own: DeltaFigures) => number, format: (value: number) => string): Figure =>
      own === undefined ? noFigure(reason?.reason) : figure(value(own), format);
    const ratio = (value: (of: DeltaFigures) => number, to: DeltaFigures | undefined): Figure =>
      to === undefined ? noFigure(undefined) : plain(of((own) => value(own) / value(to), formatRatio));
    return {
      name: tool,
      figures: [
        of(({ patchBytes }) => patchBytes, formatCount),
        ratio(({ patchBytes }) => patchBytes, best),
        of(({ encode }) => encode.wallSeconds, formatSeconds),
        ratio(({ encode }) => encode.wallSeconds, clock),
        of(({ encode }) => encode.cpuSeconds, formatSeconds),
        of(({ encode }) => encode.peakMemory, formatBytes),
        of(({ apply }) => apply.wallSeconds, formatSeconds),
        plain(of(({ applySpeed }) => applySpeed, formatSpeed)),
        of(({ apply }) => apply.peakMemory, formatBytes),
      ],
    };
  });
  const sizes = pair.releases.slice(-2).map(({ bytes }) => formatBytes(bytes));
  return {
    title: `${pair.name}: ${sizes.join(' → ')}`,
    caption: [`${pair.standsFor.replace(/\.$/, '')}.`],
    head: [
      ...['tool', 'patch bytes', 'to best peer'],
      ...['encode', `to ${CLOCK}`, 'encode CPU', 'encode memory'],
      ...['patch', 'MB/s', 'patch memory'],
    ],
    ...drawRows(rows),
    remarks: [],
  };
}

/** MB/s; what is slow with a digit more. */
function formatSpeed(bytes: number): string {
  const megabytes = bytes / 1e6;
  return formatCount(megabytes < 10 ? megabytes : Math.round(megabytes));
}

/** A figure that follows from others is not the best of its column a second time. */
function plain(one: Figure): Figure {
  return { ...one, competes: false };
}

function goalTable(pairs: readonly PairFigures[]): ReportTable[] {
  const goals = goalsOf(pairs);
  if (goals.length === 0) return [];
  return [
    {
      title: 'Bounds',
      caption: [
        'What is reached: the aim, what it must be, or no. Bounds of size are scaled to these images.',
      ],
      head: ['', 'best peer', 'must', 'aim', 'silt', 'reached'],
      rows: goals.map(goalRow),
      notes: [],
      remarks: [],
    },
  ];
}

function facts({ started, machine, load, silt, encodes, applies, tools }: DeltaResult): string {
  const most = (cells: readonly { pair: string; tool: string }[]): string => {
    const groups = Map.groupBy(cells, ({ pair, tool }) => JSON.stringify([pair, tool]));
    const rounds = Math.max(0, ...[...groups.values()].map(({ length }) => length));
    return rounds === 1 ? '1 round' : `${rounds} rounds`;
  };
  const versions = tools
    .filter(({ name, version }) => !isSilt(name) && version !== '')
    .map(({ version }) => version);
  return [
    `Measured on ${started.slice(0, 10)} on ${machine.cpu}, ${machine.cores} cores, load ${load.toFixed(1)} before;`,
    `silt ${silt.version}, commit ${silt.commit ?? 'unknown'};`,
    ...[...new Set(versions)].map((version) => `${version};`),
    `medians of ${most(encodes)} of encoding and ${most(applies)} of patching.`,
    'Every patch was applied, and what it made compared with the new image.',
  ].join(' ');
}
