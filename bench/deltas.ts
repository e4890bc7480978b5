/**
 * Deltas alone, silt beside the tools that make nothing else: what they weigh, and what it takes to make and to
 * apply them. Prints Markdown.
 *
 *     npm run bench:deltas                                  the pairs of the README
 *     npm run bench:deltas -- biome tsgo --all              other pairs, more tools
 *     npm run bench:deltas -- OLD NEW --peer bsdiff         any two files
 *     npm run bench:deltas -- --quick                       small pairs, once each
 *     npm run bench:deltas -- --from RESULT.json            the tables of an earlier run
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir, loadavg } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseCount } from '../src/cli/options.ts';
import { packageVersion } from '../src/cli/package-version.ts';
import { findInstalledTools } from '../src/compare/installed-tools.ts';
import { describeMachine } from '../src/compare/machine.ts';
import type { Peer } from '../src/compare/peer.ts';
import { allPeers, choosePeers } from '../src/compare/peers.ts';
import { openSubject, type Subject } from '../src/compare/subject.ts';
import { isSiltError, SiltError } from '../src/core/errors.ts';
import { CORPUS, corpusDirectory, pairsPresent } from './corpus/pairs.ts';
import { DELTAS_FORMAT, type DeltaResult, readDeltaResult, writeDeltaResult } from './deltas/delta-result.ts';
import { deltaReport } from './deltas/delta-tables.ts';
import { measurePair } from './deltas/measure-pair.ts';
import { siltDeltas } from './deltas/silt-delta.ts';
import { programCommit } from './program-commit.ts';

const MAIN_PAIRS = ['node24', 'ext4', 'erofs', 'kernel'];
const QUICK_PAIRS = ['firmware', 'npm-tree', 'esbuild'];
const MAIN_PEERS = ['hdiffz-lzma', 'hdiffz'];
const MORE_PEERS = ['bsdiff', 'xdelta3', 'xdelta3-lzma', 'zstd-patch'];

const OPTIONS = {
  all: { type: 'boolean', default: false },
  peer: { type: 'string', multiple: true },
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  encodes: { type: 'string', default: '1' },
  'max-seconds': { type: 'string', default: '3600' },
  json: { type: 'boolean', default: false },
  from: { type: 'string' },
  out: { type: 'string', default: join(homedir(), '.cache', 'silt-bench', 'deltas.json') },
  work: { type: 'string', default: join(homedir(), '.cache', 'silt-bench', 'deltas') },
  // The sources as they are, without a build.
  source: { type: 'boolean', default: false },
} as const;

const began = performance.now();
const say = (line: string): void => {
  console.error(`${String(Math.round((performance.now() - began) / 1000)).padStart(5)} s  ${line}`);
};
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const result =
    values.from === undefined ? await measure(values, positionals) : await readDeltaResult(values.from);
  console.log(values.json ? JSON.stringify(result, undefined, 2) : deltaReport(result).join('\n'));
  // What is not here was no fault; what failed was one.
  if (result.missing.some(({ pair }) => pair !== undefined)) process.exitCode = 1;
} catch (error) {
  if (interrupt.signal.aborted) {
    say('interrupted');
    process.exitCode = 130;
  } else if (isSiltError(error) || isUsage(error)) {
    console.error(`bench:deltas: ${error.message}`);
    process.exitCode = 1;
  } else throw error;
}

type Values = ReturnType<typeof parseArgs<{ allowPositionals: true; options: typeof OPTIONS }>>['values'];

async function measure(values: Values, positionals: readonly string[]): Promise<DeltaResult> {
  const load = loadavg()[0] ?? 0;
  const rounds = parseCount('--rounds', 1, 99)(values.rounds ?? (values.quick ? '1' : '3'));
  const encodes = parseCount('--encodes', 1, 99)(values.encodes);
  const maxSeconds = parseCount('--max-seconds', 1)(values['max-seconds']);
  const wanted = choosePeersOf(values);
  const { peers, infos, missing } = await findInstalledTools(wanted, process.env);
  const tools = wanted.map(({ name, title, family }) => {
    const found = infos.find((info) => info.name === name);
    return { name, title, family, version: found?.version ?? '' };
  });
  const subjects = await openSubjects(positionals, values.quick ? QUICK_PAIRS : MAIN_PAIRS);
  let result: DeltaResult = {
    format: DELTAS_FORMAT,
    started: new Date().toISOString(),
    machine: describeMachine(process.versions.node),
    load,
    silt: { version: packageVersion(), commit: programCommit() },
    pairs: subjects.map(({ info }) => info),
    tools,
    ...{ encodes: [], applies: [] },
    missing: tools
      .filter(({ version }) => version === '')
      .map(({ name }) => {
        const why = missing.find((line) => line.startsWith(`${name}: `));
        return { tool: name, reason: why?.slice(name.length + 2) ?? 'it is not installed' };
      }),
  };
  for (const line of missing) say(`left out: ${line}`);
  if (load > result.machine.cores / 2) {
    say(`the machine is busy (load ${load.toFixed(1)}): times will be too long`);
  }
  await mkdir(dirname(values.out), { recursive: true });
  for (const subject of subjects) {
    const directory = join(values.work, `${process.pid}-${basename(subject.info.name)}`);
    const { env } = process;
    const { signal } = interrupt;
    const measured = await measurePair({
      ...{ subject, peers, encodes, rounds, maxSeconds, directory, env, signal },
      onStep: say,
    });
    result = {
      ...result,
      encodes: [...result.encodes, ...measured.encodes],
      applies: [...result.applies, ...measured.applies],
      missing: [...result.missing, ...measured.missing],
    };
    await writeDeltaResult(values.out, result);
  }
  say(`the result is in ${values.out}`);
  return result;
}

/** silt, and those of the delta tools that leave one file as patch. */
function choosePeersOf({ all, peer, source }: Values): Peer[] {
  const main = fileURLToPath(new URL(source ? '../src/cli/main.ts' : '../dist/cli/main.js', import.meta.url));
  if (!existsSync(main)) throw new SiltError('USAGE', `expected silt at ${main}; npm run build makes it`);
  const known = allPeers([]).filter(({ family, name }) => family === 'delta' && name !== 'ostree');
  const names = [...MAIN_PEERS, ...(all ? MORE_PEERS : []), ...(peer ?? [])];
  return [...siltDeltas([process.execPath, main]), ...choosePeers(known, names)];
}

