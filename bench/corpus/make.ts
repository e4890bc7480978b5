/**
 * Makes the corpus: real image pairs from package registries, by package name.
 *
 *     npm run bench:corpus                     every pair that this machine can make, but the largest
 *     npm run bench:corpus -- node24 biome     these
 *     npm run bench:corpus -- --small          those for a run of a minute
 *     npm run bench:corpus -- --npm            those that take npm alone
 *     npm run bench:corpus -- --all            the largest as well
 *     npm run bench:corpus -- --list           what there is; makes nothing
 *
 * They go to $SILT_CORPUS (default ~/.cache/silt-corpus); what is there already is checked and kept. Prints a
 * line for each pair: its sizes and the SHA-256 of its files. Ends with 1 when one of them failed; what this
 * machine cannot make is skipped and says why.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatSize } from '../../src/core/sizes.ts';
import { CannotMake } from './cannot-make.ts';
import { makeDebianPairs } from './debian-pairs.ts';
import { makePair } from './make-pair.ts';
import { CORPUS, type CorpusPair, corpusDirectory, findPair } from './pairs.ts';

const FLAGS = ['small', 'npm', 'all', 'list'] as const;

const directory = corpusDirectory(process.env);
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());

try {
  const { flags, names } = readArguments();
  const wanted = choose(flags, names);
  if (flags.list) list(wanted);
  else await makeAll(wanted);
} catch (error) {
  fail(error);
}

async function makeAll(wanted: readonly CorpusPair[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const pair of wanted.filter(({ needs }) => needs !== 'debian')) {
    await attempt([pair], () => report(pair));
  }
  const debian = wanted.filter(({ needs }) => needs === 'debian');
  const missing = debian.filter((pair) => !isPresent(pair));
  await attempt(missing, async () => {
    const names = missing.map(({ name }) => name);
    if (names.length > 0) await makeDebianPairs(names, directory, abort.signal);
  });
  for (const pair of debian.filter(isPresent)) await attempt([pair], () => report(pair));
}

async function report(pair: CorpusPair): Promise<void> {
  const releases = await makePair(pair, directory, abort.signal);
  const sizes = releases.map(({ bytes }) => formatSize(bytes)).join(' → ');
  const digests = releases.map(({ sha256 }) => sha256).join(' ');
  console.log(`${pair.name}: ${sizes}; ${digests}`);
}

/** Goes on after a failure of one: the others may still be had. */
async function attempt(pairs: readonly CorpusPair[], action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (abort.signal.aborted) throw error;
    const names = pairs.map(({ name }) => name).join(', ');
    if (error instanceof CannotMake) console.log(`${names}: skipped, ${error.message}`);
    else fail(error, names);
  }
}

function fail(error: unknown, names = 'bench/corpus'): void {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`${names}: ${abort.signal.aborted ? 'interrupted' : message}`);
  process.exitCode = abort.signal.aborted ? 130 : 1;
}

function readArguments(): { flags: Partial<Record<(typeof FLAGS)[number], boolean>>; names: string[] } {
  const options = Object.fromEntries(FLAGS.map((flag) => [flag, { type: 'boolean' as const }]));
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  return { flags: values, names: positionals };
}

function choose(flags: Record<string, boolean | undefined>, names: readonly string[]): CorpusPair[] {
  const unknown = names.filter((name) => findPair(name) === undefined);
  if (unknown.length > 0) {
    const known = CORPUS.map(({ name }) => name).join(', ');
    throw new Error(`expected names of pairs (${known}), found ${unknown.join(', ')}`);
  }
  if (names.length > 0) return CORPUS.filter(({ name }) => names.includes(name));
  return CORPUS.filter(
    ({ needs, small, onRequest }) =>
      (flags.all || flags.list || !onRequest) &&
      (!flags.small || small === true) &&
      (!flags.npm || needs === 'npm'),
  );
}

function list(pairs: readonly CorpusPair[]): void {
  console.log(`in ${directory}:`);
  for (const pair of pairs) {
    console.log(
      `${isPresent(pair) ? 'there  ' : 'missing'}  ${pair.name} (${pair.needs}): ${pair.standsFor}`,
    );
  }
}

function isPresent({ releases }: CorpusPair): boolean {
  return releases.every((file) => existsSync(join(directory, file)));
}
