/**
 * The journal of a device: what was written last, or the one before while it is being written; never damaged.
 *
 * @module
 */
import { join } from 'node:path';
import { type DeviceState, FIRST_STATE } from '../../../src/device/update/device-state.ts';
import { type Journal, openJournal } from '../../../src/device/update/journal.ts';
import type { Scenario } from './enumerate.ts';
import { mustHold, mustHoldNames } from './must-hold.ts';

const DIRECTORY = 'var/lib/silt';

/** What keeps a journal; a test gives one of its own to see it fail. */
export type OpenJournal = (directory: string) => Journal;

/** A state that tells which one it is, and is long enough to be torn. */
function stateOf(value: number): DeviceState {
  const blocked = Array.from({ length: 1 + (value % 3) * 5 }, (_, index) => ({
    version: `${value}.${index}`,
    counter: value,
    code: 'HOOK_FAILED '.repeat(20),
    at: value,
  }));
  return { ...FIRST_STATE, blocked };
}

const numberIn = (state: DeviceState): number => state.blocked[0]?.counter ?? 0;

/** Writes four states after `first` (0: never written). */
function writes(what: string, first: number, open: OpenJournal): Scenario {
  const at = (root: string): Journal => open(join(root, DIRECTORY));
  const write = async (root: string, value: number): Promise<void> => {
    // As a workflow does it: what is there is read, and comes back changed.
    const { generation } = await at(root).read();
    await at(root).write({ ...stateOf(value), generation });
  };
  const run = async (root: string, from: number, promise: (value: number) => void): Promise<void> => {
    for (let value = from; value <= first + 4; value++) {
      await write(root, value);
      promise(value);
    }
  };
  return {
    what,
    async prepare(root) {
      for (let value = 1; value <= first; value++) await write(root, value);
    },
    work: (root, promise) => run(root, first + 1, promise),
    async again(root, promise) {
      const found = numberIn(await at(root).read());
      // It is acted upon from here on.
      promise(found);
      await run(root, found + 1, promise);
    },
    async recover(root, promised) {
      const least = Math.max(first, ...promised);
      const found = numberIn(await at(root).read());
      mustHold(
        found === least || found === least + 1,
        `the state is ${found}, expected ${least} or the next`,
      );
      await write(root, first + 9);
      mustHold(numberIn(await at(root).read()) === first + 9, 'what was written is not read back');
      const names = ['journal.a', 'journal.b'].slice(0, found === 0 ? 1 : 2);
      mustHoldNames(join(root, DIRECTORY), names);
    },
  };
}

export function journalScenarios(open: OpenJournal = openJournal): Scenario[] {
  return [
    writes('journal of updates: first of a device', 0, open),
    writes('journal of updates: written on', 3, open),
  ];
}
