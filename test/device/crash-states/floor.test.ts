import test from 'ava';
import { brokenFloors, rightFloor } from '../../support/crash-states/broken-orders.ts';
import type { Scenario } from '../../support/crash-states/enumerate.ts';
import { floorScenarios } from '../../support/crash-states/floor-scenarios.ts';
import { holdsEverywhere, runScenario } from '../../support/crash-states/run-scenario.ts';

// One at a time: there is one observer.
/** Few calls: each of them is cut. */
const EVERY = { seed: 3, samples: 2, cuts: 1, kills: 1, twice: 0 };

for (const scenario of floorScenarios()) {
  test.serial(`${scenario.what}: holds after a cut anywhere`, async (t) => {
    await holdsEverywhere(t, scenario, 40, { ...EVERY, kills: 0.3, twice: 0.05 });
  });
}

for (const [what, { open, finds }] of Object.entries(brokenFloors)) {
  test.serial(`${what}: the enumeration finds what is wrong`, async (t) => {
    const { violations } = await runScenario(t, floorScenarios(open)[1] as Scenario, EVERY);
    t.true(violations.some(({ error }) => finds.test(error.message)));
  });
}

test.serial('and finds nothing where the order is right', async (t) => {
  for (const scenario of floorScenarios(rightFloor)) {
    const { violations } = await runScenario(t, scenario, EVERY);
    // It has names of temporary files alone that nobody clears away.
    t.deepEqual(
      violations.filter(({ error }) => !/expected the names/.test(error.message)),
      [],
    );
  }
});
