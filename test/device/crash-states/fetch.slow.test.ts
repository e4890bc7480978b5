import anyTest, { type TestFn } from 'ava';
import type { Scenario } from '../../support/crash-states/enumerate.ts';
import { fetchScenarios, publishCrashReleases } from '../../support/crash-states/fetch-scenarios.ts';
import { holdsEverywhere } from '../../support/crash-states/run-scenario.ts';
import { sharedDirectory } from '../../support/release-repository.ts';

const test = anyTest as TestFn<{ repository: string; remove: () => Promise<void> }>;

test.before(async (t) => {
  const { path, remove } = await sharedDirectory();
  t.context = { repository: await publishCrashReleases(path), remove };
});
test.after.always((t) => t.context.remove());

// One at a time: there is one observer, and one place for temporary files.
for (const [i, { what }] of fetchScenarios('').entries()) {
  test.serial(`${what}: holds after a cut anywhere`, async (t) => {
    const scenario = fetchScenarios(t.context.repository)[i] as Scenario;
    await holdsEverywhere(t, scenario, 15, { seed: 11 + i, samples: 1, cuts: 0.2, kills: 0.05, twice: 0 });
  });
}

test.serial('killed after any call, and asked again: what is said to be up to date stays', async (t) => {
  const scenario = fetchScenarios(t.context.repository)[1] as Scenario;
  await holdsEverywhere(t, scenario, 100, { seed: 17, samples: 0, cuts: 0, kills: 1 });
});
