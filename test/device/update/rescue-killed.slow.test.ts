/** The power fails anywhere on the way out of a rescue system in which a release cannot be fetched. */
import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { cutJournal } from '../../support/cut-update.ts';
import { openDesk } from '../../support/desk-device.ts';
import { rescueDesk } from '../../support/rescue-desk.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { inUse } from '../../support/updating-desk.ts';

const MOST_WRITES = 60;

for (const when of ['before', 'after'] as const) {
  test(`cut ${when} every transition, the device comes back to the system that is whole`, async (t) => {
    let isGone = false;
    const desk = await rescueDesk(t, {
      wrapSource: (source) => ({
        ...source,
        store: {
          location: source.store.location,
          get: (key, options) => source.store.get(key, options),
          has: (key, options) => source.store.has(key, options),
          async *getRange(key, range, options) {
            if (isGone) throw new SiltError('OBJECT_MISSING', `there is no ${key}`);
            yield* source.store.getRange(key, range, options);
          },
          close: () => source.store.close(),
        },
      }),
    });
    await desk.settle();
    await desk.publish('3.0');
    isGone = true;
    let cuts = 0;
    for (let at = 1; at <= MOST_WRITES; at++) {
      const base = await temporaryDirectory(t);
      await cp(dirname(desk.root), base, { recursive: true });
      const options = { ...desk.options, repositories: [join(base, 'repository')] };
      const journal = cutJournal({ at, when });
      const first = openDesk(join(base, 'desk'), { ...options, wrapJournal: journal.wrap });
      const end = await Promise.race([first.settle({ now: true }), journal.off]);
      if (end !== 'off') break;
      cuts += 1;

      const next = openDesk(join(base, 'desk'), options);
      const running = await next.loader.boot();
      t.true(running === 'main' || running === 'rescue', `write ${at}: ${running} starts`);
      // Whatever the release that failed waits for.
      const { outcome } = await next.settle();

      t.true(['updated', 'waiting'].includes(outcome), `write ${at}: ${outcome}`);
      t.is(await next.loader.booted(), 'main', `write ${at}`);
      t.is(await inUse(next), '2.0 2.0 2.0', `write ${at}`);
      const { installed, update } = await next.state();
      t.is(installed?.version, '2.0', `write ${at}`);
      t.is(update, undefined, `write ${at}`);
    }
    t.true(cuts > 8 && cuts < MOST_WRITES, `${cuts} transitions`);
  });
}
