/**
 * The benchmark: every tool that is installed, on every pair of the corpus, over every line, into one JSON
 * file. It goes on where it was stopped; figures of an older commit or version are measured again.
 *
 *     npm run bench:run                                     everything
 *     npm run bench:run -- --pair node24 --peer casync      one pair, one peer beside silt
 *     npm run bench:run -- --link lte --rounds 5
 *
 * @module
 */
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseCount } from '../src/cli/options.ts';
import { packageVersion } from '../src/cli/package-version.ts';
import { chooseLink } from '../src/compare/choose-links.ts';
import { findInstalledTools } from '../src/compare/installed-tools.ts';
import { openLedger } from '../src/compare/ledger.ts';
import { LINKS } from '../src/compare/link.ts';
import { describeMachine } from '../src/compare/machine.ts';
import { allPeers, choosePeers } from '../src/compare/peers.ts';
import { readResult, writeResult } from '../src/compare/result-file.ts';
import { runMatrix } from '../src/compare/run-matrix.ts';
import { openSubject, type Subject } from '../src/compare/subject.ts';
import { terminalReport } from '../src/compare/tables.ts';
import { type CorpusPair, corpusDirectory, pairsPresent } from './corpus/pairs.ts';
import { programCommit } from './program-commit.ts';

/** What images of all sizes are tried with: more would take a day and say the same. */
const SIZE_SERIES_TOOLS = ['silt-fast', 'casync-64k', 'desync-64k', 'xdelta3'];

const { values } = parseArgs({
  options: {
    pair: { type: 'string', multiple: true },
    peer: { type: 'string', multiple: true },
    link: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '3' },
    'max-seconds': { type: 'string', default: '600' },
    'no-install': { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    out: { type: 'string', default: join(homedir(), '.cache', 'silt-bench', 'result.json') },
    work: { type: 'string', default: join(homedir(), '.cache', 'silt-bench', 'work') },
  },
});

const began = performance.now();
const say = (line: string): void => {
  console.error(`${String(Math.round((performance.now() - began) / 1000)).padStart(5)} s  ${line}`);
};

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const known = allPeers([process.execPath, main]);
const wanted = values.peer === undefined ? known : choosePeers(known, ['silt', ...values.peer]);
const { peers, infos, missing } = await findInstalledTools(wanted, process.env);
for (const reason of missing) say(`left out: ${reason}`);

const commit = programCommit();
const tools = infos.map((info) =>
  info.name.startsWith('silt') ? { ...info, version: `${info.version} ${commit ?? ''}`.trim() } : info,
);
const pairs = await choosePairs();
const subjects: Subject[] = [];
for (const { name, standsFor, series, releases } of pairs) {
  say(`reading ${name}`);
  const files = releases.map((file) => join(corpusDirectory(process.env), file));
  subjects.push(await openSubject({ name, standsFor, ...(series !== undefined && { series }) }, files));
}
const links = values.link?.map(chooseLink) ?? LINKS;
await mkdir(dirname(values.out), { recursive: true });
const ledger = openLedger(
  {
    started: new Date().toISOString(),
    machine: describeMachine(process.versions.node),
    silt: { version: packageVersion(), commit },
    pairs: subjects.map(({ info }) => info),
    ...{ tools, links },
  },
  await readResult(values.out),
  (result) => writeResult(values.out, result),
);
try {
  for (const subject of subjects) await measure(subject);
} catch (error) {
  if (!interrupt.signal.aborted) throw error;
  say('interrupted; the same command goes on from here');
  process.exit(130);
}
const result = ledger.result();
await writeResult(values.out, result);
console.log(terminalReport(result).join('\n'));
say(`the result is in ${values.out}`);

async function measure(subject: Subject): Promise<void> {
  const chosen =
    subject.info.series === undefined ? peers : peers.filter(({ name }) => SIZE_SERIES_TOOLS.includes(name));
  await runMatrix(
    {
      subjects: [subject],
      peers: chosen,
      links: subject.info.series === undefined ? links : links.slice(0, 1),
      scenarios:
        values['no-install'] || subject.info.series !== undefined ? ['update'] : ['update', 'install'],
      rounds: parseCount('--rounds', 1, 99)(values.rounds),
      maxSeconds: parseCount('--max-seconds', 1)(values['max-seconds']),
      directory: values.work,
      env: process.env,
      signal: interrupt.signal,
      onStep: say,
    },
    ledger,
  );
}

/** The pairs of the corpus that are wanted and there. */
async function choosePairs(): Promise<readonly CorpusPair[]> {
  const present = await pairsPresent(corpusDirectory(process.env));
  const chosen = present.filter(({ name, small }) =>
    values.pair === undefined ? !values.small || small === true : values.pair.includes(name),
  );
  for (const name of values.pair ?? []) {
    if (chosen.some((pair) => pair.name === name)) continue;
    throw new Error(`the corpus has no pair ${name}: npm run bench:corpus -- --list shows what can be made`);
  }
  if (chosen.length === 0) throw new Error('the corpus is empty: npm run bench:corpus makes it');
  return chosen;
}
