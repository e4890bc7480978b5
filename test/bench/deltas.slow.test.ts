import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { pairFigures } from '../../bench/deltas/delta-figures.ts';
import { DELTAS_FORMAT, type DeltaResult } from '../../bench/deltas/delta-result.ts';
import { deltaReport } from '../../bench/deltas/delta-tables.ts';
import { goalsOf, reached } from '../../bench/deltas/goals.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const script = fileURLToPath(new URL('../../bench/deltas.ts', import.meta.url));

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command in a directory of its own with two images; `programs` are all that the PATH has besides sh. */
async function bench(
  t: ExecutionContext<unknown>,
  programs: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<Ended & { readonly directory: string }> {
  return (await start(t, programs, ...args)).ended;
}

async function start(
  t: ExecutionContext<unknown>,
  programs: Readonly<Record<string, string>>,
  ...args: string[]
) {
  const directory = await temporaryDirectory(t);
  const old = seededBytes('image', 200_000);
  const next = Buffer.from(old);
  next.set(seededBytes('news', 2000), 100_000);
  const write = (name: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> =>
    writeFile(join(directory, name), bytes, { mode });
  await Promise.all([write('old', old), write('new', next)]);
  for (const [name, text] of Object.entries(programs)) await write(name, `#!/bin/sh\n${text}\n`, 0o755);
  const env = { HOME: directory, PATH: directory, SILT_CORPUS: join(directory, 'corpus') };
  const work = ['--work', 'work', '--out', 'out.json', '--source'];
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const command = [script, ...args, ...work];
  const child = execFile(process.execPath, command, { cwd: directory, env }, (error, stdout, stderr) => {
    resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
  });
  t.teardown(() => void child.kill('SIGKILL'));
  return { child, ended: promise.then((ended) => ({ ...ended, directory })) };
}

const VERSION = 'if [ "$1" = -v ]; then echo "fake v1.2.3"; exit; fi\n';
/** A patch that is the new image itself: the last argument names it. */
const HDIFFZ = `${VERSION} for patch; do :; done; exec /bin/cp new "$patch"`;

test('silt and the tools that are here have a row each, the others say what is missing', async (t) => {
  const programs = { hdiffz: HDIFFZ, hpatchz: `${VERSION} exec /bin/cp "$3" "$4"` };
  const args = ['old', 'new', '--rounds', '2', '--peer', 'bsdiff'];
  const { status, stdout, directory } = await bench(t, programs, ...args);
  t.is(status, 0);
  t.regex(stdout, /^\| images \| \d,\d{3} \| 200,000 \| 0\.0\d× \|/m);
  t.regex(stdout, /^\| silt \| \*\*\d,\d{3}\*\* \| 0\.0\d× \|/m);
  t.regex(stdout, /^\| hdiffz \| 200,000 \| 1\.00× \| .* \| 1\.00× \|/m);
  t.regex(stdout, /^\| bsdiff \| –¹ /m);
  t.regex(stdout, /^¹ bsdiff and bspatch are not installed/m);
  t.regex(stdout, /hdiffz 1\.2\.3; medians of 1 round of encoding and 2 rounds of patching/);
  const result = JSON.parse(await readFile(join(directory, 'out.json'), 'utf8')) as DeltaResult;
  t.is(result.format, DELTAS_FORMAT);
  t.is(result.applies.filter(({ tool }) => tool === 'silt').length, 2);
  t.deepEqual(await readdir(join(directory, 'work')), []);
});

test('a tool that makes another image has no figures, and the run fails', async (t) => {
  const programs = { hdiffz: HDIFFZ, hpatchz: `${VERSION} exec /bin/cp old "$4"` };
  const { status, stdout } = await bench(t, programs, 'old', 'new', '--json');
  t.is(status, 1);
  const { encodes, applies, missing } = JSON.parse(stdout) as DeltaResult;
  t.deepEqual([...new Set([...encodes, ...applies].map(({ tool }) => tool))], ['silt', 'silt-general']);
  t.deepEqual(
    missing.map(({ tool, reason }) => [tool, reason]),
    ['hdiffz-lzma', 'hdiffz'].map((tool) => [tool, 'patches: what it made is not the new image']),
  );
});

test('interrupted, it leaves nothing behind', async (t) => {
  const { child, ended } = await start(t, {}, 'old', 'new');
  child.stderr?.on('data', (text) => {
    if (String(text).includes('encodes')) child.kill('SIGINT');
  });
  const { status, stdout, directory } = await ended;
  t.is(status, 130);
  t.is(stdout, '');
  t.deepEqual(await readdir(join(directory, 'work')), []);
});

test('what cannot be measured is refused in one sentence', async (t) => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['old'], /expected names of pairs .* or two files; found old/],
    [['old', 'none'], /none/],
    [[], /no pair is here/],
    [['old', 'new', '--peer', 'casync'], /expected the name of a peer, found "casync"/],
    [['old', 'new', '--rounds', '0'], /--rounds/],
    [
      ['--from', 'old'],
      /expected a result of the benchmark of deltas \(silt-deltas-1\), found something else/,
    ],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await bench(t, {}, ...args);
    t.is(status, 1, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, message);
  }
});

