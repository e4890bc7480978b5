/** Serial: what is written is recorded for the whole thread. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import {
  decodeGrubEnvironment,
  encodeGrubEnvironment,
  withGrubVariables,
} from '../../../src/device/boot/grub-environment.ts';
import { createFile, renameFile, syncHandle, syncNames, writeFully } from '../../../src/io/disk.ts';
import { type BootKind, bootKinds, bootScenarios } from '../../support/crash-states/boot-scenarios.ts';
import { type Enumeration, enumerate } from '../../support/crash-states/enumerate.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const effort = { seed: 6, samples: 4, cuts: 1, kills: 1, twice: 1 };

const told = ({ violations }: Enumeration): string[] =>
  violations.map(({ cut, choice, error }) => `${cut}: ${choice}: ${error.message}`);

for (const scenario of await bootScenarios()) {
  test.serial(`${scenario.what}: whatever a power cut leaves is the state before or after`, async (t) => {
    const found = await enumerate(scenario, await temporaryDirectory(t), effort);
    t.deepEqual(told(found), []);
    t.true(found.operations >= 5);
    t.true(found.states >= 20, `only ${found.states} states`);
    t.log(`${found.states} states`);
  });
}

/** GRUB with an activate() that replaces the file in a wrong order. */
function wrong(replace: (path: string, bytes: Uint8Array) => Promise<void>): BootKind {
  const [grub] = bootKinds as readonly [BootKind];
  return {
    ...grub,
    open: (root) => ({
      ...grub.open(root),
      async activate(slot) {
        const path = join(root, 'grubenv');
        const environment = decodeGrubEnvironment(await readFile(path));
        const order = slot === 'B' ? 'B A' : 'A B';
        const variables = { [`${slot}_OK`]: '1', [`${slot}_TRY`]: '0', ORDER: order };
        await replace(path, encodeGrubEnvironment(withGrubVariables(environment, variables)));
      },
    }),
  };
}

async function write(path: string, bytes: Uint8Array, beforeSync?: () => Promise<void>): Promise<void> {
  const handle = await createFile(path);
  await writeFully(handle, bytes, 0);
  await beforeSync?.();
  await syncHandle(handle);
  await handle.close();
}

const wrongKinds: readonly (readonly [string, BootKind])[] = [
  [
    'a rename before the fsync',
    wrong(async (path, bytes) => {
      await write(`${path}.new`, bytes, () => renameFile(`${path}.new`, path));
      await syncNames(join(path, '..'));
    }),
  ],
  [
    'no fsync of the directory',
    wrong(async (path, bytes) => {
      await write(`${path}.new`, bytes);
      await renameFile(`${path}.new`, path);
    }),
  ],
];

for (const [what, kind] of wrongKinds) {
  test.serial(`${what} is found out`, async (t) => {
    const [scenario] = await bootScenarios([kind]);
    if (scenario === undefined) throw new Error('there is no scenario');
    const found = await enumerate(scenario, await temporaryDirectory(t), { ...effort, kills: 0, twice: 0 });
    t.true(found.violations.length > 0);
  });
}
