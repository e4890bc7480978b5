/**
 * The whole benchmark in under a minute, on the small pairs, for every change: does each tool that is installed
 * still publish, fetch and rebuild, is every figure there and possible, and do the reports come out? How fast
 * anything is it does not judge.
 *
 *     npm run bench:smoke
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchResult, FetchCell, PublishCell } from '../src/compare/result.ts';
import { readResult } from '../src/compare/result-file.ts';
import { downloadOf } from '../src/compare/summary.ts';
import { corpusDirectory, pairsPresent } from './corpus/pairs.ts';

/** The quick ones: with the others it would be an hour's work to say the same. */
const PEERS = [
  'silt-fast',
  'casync-64k',
  'desync-64k',
  'zchunk',
  'xdelta3',
  'zstd-patch-fast',
  'hdiffz',
  'rdiff',
];
const PAIRS = ['firmware', 'npm-tree'];

const work = mkdtempSync(join(tmpdir(), 'silt-smoke-'));
try {
  run('corpus/make.ts', ...PAIRS);
  // The firmware takes pip, and where that is not, it is left out.
  const present = pairsPresent(corpusDirectory(process.env)).map(({ name }) => name);
  const pairs = PAIRS.filter((name) => present.includes(name));
  const out = join(work, 'result.json');
  run(
    'run.ts',
    '--small',
    '--rounds',
    '1',
    '--link',
    'lan',
    '--no-install',
    '--max-seconds',
    '30',
    '--out',
    out,
    ...[
      ...pairs.flatMap((pair) => ['--pair', pair]),
      ...PEERS.flatMap((peer) => ['--peer', peer]),
      ...['--work', join(work, 'work')],
    ],
  );
  const result = await readResult(out);
  if (result === undefined) throw new Error('there is no result');
  const wrong = problems(result);
  const page = join(work, 'report.html');
  const table = join(work, 'report.md');
  run('report/main.ts', out, '--html', page, '--markdown', table);
  for (const { name } of result.pairs) {
    for (const file of [page, table]) {
      if (!readFileSync(file, 'utf8').includes(name)) wrong.push(`${file} does not tell of ${name}`);
    }
  }
  for (const line of wrong) console.error(`smoke: ${line}`);
  const cells = result.fetches.length + result.publishes.length;
  console.error(`smoke: ${cells} figures of ${result.tools.length} tools, ${wrong.length} of them wrong`);
  if (wrong.length > 0) process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

function run(script: string, ...args: string[]): void {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { status } = spawnSync(process.execPath, [path, ...args], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`bench/${script} ended with ${status}`);
}

/** What cannot be true, a line each. */
function problems({ pairs, tools, publishes, fetches, skipped }: BenchResult): string[] {
  const wrong: string[] = [];
  if (pairs.length === 0) wrong.push('no pair was measured');
  for (const { pair, tool, reason } of skipped) wrong.push(`${pair}, ${tool}: ${reason}`);
  for (const pair of pairs) {
    const [before = 0, last = 0] = pair.releases.slice(-2).map(({ bytes }) => bytes);
    for (const tool of tools) {
      const fetched = fetches.filter((cell) => cell.pair === pair.name && cell.tool === tool.name);
      const published = publishes.filter((cell) => cell.pair === pair.name && cell.tool === tool.name);
      const what = `${pair.name}, ${tool.name}`;
      if (published.length !== pair.releases.length) wrong.push(`${what}: ${published.length} published`);
      if (fetched.length !== 1) wrong.push(`${what}: ${fetched.length} fetched`);
      for (const cell of fetched) wrong.push(...oddities(cell, last).map((odd) => `${what}: ${odd}`));
      for (const cell of published) {
        wrong.push(...unlikely(cell, before + last).map((odd) => `${what}, publishing: ${odd}`));
      }
    }
  }
  return wrong;
}

function oddities(cell: FetchCell, imageBytes: number): string[] {
  const { bytes, requests, wireBytes, attempts } = cell;
  const sum = downloadOf(cell);
  const odd = usageOddities(cell);
  if (!(bytes.data > 0 && bytes.data < imageBytes)) odd.push(`${bytes.data} bytes of data`);
  if (!(requests >= 1 && requests < 10_000)) odd.push(`${requests} requests`);
  if (!(wireBytes > sum)) odd.push(`${sum} bytes of answers in ${wireBytes} over the line`);
  if (attempts !== 1) odd.push(`${attempts} attempts`);
  return odd;
}

function unlikely(cell: PublishCell, bothImages: number): string[] {
  // A delta tool publishes nothing for the first release.
  if (cell.storedBytes === 0) return [];
  const odd = usageOddities(cell);
  if (cell.storedBytes > 2 * bothImages) odd.push(`${cell.storedBytes} bytes stored`);
  return odd;
}

function usageOddities({ wallSeconds, cpuSeconds, peakMemory }: FetchCell | PublishCell): string[] {
  const odd: string[] = [];
  if (!(wallSeconds > 0 && wallSeconds < 60)) odd.push(`${wallSeconds} seconds`);
  // GNU time counts hundredths of a second: nothing may well be measured as 0.
  if (!(cpuSeconds >= 0 && cpuSeconds < 120)) odd.push(`${cpuSeconds} seconds of CPU`);
  if (!(peakMemory > 2 ** 18 && peakMemory < 2 ** 32)) odd.push(`${peakMemory} bytes of memory`);
  return odd;
}
