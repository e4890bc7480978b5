/** An update whose process is killed at every few transitions; many more in killed-update.slow.test.ts. */
import test from 'ava';
import { killUntilDone } from '../../support/killed-update.ts';
import { inUse, updatingDesk } from '../../support/updating-desk.ts';

test('an update that is killed after every fourth transition comes to its end nevertheless', async (t) => {
  const desk = await updatingDesk(t);

  const { outcome, kills } = await killUntilDone(t, desk, {
    healthy: true,
    killAt: () => ({ what: 'transition', count: 4 }),
    restarts: () => false,
  });

  // The last kill may come after the very last transition.
  t.true(outcome === 'updated' || outcome === 'upToDate', outcome);
  t.true(kills >= 3, `${kills} kills`);
  t.is(await inUse(desk), '2.0 2.0 2.0');
});
