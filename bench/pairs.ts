/**
 * The main job on real image pairs: what a device downloads that holds the old image, what one downloads
 * that holds nothing, and how long publishing and rebuilding take; beside casync in the same run where it is
 * installed.
 *
 *     npm run bench:pairs                 all pairs that are in the corpus
 *     npm run bench:pairs -- node24       one of them
 *
 * Pairs lie in $SILT_CORPUS (default ~/.cache/silt-corpus) as NAME.old and NAME.new; the scripts in
 * bench/corpus make them. Sizes are exact; times are of this machine, compare them within one run only.
 *
 * @module
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStaticServer } from '../src/server/static-server.ts';
import { casync, hasCasync } from './casync.ts';
import { runMeasured, type SiltReport, silt } from './run-measured.ts';

const corpus = process.env.SILT_CORPUS ?? join(homedir(), '.cache', 'silt-corpus');
const known = ['node24', 'ext4', 'erofs', 'kernel'];
const wanted = process.argv.slice(2).length > 0 ? process.argv.slice(2) : known;

const MB = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
const MiB = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
const s = (seconds: number): string => `${seconds.toFixed(1)} s`;

for (const pair of wanted) {
  const old = join(corpus, `${pair}.old`);
  const next = join(corpus, `${pair}.new`);
  if (!existsSync(old) || !existsSync(next)) {
    console.error(`${pair}: skipped, ${old} is not there; bench/corpus has the scripts that make it`);
    continue;
  }
  await measure(pair, old, next);
}

async function measure(pair: string, old: string, next: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'silt-bench-'));
  try {
    console.log(`\n## ${pair}: ${statSync(old).size} → ${statSync(next).size} bytes\n`);
    const repo = join(work, 'repo');
    const first = await silt(publishArgs(repo, pair, '1', old));
    const second = await silt(publishArgs(repo, pair, '2', next));
    const server = await startStaticServer(repo, { host: '127.0.0.1', port: 0 });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => server.close());
    const fetchArgs = (version: string, output: string, ...more: string[]): string[] => [
      ...['fetch', '--repo', server.url, '--product', pair, '--version', version],
      ...['--output', join(work, output), ...more],
    ];
    const state = join(work, 'state');
    const install = await silt(fetchArgs('1', 'a', '--state', state));
    const seeded = ['--seed', join(work, 'a')];
    const saved = await silt(fetchArgs('2', 'b', '--state', state, ...seeded));
    await same(join(work, 'b'), next);
    rmSync(join(work, 'b'));
    const cut = await silt(fetchArgs('2', 'b', '--state', join(work, 'none'), ...seeded));
    await same(join(work, 'b'), next);
    rmSync(join(work, 'b'));
    const rows: string[][] = [
      ['silt, first install', ...fetched(install)],
      ['silt, update, index of the seed saved', ...fetched(saved)],
      ['silt, update, seed cut anew', ...fetched(cut)],
    ];
    if (hasCasync()) rows.push(...(await casync(old, next, join(work, 'casync'))));
    table(['device', 'data + index', 'requests', 'wall', 'peak memory'], rows);
    const fast = await silt(publishArgs(join(work, 'fast'), pair, '1', old, '--compression', 'zstd:3'));
    const rowsPublish = [
      ['silt publish, first release', ...published(first)],
      ['silt publish, second release', ...published(second)],
      ['silt publish, first release, zstd:3', ...published(fast)],
    ];
    if (hasCasync()) {
      const store = join(work, 'fast.castr');
      const made = await runMeasured('casync', ['make', `--store=${store}`, join(work, 'fast.caibx'), old]);
      rowsPublish.push(['casync make (zstd 3)', '', s(made.seconds), MiB(made.peakMemory)]);
    }
    table(['build side', 'stored', 'wall', 'peak memory'], rowsPublish);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function publishArgs(repo: string, pair: string, version: string, path: string, ...more: string[]): string[] {
  return [
    'publish',
    '--repo',
    repo,
    '--product',
    pair,
    '--version',
    version,
    '--image',
    `image=${path}`,
    ...more,
  ];
}

function fetched(report: SiltReport): string[] {
  return [
    MB(report.dataBytes + report.indexBytes),
    String(report.requests),
    s(report.seconds),
    MiB(report.peakMemory),
  ];
}

function published(report: SiltReport): string[] {
  return [MB(report.bytesUploaded), s(report.seconds), MiB(report.peakMemory)];
}

async function same(a: string, b: string): Promise<void> {
  await runMeasured('cmp', [a, b]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`| ${head.join(' | ')} |\n|${head.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
  console.log();
}
