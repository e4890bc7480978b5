/**
 * The power fails before or after every write of the journal, and silt is started again, or the device is. The
 * other half is in kill-transitions.slow.test.ts.
 */
import test from 'ava';
import { survivesAllCuts } from '../../support/cut-update.ts';

for (const [when, healthy, restarts] of [
  ['before', true, true],
  ['after', true, false],
  ['before', false, false],
  ['after', false, true],
] as const) {
  const of = healthy ? 'a good release' : 'a release that is not healthy';
  const by = restarts ? 'a restart of the device' : 'a restart of silt';
  test(`of ${of}, cut ${when} every transition, ${by} goes on to the same end`, async (t) => {
    const cuts = await survivesAllCuts(t, when, { healthy, restarts });

    t.true(cuts > 12, `only ${cuts} transitions`);
  });
}