/** Those that are named: pairs of the corpus, or two files. By default those of `usual` that are there. */
async function openSubjects(named: readonly string[], usual: readonly string[]): Promise<Subject[]> {
  const corpus = corpusDirectory(process.env);
  const present = pairsPresent(corpus);
  const isPair = (name: string): boolean => CORPUS.some((pair) => pair.name === name);
  const files = named.filter((name) => !isPair(name));
  if (files.length !== 0 && files.length !== 2) {
    const message = `expected names of pairs (npm run bench:corpus -- --list), or two files; found ${files.join(', ')}`;
    throw new SiltError('USAGE', message);
  }
  const wanted = named.length === 0 ? usual : named.filter(isPair);
  const subjects: Subject[] = [];
  for (const name of wanted) {
    const pair = present.find((one) => one.name === name);
    if (pair === undefined) {
      say(`left out: ${name}, which npm run bench:corpus makes`);
      continue;
    }
    say(`reading ${name}`);
    const { standsFor, releases } = pair;
    const paths = releases.slice(-2).map((file) => join(corpus, file));
    subjects.push(await openSubject({ name, standsFor }, paths));
  }
  const [old, next] = files;
  if (old !== undefined && next !== undefined) {
    subjects.push(await openSubject({ name: 'images', standsFor: `${old} → ${next}` }, [old, next]));
  }
  if (subjects.length === 0) throw new SiltError('USAGE', 'no pair is here: npm run bench:corpus makes some');
  return subjects;
}

/** What parseArgs throws. */
function isUsage(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
