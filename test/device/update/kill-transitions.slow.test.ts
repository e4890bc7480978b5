/** The other half of cut-transitions.slow.test.ts. */
import test from 'ava';
import { survivesAllCuts } from '../../support/cut-update.ts';

for (const [when, healthy, restarts] of [
  ['after', true, true],
  ['before', true, false],
  ['after', false, false],
  ['before', false, true],
] as const) {
  const of = healthy ? 'a good release' : 'a release that is not healthy';
  const by = restarts ? 'a restart of the device' : 'a restart of silt';
  test(`of ${of}, cut ${when} every transition, ${by} goes on to the same end`, async (t) => {
    const cuts = await survivesAllCuts(t, when, { healthy, restarts });

    t.true(cuts > 12, `only ${cuts} transitions`);
  });
}

for (const when of ['before', 'after'] as const) {
  for (const healthy of [true, false]) {
    const of = healthy ? 'a good release' : 'a release that is not healthy';
    test(`with a rescue system, of ${of}, cut ${when} every transition, the device goes on to the same end`, async (t) => {
      const cuts = await survivesAllCuts(t, when, { healthy, restarts: true, rescue: true });

      t.true(cuts > 15, `only ${cuts} transitions`);
    });
  }
}
