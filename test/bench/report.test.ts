import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { escapeHtml, scriptCode, scriptJson } from '../../bench/report/escape-html.ts';
import { htmlReport } from '../../bench/report/html.ts';
import { inOrder } from '../../bench/report/in-order.ts';
import { markdownReport, readmeMarkdown } from '../../bench/report/markdown.ts';
import { pageData } from '../../bench/report/page-data.ts';
import { summarise } from '../../src/compare/summary.ts';
import { terminalReport } from '../../src/compare/tables.ts';
import { sampleBenchResult } from '../support/sample-bench-result.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const main = fileURLToPath(new URL('../../bench/report/main.ts', import.meta.url));
const result = inOrder(sampleBenchResult(['firmware', 'app-row']));
const summary = summarise(result);

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command in a directory of its own, where no result of the machine can be found. */
function run(directory: string, args: readonly string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const env = { PATH: process.env.PATH, HOME: directory };
  execFile(process.execPath, [main, ...args], { cwd: directory, env }, (error, stdout, stderr) => {
    resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
  });
  return promise;
}

async function resultIn(t: ExecutionContext<unknown>): Promise<string> {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'result.json'), JSON.stringify(result));
  return directory;
}

test('without a file to write the tables go to stdout', async (t) => {
  const ended = await run(await resultIn(t), ['result.json']);
  t.deepEqual(ended, { status: 0, stderr: '', stdout: `${terminalReport(result).join('\n')}\n` });
});

test('each report goes to its file, its directory made, and nothing else is left', async (t) => {
  const directory = await resultIn(t);
  const args = ['--html', 'out/page.html', '--markdown', 'out/all.md', '--readme', 'out/table.md'];
  const { status, stdout, stderr } = await run(directory, ['result.json', ...args]);
  t.is(status, 0, stderr);
  t.is(stdout, '');
  const out = join(directory, 'out');
  t.deepEqual((await readdir(out)).sort(), ['all.md', 'page.html', 'table.md']);
  t.is(await readFile(join(out, 'all.md'), 'utf8'), markdownReport(summary));
  t.is(await readFile(join(out, 'table.md'), 'utf8'), readmeMarkdown(summary));
  t.is(await readFile(join(out, 'page.html'), 'utf8'), await htmlReport(summary));
});

test('what cannot be reported on is refused in one sentence', async (t) => {
  const directory = await resultIn(t);
  await writeFile(join(directory, 'other.json'), JSON.stringify({ ...result, format: 'silt-bench-0' }));
  await writeFile(join(directory, 'none.json'), 'nothing');
  const cases: readonly (readonly [string[], RegExp])[] = [
    [[], /expected a benchmark result at .*result\.json, found none; npm run bench:run makes one/],
    [['missing.json'], /found none/],
    [['other.json'], /other\.json: expected a benchmark result \(silt-bench-1\), found .*silt-bench-0/],
    [['none.json'], /found no JSON/],
    [['result.json', 'other.json'], /expected one result file/],
    [['result.json', '--link', '5g'], /expected a link of this result \(lan, lte, 3g\), found "5g"/],
    [['result.json', '--reference', 'rsync'], /expected a tool of this result/],
    [['result.json', '--pdf', 'x'], /--pdf/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await run(directory, args);
    t.is(status, 1, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, message);
    t.is(stderr.trimEnd().split('\n').length, 1, stderr);
  }
});

test('the Markdown report says where and with what it was measured', (t) => {
  const text = markdownReport(summary);
  const facts = [
    '| date | 2026-11-22 |',
    '| silt | 0.1.0, commit 25ec2d29f6d0c2b3a4958677e8d9fa0b1c2d3e4f |',
    '| machine | Make-believe CPU @ 2.50GHz, 2 cores, 8.59 GB of memory |',
    '| rounds | 3 at most; figures are medians |',
    '| zchunk | zchunk, defaults | 1.7.0 |',
  ];
  for (const fact of facts) t.true(text.includes(fact), fact);
  for (const { name } of result.pairs) t.true(text.includes(`### ${name}, update: `), name);
});

test('the README gets one small table', (t) => {
  const lines = readmeMarkdown(summary).split('\n');
  const rows = lines.filter((line) => line.startsWith('| '));
  t.is(rows[0], '| tool | firmware | app-row | requests | time LTE |');
  t.is(rows.length - 1, 17);
  t.false(lines.some((line) => line.startsWith('#')));
});

test('what a page is given cannot end the element it stands in', (t) => {
  const hostile = '</script><img src=x onerror="alert(\'1\')"> & <!-- <SCRIPT>';
  t.notRegex(escapeHtml(hostile), /[<>"']/);
  const json = scriptJson({ hostile });
  t.notRegex(json, /</);
  t.deepEqual(JSON.parse(json), { hostile });
  const code = `out = ${JSON.stringify(hostile)};`;
  t.notRegex(scriptCode(code), /<\/script|<!--/i);
  t.is(new Function(`let out; ${scriptCode(code)} return out;`)(), hostile);
});

test('the page is given only what was measured', (t) => {
  const data = pageData(summary);
  t.false(data.tools.some(({ name }) => name === 'zpatch'));
  t.deepEqual(data.chosen, { pair: 'firmware', link: 'lte', scenario: 'update' });
  t.deepEqual([...new Set(data.stored.map(({ pair }) => pair))], ['app-row']);
  t.true(data.stored.every(({ bytes }) => bytes.length === 10));
  const fetches = result.fetches.filter(({ link }) => link === '3g');
  const one = pageData(summarise({ ...result, fetches }));
  t.deepEqual(
    one.links.map(({ name }) => name),
    ['3g'],
  );
  t.is(one.chosen.link, '3g');
});
