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
import { bootKinds, bootScenarios, ubootKind } from '../test/support/crash-states/boot-scenarios.ts';
import {
  type Effort,
  type Enumeration,
  enumerate,
  type Scenario,
  tellViolations,
} from '../test/support/crash-states/enumerate.ts';
import { fetchScenarios, publishCrashReleases } from '../test/support/crash-states/fetch-scenarios.ts';
import { floorScenarios } from '../test/support/crash-states/floor-scenarios.ts';
import { installerScenarios } from '../test/support/crash-states/installer-scenarios.ts';
import { journalScenarios } from '../test/support/crash-states/journal-scenarios.ts';
import { trustScenarios } from '../test/support/crash-states/trust-scenarios.ts';
import {
  publishUpdates,
  type UpdateRepositories,
  updateScenarios,
} from '../test/support/crash-states/update-scenarios.ts';

interface Repositories {
  readonly repository: string;
  readonly updates: UpdateRepositories;
}

/** What a worker is to do: the scenarios with these numbers. */
interface Share {
  readonly repositories: Repositories;
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
const MIDDLE: Effort = { seed: 1, samples: 3, cuts: 1, kills: 1, between: 0.1, twice: 0.02 };
const OF_TREES: Effort = { ...MIDDLE, kills: 0.5, between: 0.02, twice: 0.005 };
const LARGE: Effort = { seed: 1, samples: 6, cuts: 1, kills: 0.08, twice: 0.004 };
/** Other ways to the same writes. */
const LARGE_AGAIN: Effort = { ...LARGE, samples: 3, cuts: 0.3, kills: 0.03, twice: 0.002 };
const LARGEST: Effort = { seed: 1, samples: 0, cuts: 0.05, kills: 0.02 };

const withEffort = (scenarios: readonly Scenario[], effort: Effort) =>
  scenarios.map((scenario) => ({ scenario, effort }));

const all = async ({ repository, updates }: Repositories) => [
  ...withEffort([...floorScenarios(), ...trustScenarios()], SMALL),
  ...fetchScenarios(repository).map((scenario) => ({
    scenario,
    effort: /by a delta|sealed/.test(scenario.what) ? LARGE_AGAIN : LARGE,
  })),
  ...withEffort(journalScenarios(), MIDDLE),
  ...withEffort(await bootScenarios([...bootKinds, ubootKind]), MIDDLE),
  ...installerScenarios().map((scenario) => ({
    scenario,
    effort: scenario.what.startsWith('directory') ? OF_TREES : MIDDLE,
  })),
  ...withEffort(updateScenarios(updates), LARGEST),
];

if (isMainThread) await main();
else await work(workerData as Share);

async function main(): Promise<void> {
  // In memory where that can be: it is the model that loses power, not this machine.
  const memory = statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true;
  const base = realpathSync(mkdtempSync(join(memory ? '/dev/shm' : tmpdir(), 'silt-crash-states-')));
  try {
    const started = performance.now();
    const repositories = {
      repository: await publishCrashReleases(base),
      updates: await publishUpdates(base),
    };
    const numbers = (await all(repositories)).map((_, number) => number);
    const shares = [0, 1].map((half) => numbers.filter((number) => number % 2 === half));
    const results = (
      await Promise.all(shares.map((share) => inWorker({ repositories, base, numbers: share })))
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

async function work({ repositories, base, numbers }: Share): Promise<void> {
  const results: Result[] = [];
  const scenarios = await all(repositories);
  for (const number of numbers) {
    const { scenario, effort } = scenarios[number] as (typeof scenarios)[number];
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
