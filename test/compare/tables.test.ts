import test from 'ava';
import { drawMarkdownTable, drawTerminalTable, type ReportTable } from '../../src/compare/report-table.ts';
import type { BenchResult } from '../../src/compare/result.ts';
import { type BenchSummary, fetchAt, summarise } from '../../src/compare/summary.ts';
import { compactTable, detailLink, pairTable, terminalReport } from '../../src/compare/tables.ts';
import { sampleBenchResult } from '../support/sample-bench-result.ts';

const result = sampleBenchResult(['ext4', 'firmware', 'app-row']);
const summary = summarise(result);

function tableOf(of: BenchSummary, pair: string, scenario: 'update' | 'install', link?: string): ReportTable {
  const info = of.pairs.find(({ name }) => name === pair);
  const found = info && pairTable(of, info, scenario, link === undefined ? {} : { link });
  if (found === undefined) throw new Error(`no table of ${pair}`);
  return found;
}

/** Texts of a tool's row by column. */
function rowOf({ head, rows }: ReportTable, tool: string): Record<string, string> {
  const row = rows.find(([first]) => first?.text === tool) ?? [];
  return Object.fromEntries(row.map(({ text }, at) => [head[at] ?? '', text]));
}

test('the table of a pair has a row a tool, the smallest download first', (t) => {
  const table = tableOf(summary, 'ext4', 'update');
  t.deepEqual(table.head, [
    'tool',
    'download',
    'requests',
    'time LAN',
    'time LTE',
    'time 3G',
    'CPU',
    'memory',
    'publish',
    'stored',
  ]);
  const downloads = table.rows
    .map(([first]) => first?.text ?? '')
    .map((tool) => fetchAt(summary, { pair: 'ext4', tool, link: 'lte', scenario: 'update' })?.download.median)
    .filter((bytes) => bytes !== undefined);
  t.is(downloads.length, 16);
  t.deepEqual(
    downloads,
    downloads.toSorted((a, b) => a - b),
  );
});

test('figures are those of the chosen link, times those of each', (t) => {
  const one = { pair: 'firmware', tool: 'silt', scenario: 'update' } as const;
  const fetches = result.fetches.map((cell) =>
    cell.pair === 'firmware' && cell.tool === 'silt' && cell.link === '3g' && cell.scenario === 'update'
      ? { ...cell, requests: 1234, wallSeconds: 77.7, peakMemory: 5_550_000 }
      : cell,
  );
  const changed = summarise({ ...result, fetches });
  t.is(rowOf(tableOf(changed, 'firmware', 'update', '3g'), 'silt').requests, '1,234');
  t.is(rowOf(tableOf(changed, 'firmware', 'update', '3g'), 'silt').memory, '5.55 MB');
  const requests = fetchAt(changed, { ...one, link: 'lte' })?.requests.median;
  const row = rowOf(tableOf(changed, 'firmware', 'update'), 'silt');
  t.is(row.requests, String(requests));
  t.is(row['time 3G'], '77.7 s');
});

test('what was skipped has a note with its reason, the same number for the same reason', (t) => {
  const table = tableOf(summary, 'ext4', 'update');
  const slow = table.rows.find(([first]) => first?.text === 'casync-16k') ?? [];
  t.deepEqual(slow[5], { text: '–', note: 1 });
  const refused = table.rows.find(([first]) => first?.text === 'bsdiff') ?? [];
  t.deepEqual(
    refused.slice(1).map(({ text, note }) => `${text}${note}`),
    Array.from({ length: 9 }, () => '–2'),
  );
  t.is(table.notes.length, 2);
  t.regex(table.notes[0] ?? '', /1,800 s/);
  t.regex(table.notes[1] ?? '', /17 bytes of memory/);
});

test('a tool that did nothing at all has no row, and is named below', (t) => {
  const table = tableOf(summary, 'ext4', 'update');
  t.deepEqual(rowOf(table, 'zpatch'), {});
  t.true(table.remarks.some((line) => line.startsWith('No row for zpatch: zpatch is not installed')));
});

test('a first install leaves delta tools out without a word', (t) => {
  const table = tableOf(summary, 'app-row', 'install');
  t.deepEqual(rowOf(table, 'xdelta3'), {});
  t.not(rowOf(table, 'casync-64k').download, undefined);
  t.false(table.head.includes('stored'));
});

test('more than one attempt is told', (t) => {
  const { remarks } = tableOf(summary, 'ext4', 'update');
  t.true(remarks.some((line) => /More than one attempt.*casync-64k \d over 3G/.test(line)));
});

