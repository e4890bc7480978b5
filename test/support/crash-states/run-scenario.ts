/**
 * A scenario in a test: a directory of its own, and every violation told.
 *
 * @module
 */
import { access, constants, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Effort, type Enumeration, enumerate, type Scenario, tellViolations } from './enumerate.ts';

/** What every run of the tests affords; `npm run crash-states` does more. */
export const SMALL: Effort = { seed: 7, samples: 2, cuts: 0.4, kills: 0.1, twice: 0.03 };

export async function runScenario(
  t: ExecutionContext<unknown>,
  scenario: Scenario,
  effort: Effort = SMALL,
): Promise<Enumeration> {
  return await enumerate(scenario, await memoryDirectory(t), effort);
}

/** Holds a scenario to having no violation in at least `least` states. */
export async function holdsEverywhere(
  t: ExecutionContext<unknown>,
  scenario: Scenario,
  least: number,
  effort?: Effort,
): Promise<void> {
  const found = await runScenario(t, scenario, effort);
  t.is(found.violations.length, 0, tellViolations(found));
  t.true(found.states >= least, `${found.states} states`);
}

/** In memory where that can be: it is the model that loses power, and a real fsync takes its time. */
async function memoryDirectory(t: ExecutionContext<unknown>): Promise<string> {
  const isThere = await access('/dev/shm', constants.W_OK).then(
    () => true,
    () => false,
  );
  const directory = await realpath(await mkdtemp(join(isThere ? '/dev/shm' : tmpdir(), 'silt-test-')));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
