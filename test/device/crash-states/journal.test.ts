import { join } from 'node:path';
import test from 'ava';
import { openJournal } from '../../../src/device/update/journal.ts';
import { renameSync } from '../../../src/io/disk.ts';
import type { Effort, Scenario } from '../../support/crash-states/enumerate.ts';
import { journalScenarios } from '../../support/crash-states/journal-scenarios.ts';
import { holdsEverywhere, runScenario } from '../../support/crash-states/run-scenario.ts';

// One at a time: there is one observer.
const EFFORT: Effort = { seed: 5, samples: 4, cuts: 1, kills: 0.5, between: 0.3, twice: 0.02 };

for (const scenario of journalScenarios()) {
  test.serial(`${scenario.what}: holds after a cut anywhere`, async (t) => {
    await holdsEverywhere(t, scenario, 80, EFFORT);
  });
}

test.serial(
  'two copies of which the newer one is replaced: the enumeration finds what is lost',
  async (t) => {
    const scenario = journalScenarios((directory) => {
      const journal = openJournal(directory);
      return {
        ...journal,
        async write(state) {
          const kept = await journal.write(state);
          // Both names are given anew, and neither is synced.
          for (const name of ['journal.a', 'journal.b'].map((each) => join(directory, each))) {
            try {
              renameSync(name, `${name}.x`);
              renameSync(`${name}.x`, name);
            } catch {
              // There is only one yet.
            }
          }
          return kept;
        },
      };
    })[1] as Scenario;
    const { violations } = await runScenario(t, scenario, EFFORT);
    t.true(violations.some(({ error }) => /the state is/.test(error.message)));
  },
);
