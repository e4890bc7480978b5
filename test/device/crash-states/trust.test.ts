import test from 'ava';
import { unsyncedState } from '../../support/crash-states/broken-orders.ts';
import type { Scenario } from '../../support/crash-states/enumerate.ts';
import { holdsEverywhere, runScenario } from '../../support/crash-states/run-scenario.ts';
import { trustScenarios } from '../../support/crash-states/trust-scenarios.ts';

// One at a time: there is one observer.
for (const scenario of trustScenarios()) {
  test.serial(`${scenario.what}: holds after a cut anywhere`, async (t) => {
    await holdsEverywhere(t, scenario, 30);
  });
}

test.serial(
  'no fsync of the directory: the enumeration finds that a device can be rolled back',
  async (t) => {
    const scenario = trustScenarios(unsyncedState)[1] as Scenario;
    const { violations } = await runScenario(t, scenario, {
      seed: 3,
      samples: 2,
      cuts: 1,
      kills: 0,
      twice: 0,
    });
    t.true(violations.some(({ error }) => /version \d was trusted, and then/.test(error.message)));
  },
);
