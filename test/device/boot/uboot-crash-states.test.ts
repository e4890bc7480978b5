/**
 * Changes of the environment, with the power cut after every call, also where a process was killed before: what
 * update() has returned for stays, and there always is an environment.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { encodeEnvironment } from '../../../src/device/boot/uboot-environment.ts';
import { UbootStorage } from '../../../src/device/boot/uboot-storage.ts';
import { TargetFile } from '../../../src/io/target-file.ts';
import { enumerate, type Scenario, tellViolations } from '../../support/crash-states/enumerate.ts';
import { mustHold } from '../../support/crash-states/must-hold.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const SIZE = 4096;
const LAST = 4;
/** So many bytes that each of the eight sectors of a copy is different in each change. */
const FILLER = 4000;
const EFFORT = { seed: 6, samples: 200, cuts: 1, kills: 1 };

/** The two copies in one file, as on a disk, or in one file each. */
function placesIn(root: string, files: 1 | 2) {
  const [first, second] = [
    join(root, 'boot/env'),
    join(root, files === 1 ? 'boot/env' : 'boot/env-redundant'),
  ];
  const copies = [
    { path: first, offset: 0 },
    { path: second, offset: files === 1 ? SIZE : 0 },
  ] as const;
  return { copies, size: SIZE };
}

const valueIn = (storage: UbootStorage): number => Number(storage.read().get('value'));

const variablesOf = (value: number): Map<string, string> =>
  new Map([
    ['value', `${value}`],
    ['filler', `${value}`.repeat(FILLER)],
  ]);

function changes(files: 1 | 2, change: (root: string, value: number) => void): Scenario {
  return {
    what: `the U-Boot environment in ${files} files`,
    async prepare(root) {
      mkdirSync(join(root, 'boot'));
      for (const { path } of placesIn(root, files).copies) writeFileSync(path, new Uint8Array(2 * SIZE));
      const [first] = placesIn(root, files).copies;
      const file = readFileSync(first.path);
      file.set(encodeEnvironment({ generation: 254, variables: variablesOf(0) }, SIZE));
      writeFileSync(first.path, file);
    },
    async work(root, promise) {
      for (let value = 1; value <= LAST; value += 1) {
        change(root, value);
        promise(value);
      }
    },
    async recover(root, promised) {
      const storage = UbootStorage.open(placesIn(root, files));
      const [found, least] = [valueIn(storage), Math.max(0, ...promised)];
      mustHold(found >= least && found <= LAST, `found the value ${found}, expected ${least} to ${LAST}`);
      mustHold(
        storage.read().get('filler') === `${found}`.repeat(FILLER),
        'the variables are of two changes',
      );
      for (let value = 1; value <= LAST; value += 1) change(root, value);
      mustHold(valueIn(storage) === LAST, 'the next run did not get to the end');
    },
  };
}

for (const files of [1, 2] as const) {
  test.serial(
    `no cut loses the environment in ${files === 1 ? 'one file' : 'two files'}, nor a change that was made`,
    async (t) => {
      const scenario = changes(files, (root, value) =>
        UbootStorage.open(placesIn(root, files)).update((variables) =>
          Number(variables.get('value')) >= value ? variables : variablesOf(value),
        ),
      );
      const result = await enumerate(scenario, await temporaryDirectory(t), EFFORT);
      t.deepEqual(result.violations, [], tellViolations(result));
      t.true(result.states > 100, `${result.states}`);
      t.log(`${result.operations} calls, ${result.states} states`);
    },
  );
}

test.serial('writing without a sync is found out', async (t) => {
  const scenario = changes(2, (root, value) => {
    const { copies } = placesIn(root, 2);
    const file = TargetFile.open(copies[value % 2 === 0 ? 0 : 1].path, false);
    file.write(
      0,
      encodeEnvironment({ generation: (254 + value) % 256, variables: variablesOf(value) }, SIZE),
    );
    file.close();
  });
  const result = await enumerate(scenario, await temporaryDirectory(t), EFFORT);
  t.true(result.violations.length > 0);
});
