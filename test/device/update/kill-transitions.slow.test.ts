/** The power fails before or after every write of the journal, and silt is started again, or the device is. */
import test from 'ava';
import { survivesAllCuts } from '../../support/cut-update.ts';

for (const when of ['before', 'after'] as const) {
  for (const healthy of [true, false]) {
    const of = healthy ? 'a good release' : 'a release that is not healthy';
    for (const restarts of [true, false]) {
      const by = restarts ? 'a restart of the device' : 'a restart of silt';
      test(`of ${of}, cut ${when} every transition, ${by} goes on to the same end`, async (t) => {
        const cuts = await survivesAllCuts(t, when, { healthy, restarts });

        t.true(cuts > 12, `only ${cuts} transitions`);
      });
    }

    test(`with a rescue system, of ${of}, cut ${when} every transition, the device goes on to the same end`, async (t) => {
      const cuts = await survivesAllCuts(t, when, { healthy, restarts: true, rescue: true });

      t.true(cuts > 15, `only ${cuts} transitions`);
    });
  }
}
