/**
 * Cuts the power everywhere, `npm run crash-states`: what each kind of work leaves on a disk after every call,
 * as a table, and whether recovery made good of all of it. See docs/decisions/0013-crash-states.md.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { alignRows } from '../src/cli/align-rows.ts';
import {
  type Effort,
  type Enumeration,
  enumerate,
  tellViolations,
} from '../test/support/crash-states/enumerate.ts';
import { fetchScenarios, publishCrashReleases } from '../test/support/crash-states/fetch-scenarios.ts';
import { floorScenarios } from '../test/support/crash-states/floor-scenarios.ts';
import { trustScenarios } from '../test/support/crash-states/trust-scenarios.ts';

/** What a worker is to do: the scenarios with these numbers. */
interface Share {
  readonly repository: string;
  readonly base: string;
  readonly numbers: readonly number[];
}

interface Result {
  readonly number: number;
  readonly row: readonly string[];
  readonly states: number;
  readonly problem: string | undefined;
}

/** Where recovery takes a hundred times longer than another, fewer states are looked at. */
const SMALL: Effort = { seed: 1, samples: 60, cuts: 1, kills: 1, twice: 0.15 };
const LARGE: Effort = { seed: 1, samples: 6, cuts: 1, kills: 0.08, twice: 0.004 };

const all = (repository: string) => [
  ...[...floorScenarios(), ...trustScenarios()].map((scenario) => ({ scenario, effort: SMALL })),
  ...fetchScenarios(repository).map((scenario) => ({ scenario, effort: LARGE })),
];

if (isMainThread) await main();
else await work(workerData as Share);

async function main(): Promise<void> {
  // In memory where that can be: it is the model that loses power, not this machine.
  const memory = statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true;
  const base = realpathSync(mkdtempSync(join(memory ? '/dev/shm' : tmpdir(), 'silt-crash-states-')));
  try {
    const started = performance.now();
    const repository = await publishCrashReleases(base);
    const numbers = all(repository).map((_, number) => number);
    const shares = [0, 1].map((half) => numbers.filter((number) => number % 2 === half));
    const results = (
      await Promise.all(shares.map((share) => inWorker({ repository, base, numbers: share })))
    ).flat();
    results.sort((a, b) => a.number - b.number);
    const rows = [['what', 'operations', 'states', 'all hold'], ...results.map(({ row }) => row)];
    for (const line of alignRows(rows, 1)) console.log(line);
    for (const { problem } of results) if (problem !== undefined) console.log(`\n${problem}`);
    const wrong = results.filter(({ problem }) => problem !== undefined).length;
    const states = results.reduce((sum, result) => sum + result.states, 0);
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log(
      `\ncrash states: ${states} in ${seconds} s, ${wrong === 0 ? 'all hold' : `${wrong} of ${results.length} do not hold`}`,
    );
    if (wrong > 0) process.exitCode = 1;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function inWorker(share: Share): Promise<Result[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Result[]>();
  const worker = new Worker(new URL(import.meta.url), { workerData: share });
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', (code) => reject(new Error(`a worker ended early, with ${code}`)));
  return promise;
}

async function work({ repository, base, numbers }: Share): Promise<void> {
  const results: Result[] = [];
  for (const number of numbers) {
    const { scenario, effort } = all(repository)[number] as ReturnType<typeof all>[number];
    const root = join(base, `disk-${number}`);
    mkdirSync(root);
    const found = await enumerate(scenario, root, effort);
    results.push({ number, row: rowOf(found), states: found.states, problem: problemOf(found) });
  }
  parentPort?.postMessage(results);
}

function rowOf({ what, operations, states, violations }: Enumeration): string[] {
  return [what, `${operations}`, `${states}`, violations.length === 0 ? 'yes' : 'NO'];
}

function problemOf(found: Enumeration): string | undefined {
  return found.violations.length === 0 ? undefined : tellViolations(found);
}
