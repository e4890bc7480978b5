import anyTest, { type TestFn } from 'ava';
import type { Effort, Scenario } from '../../support/crash-states/enumerate.ts';
import { holdsEverywhere } from '../../support/crash-states/run-scenario.ts';
import { publishUpdates, updateScenarios } from '../../support/crash-states/update-scenarios.ts';
import { sharedDirectory } from '../../support/release-repository.ts';

const test = anyTest as TestFn<{ scenarios: readonly Scenario[]; remove: () => Promise<void> }>;

test.before(async (t) => {
  const { path, remove } = await sharedDirectory();
  t.context = { scenarios: updateScenarios(await publishUpdates(path)), remove };
});
test.after.always((t) => t.context.remove());

const EFFORT: Effort = { seed: 13, samples: 0, cuts: 0.06, kills: 0.03 };
const NONE = { old: '', next: '', beside: '' };

// One at a time: there is one observer, and one place for temporary files.
for (const [index, { what }] of updateScenarios(NONE).entries()) {
  test.serial(`${what}: holds after a cut anywhere`, async (t) => {
    await holdsEverywhere(t, t.context.scenarios[index] as Scenario, 30, { ...EFFORT, seed: 13 + index });
  });
}
