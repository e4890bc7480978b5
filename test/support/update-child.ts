/**
 * An update on a desk in a process of its own, which kills itself where it is told to: `node update-child.ts PLAN`,
 * the plan as JSON. Prints the outcome, when it comes to one.
 *
 * @module
 */
import { join } from 'node:path';
import { SiltError } from '../../src/core/errors.ts';
import { openOutbox } from '../../src/device/report/outbox.ts';
import type { Journal } from '../../src/device/update/journal.ts';
import { observeDisk } from '../../src/io/disk.ts';
import { openDesk } from './desk-device.ts';

export interface UpdatePlan {
  readonly root: string;
  readonly repository: string;
  readonly healthy: boolean;
  /** Whether the device was restarted before, as after a power cut. */
  readonly restarts: boolean;
  /** Where it is killed, counted from the start of the process; `undefined`: nowhere. */
  readonly killAt:
    | { readonly what: 'transition' | 'diskOperation' | 'fetchedByte'; readonly count: number }
    | undefined;
}

const { root, repository, healthy, restarts, killAt } = JSON.parse(process.argv[2] ?? '') as UpdatePlan;

const die = (): void => void process.kill(process.pid, 'SIGKILL');

function countdown(what: NonNullable<UpdatePlan['killAt']>['what']): (amount: number) => void {
  let left = killAt?.what === what ? killAt.count : Infinity;
  return (amount) => {
    left -= amount;
    if (left <= 0) die();
  };
}

const transition = countdown('transition');
const diskOperation = countdown('diskOperation');
const fetched = countdown('fetchedByte');

const desk = openDesk(root, {
  repositories: [repository],
  outbox: openOutbox(join(root, 'outbox')),
  hooks: {
    health() {
      if (!healthy) throw new SiltError('HOOK_FAILED', 'it does not work');
    },
  },
  wrapJournal: (journal: Journal) => ({
    read: () => journal.read(),
    async write(state) {
      const kept = await journal.write(state);
      transition(1);
      return kept;
    },
  }),
});
if (restarts) await desk.loader.boot();
observeDisk(() => diskOperation(1));
let done = 0;
const { outcome } = await desk.settle({
  now: true,
  onProgress(progress) {
    if (progress.phase !== 'fetch') return;
    fetched(Math.max(0, progress.done - done));
    done = progress.done;
  },
});
console.log(outcome);
