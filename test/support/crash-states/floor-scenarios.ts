/**
 * The Floor: never below what raise() has returned, whatever a cut leaves.
 *
 * @module
 */
import { join } from 'node:path';
import { type Floor, openFloor } from '../../../src/trust/floor.ts';
import type { Scenario } from './enumerate.ts';
import { mustHold, mustHoldNames } from './must-hold.ts';

const PRODUCT = 'gateway';
const DIRECTORY = 'var/lib/silt/floor';

/** What keeps a floor; a test gives one of its own to see it fail. */
export type OpenFloor = (directory: string) => Pick<Floor, 'read' | 'raise'>;

/** Raises the Floor from `first` (0: from nothing) twice. */
function raises(what: string, first: number, open: OpenFloor): Scenario {
  const at = (root: string) => open(join(root, DIRECTORY));
  const goals = [first + 1, first + 5];
  return {
    what,
    async prepare(root) {
      if (first > 0) await at(root).raise(PRODUCT, first);
    },
    async work(root, promise) {
      for (const goal of goals) promise(await at(root).raise(PRODUCT, goal));
    },
    async recover(root, promised) {
      const least = Math.max(first, ...promised);
      const found = await at(root).read(PRODUCT);
      const possible = [first, ...goals].filter((value) => value >= least);
      mustHold(possible.includes(found), `the floor is ${found}, expected ${possible.join(' or ')}`);
      const next = await at(root).raise(PRODUCT, first + 9);
      mustHold(next === first + 9, `raised to ${next}, expected ${first + 9}`);
      mustHold((await at(root).read(PRODUCT)) === first + 9, 'what was raised is not read back');
      mustHoldNames(join(root, DIRECTORY), [`${PRODUCT}.a`, `${PRODUCT}.b`]);
    },
  };
}

export function floorScenarios(open: OpenFloor = openFloor): Scenario[] {
  return [raises('Floor: first raise of a device', 0, open), raises('Floor: raised', 41, open)];
}
