import { join } from 'node:path';
import test from 'ava';
import { renameSync } from '../../../src/io/disk.ts';
import type { Effort, Scenario } from '../../support/crash-states/enumerate.ts';
import { type InstallerKind, installerKinds } from '../../support/crash-states/installer-kinds.ts';
import { installerScenarios } from '../../support/crash-states/installer-scenarios.ts';
import { holdsEverywhere, runScenario } from '../../support/crash-states/run-scenario.ts';

// One at a time: there is one observer.
const EFFORT: Effort = { seed: 5, samples: 2, cuts: 1, kills: 0.4, between: 0.1, twice: 0.02 };
/** Recovery of a tree takes longer, and it has more calls. */
const OF_TREES: Effort = { ...EFFORT, samples: 1, cuts: 0.6, kills: 0.2, between: 0.03, twice: 0.005 };

for (const scenario of installerScenarios()) {
  test.serial(`${scenario.what}: holds after a cut anywhere`, async (t) => {
    await holdsEverywhere(t, scenario, 10, scenario.what.startsWith('directory') ? OF_TREES : EFFORT);
  });
}

/** The installer of a file, with a commit that takes less care. */
function careless(commit: (root: string) => void): Scenario {
  const kind = installerKinds.find(({ name }) => name === 'file') as InstallerKind;
  const open: InstallerKind['open'] = (root) => {
    const installer = kind.open(root);
    installer.commit = async () => commit(root);
    return installer;
  };
  return installerScenarios([{ ...kind, open }])[0] as Scenario;
}

test.serial('no fsync of the directory: the enumeration finds what is lost', async (t) => {
  const scenario = careless((root) => renameSync(join(root, 'file.silt-new'), join(root, 'file')));
  const { violations } = await runScenario(t, scenario, EFFORT);
  t.true(violations.some(({ error }) => /old is in use, expected new/.test(error.message)));
});