/** Two tools on one pair, each round a cell. */
function sample(silt: number, hdiffz: number): DeltaResult {
  const cell = { pair: 'node24', wallSeconds: 1, cpuSeconds: 1, peakMemory: 100e6 };
  const tool = (name: string) => ({ name, title: name, family: 'delta', version: '1' }) as const;
  return {
    format: DELTAS_FORMAT,
    started: '2026-11-22T10:00:00.000Z',
    machine: { cpu: 'Make-believe CPU', cores: 2, memoryBytes: 8e9, system: 'Linux 6', node: '24.0.0' },
    load: 0.2,
    silt: { version: '0.1.0', commit: undefined },
    pairs: [
      {
        name: 'node24',
        standsFor: 'a program',
        releases: [
          { bytes: 1e8, sha256: '' },
          { bytes: 2e8, sha256: '' },
        ],
      },
    ],
    tools: [tool('silt'), tool('hdiffz')],
    encodes: [
      { ...cell, tool: 'silt', patchBytes: silt, wallSeconds: 14 },
      { ...cell, tool: 'hdiffz', patchBytes: hdiffz, wallSeconds: 10 },
    ],
    applies: [
      ...[1, 9, 2].map((wallSeconds) => ({ ...cell, tool: 'silt', wallSeconds })),
      { ...cell, tool: 'hdiffz' },
    ],
    missing: [],
  };
}

test('rounds count with their median, and speed is that of the whole process', (t) => {
  const [silt] = pairFigures(sample(1e6, 2e6), 'node24').tools;
  t.is(silt?.apply.wallSeconds, 2);
  t.is(silt?.applySpeed, 1e8);
});

test('bounds are scaled to what the best peer makes of the images that are here', (t) => {
  const goals = (silt: number, hdiffz: number) => goalsOf([pairFigures(sample(silt, hdiffz), 'node24')]);
  const size = goals(2_000_000, 2_200_254)[0];
  t.like(size, { must: 2_200_000, aim: 1_750_000, found: 2_000_000 });
  t.is(goals(2_000_000, 1_100_127)[0]?.must, 1_100_000);
  t.deepEqual(
    [1_750_000, 2_200_000, 2_200_001].map((bytes) => goals(bytes, 2_200_254).map(reached)[0]),
    ['aim', 'must', 'no'],
  );
  // Time, memory, and speed, of which more is better: 1.4 times, 100 MB, 100 MB/s.
  t.deepEqual(goals(1, 2).slice(1).map(reached), ['must', 'aim', 'no']);
  t.regex(deltaReport(sample(2_200_001, 2_200_254)).join('\n'), /^\| node24, patch bytes \|.*\| no \|$/m);
});
