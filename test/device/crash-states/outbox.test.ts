import { closeSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { encodeEvent, eventFileAfter } from '../../../src/device/report/kept-event.ts';
import { openOutbox } from '../../../src/device/report/outbox.ts';
import { makeDirectory } from '../../../src/io/atomic.ts';
import { openSync, writeSync } from '../../../src/io/disk.ts';
import type { Scenario } from '../../support/crash-states/enumerate.ts';
import { type OpenEvents, outboxScenarios } from '../../support/crash-states/outbox-scenarios.ts';
import { holdsEverywhere, runScenario } from '../../support/crash-states/run-scenario.ts';

// One at a time: there is one observer.
const EVERY = { seed: 5, samples: 2, cuts: 1, kills: 1, twice: 0.05 };

for (const scenario of outboxScenarios()) {
  test.serial(`${scenario.what}: what was kept is delivered, in order, after a cut anywhere`, async (t) => {
    await holdsEverywhere(t, scenario, 60, EVERY);
  });
}

/** Outboxes that look right and are not. */
const broken: Readonly<Record<string, { readonly open: OpenEvents; readonly finds: RegExp }>> = {
  'events written without fsync': {
    open: (directory) => {
      const outbox = openOutbox(directory);
      let last = 0;
      return {
        waiting: () => outbox.waiting(),
        first: (limits) => outbox.first(limits),
        remove: (events) => outbox.remove(events),
        note: (change) => outbox.note(change),
        async add(event) {
          await makeDirectory(directory, { again: true });
          const sequence = { sequence: last++, name: '', kind: '', digest: '' };
          const fd = openSync(join(directory, eventFileAfter([sequence], event).name), 'w');
          writeSync(fd, encodeEvent(event), 0);
          closeSync(fd);
        },
      };
    },
    finds: /was kept and is gone/,
  },
  'events let go of before they are delivered': {
    open: (directory) => {
      const outbox = openOutbox(directory);
      return {
        add: (event) => outbox.add(event),
        waiting: () => outbox.waiting(),
        note: (change) => outbox.note(change),
        remove: async () => {},
        async first(limits) {
          const events = await outbox.first(limits);
          if (limits.bytes < 1e9) await outbox.remove(events);
          return events;
        },
      };
    },
    finds: /was kept and is gone/,
  },
};

for (const [what, { open, finds }] of Object.entries(broken)) {
  test.serial(`${what}: the enumeration finds what is wrong`, async (t) => {
    const effort = { ...EVERY, kills: 0, twice: 0 };
    const { violations } = await runScenario(t, outboxScenarios(open)[0] as Scenario, effort);
    t.true(violations.some(({ error }) => finds.test(error.message)));
  });
}
