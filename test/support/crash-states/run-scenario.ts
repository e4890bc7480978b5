/**
 * A scenario in a test: a directory of its own, and every violation told.
 *
 * @module
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { temporaryDirectory } from '../temporary-directory.ts';
import { type Effort, type Enumeration, enumerate, type Scenario, tellViolations } from './enumerate.ts';

/** What every run of the tests affords; `npm run crash-states` does more. */
export const SMALL: Effort = { seed: 7, samples: 2, cuts: 0.4, kills: 0.1, twice: 0.03 };

export async function runScenario(
  t: ExecutionContext<unknown>,
  scenario: Scenario,
  effort: Effort = SMALL,
): Promise<Enumeration> {
  const root = join(await temporaryDirectory(t), 'disk');
  await mkdir(root);
  return await enumerate(scenario, root, effort);
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
