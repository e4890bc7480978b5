/**
 * `silt bench`: what two images of the user's own would cost with silt and with each peer that is installed.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { chooseLink } from '../../compare/choose-links.ts';
import { findInstalledTools } from '../../compare/installed-tools.ts';
import { openLedger } from '../../compare/ledger.ts';
import { LINKS, type Link } from '../../compare/link.ts';
import { describeMachine } from '../../compare/machine.ts';
import { allPeers, choosePeers } from '../../compare/peers.ts';
import { runMatrix } from '../../compare/run-matrix.ts';
import { openSubject } from '../../compare/subject.ts';
import { terminalReport } from '../../compare/tables.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { collect, parseCount, withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { packageVersion } from '../package-version.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

interface BenchCommandOptions extends OutputOptions {
  readonly peers?: string;
  readonly link?: readonly string[];
  readonly install?: boolean;
  readonly rounds: number;
  readonly maxSeconds: number;
  readonly work?: string;
}

const examples = `
Examples:
  silt bench rootfs-1.4.ext4 rootfs-1.5.ext4
  silt bench old.img new.img --peers casync,desync,xdelta3 --link lte
  silt bench old.img new.img --peers none --link 8Mbit,120ms,0.5% --install
  silt bench old.img new.img --rounds 3 --json > result.json`;

/** What runs by default: two lines that most fleets know, and no wait of an hour. */
const DEFAULT_LINKS: readonly string[] = ['lan', 'lte'];

const main = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url));

/** Adds the command to `program`. */
export function addBench(program: Command): void {
  const links = LINKS.map(({ name, title }) => `${name} (${title})`).join(', ');
  const command = program
    .command('bench')
    .summary('compare what an update would cost, with silt and with other tools')
    .description(
      'Publishes OLD and NEW with silt and with every other tool that is installed, into temporary ' +
        'directories, fetches NEW with OLD as seed over simulated lines, and compares bytes, requests, time, ' +
        `CPU and memory. Lines: ${links}; or RATE,ROUND-TRIP[,LOSS] such as 8Mbit,120ms,0.5%.`,
    )
    .argument('<OLD>', 'the image that devices have')
    .argument('<NEW>', 'the image that they shall get')
    .option('--peers <names>', 'only these, divided by commas; none for silt alone; by default all installed')
    .option('--link <line>', `a line to fetch over; several times; by default ${DEFAULT_LINKS}`, collect)
    .option('--install', 'measure a first install as well, over the first of the lines')
    .option(
      '--rounds <n>',
      'fetches of each kind, of which the median counts',
      parseCount('--rounds', 1, 99),
      1,
    )
    .option('--max-seconds <n>', 'give up what takes longer', parseCount('--max-seconds', 1, 86_400), 600)
    .option(
      '--work <directory>',
      'where to put several times the size of the images; by default the temporary one',
    );
  withOutputOptions(command)
    .addHelpText('after', examples)
    .action((old: string, next: string, options: BenchCommandOptions) =>
      runCommand(options, 'interrupted', (session) => benchCommand(old, next, options, session)),
    );
}

async function benchCommand(
  old: string,
  next: string,
  options: BenchCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const links = (options.link ?? DEFAULT_LINKS).map(chooseLink);
  const known = allPeers([process.execPath, main]);
  const wanted = options.peers === undefined ? known : choosePeers(known, ['silt', ...listed(options.peers)]);
  const { peers, infos, missing } = await findInstalledTools(wanted, process.env);
  for (const reason of missing) output.note(`left out: ${reason}`);
  const subject = await openSubject({ name: 'images', standsFor: `${old} → ${next}` }, [old, next]);
  const header = {
    started: new Date().toISOString(),
    machine: describeMachine(process.versions.node),
    silt: { version: packageVersion(), commit: undefined },
    pairs: [subject.info],
    tools: infos,
    links: unique(links),
  };
  const ledger = openLedger(header, undefined, async () => {});
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(options.work ?? tmpdir(), 'silt-bench-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  let steps = 0;
  const total =
    peers.length * (1 + header.links.length * options.rounds + (options.install ? options.rounds : 0));
  await runMatrix(
    {
      subjects: [subject],
      peers,
      links: header.links,
      scenarios: options.install ? ['update', 'install'] : ['update'],
      rounds: options.rounds,
      maxSeconds: options.maxSeconds,
      directory,
      env: process.env,
      signal,
      onStep: (step) =>
        output.progress.show({ label: 'bench', done: steps++, total, unit: 'steps', note: step }),
    },
    ledger,
  );
  const result = ledger.result();
  output.result(result, () => terminalReport(result));
  // A comparison without a figure is none, whoever waits for it.
  return result.fetches.length > 0 ? EXIT_DONE : EXIT_FAILED;
}

/** Names divided by commas; `none` is no name. */
function listed(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'none');
}

function unique(links: readonly Link[]): Link[] {
  return links.filter((link, at) => links.findIndex(({ name }) => name === link.name) === at);
}