test('the best of each column is marked; of what is stored only where images can be installed from', (t) => {
  const { head, rows } = tableOf(summary, 'ext4', 'update');
  const best = (column: string): string[] =>
    rows.filter((row) => row[head.indexOf(column)]?.best).map(([first]) => first?.text ?? '');
  t.deepEqual(best('download'), ['hdiffz']);
  t.deepEqual(best('memory'), ['full']);
  t.deepEqual(best('stored'), ['silt']);
  // Ties are all marked.
  t.true(best('requests').length > 1);
});

test('nothing is best where all are the same', (t) => {
  const fetches = result.fetches.map((cell) => ({ ...cell, requests: 7 }));
  const { head, rows } = tableOf(summarise({ ...result, fetches }), 'ext4', 'update');
  t.false(rows.some((row) => row[head.indexOf('requests')]?.best));
});

test('a terminal table is aligned, figures to the right', (t) => {
  const table: ReportTable = {
    title: 'Title',
    caption: ['A sentence.'],
    head: ['tool', 'download', 'time'],
    rows: [
      [{ text: 'silt' }, { text: '9.00 MB', best: true }, { text: '1,234 s' }],
      [{ text: 'casync-64k' }, { text: '12.0 MB' }, { text: '–', note: 1 }],
    ],
    notes: ['too slow'],
    remarks: ['A remark.'],
  };
  t.deepEqual(drawTerminalTable(table), [
    'Title',
    'A sentence.',
    '',
    'tool        download      time',
    '───────────────────────────────',
    'silt         9.00 MB*  1,234 s',
    'casync-64k   12.0 MB        –¹',
    '',
    '* the best of its column',
    '¹ too slow',
    'A remark.',
  ]);
});

test('a Markdown table has the best in bold, and no text that breaks it', (t) => {
  const lines = drawMarkdownTable({
    title: 'Title',
    caption: ['One.', 'Two.'],
    head: ['tool', 'download'],
    rows: [
      [{ text: 'a|b' }, { text: '9.00 MB', best: true }],
      [{ text: 'c_d' }, { text: '–', note: 12 }],
    ],
    notes: ['<why>\nso'],
    remarks: ['A remark.'],
  });
  t.deepEqual(lines, [
    '### Title',
    '',
    'One. Two.',
    '',
    '| tool | download |',
    '|---|--:|',
    '| a\\|b | **9.00 MB** |',
    '| c\\_d | –¹² |',
    '',
    '¹ \\<why\\> so\\',
    'A remark.',
  ]);
});

test('the compact table has a column a pair, and requests and time of one', (t) => {
  const table = compactTable(summary, { pairs: ['firmware', 'not-there', 'ext4'], focus: 'ext4' });
  t.deepEqual(table?.head, ['tool', 'firmware', 'ext4', 'requests', 'time LTE']);
  const found = fetchAt(summary, { pair: 'ext4', tool: 'casync-64k', link: 'lte', scenario: 'update' });
  t.is(rowOf(table as ReportTable, 'casync-64k').requests, String(found?.requests.median));
  t.is(rowOf(table as ReportTable, 'bsdiff').ext4, '–');
  t.not(rowOf(table as ReportTable, 'bsdiff').firmware, '–');
  t.is(compactTable(summary, { pairs: ['not-there'] }), undefined);
});

test('one link alone is enough', (t) => {
  const fetches = result.fetches.filter(({ link }) => link === '3g');
  const one: BenchResult = { ...result, fetches };
  t.is(detailLink(summarise(one)), '3g');
  t.true(terminalReport(one).some((line) => /time 3G/.test(line) && !/LTE|LAN/.test(line)));
});

test('a result without figures has no tables', (t) => {
  t.deepEqual(terminalReport({ ...result, fetches: [], skipped: [] }), []);
});

test('a pair that no tool got through has the reasons instead of a table', (t) => {
  const skipped = [
    { pair: 'firmware', tool: 'bita', reason: 'publishing: no room' },
    { pair: 'firmware', tool: 'silt', link: 'lte', scenario: 'update', reason: 'update: it broke' },
  ] as const;
  const lines = terminalReport({ ...result, fetches: [], skipped });
  t.regex(lines[0] ?? '', /^firmware, update: /);
  t.deepEqual(lines.slice(1), [
    'Nothing was measured.',
    'bita: publishing: no room',
    'silt over LTE: update: it broke',
  ]);
});
