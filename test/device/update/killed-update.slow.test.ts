/**
 * Updates whose process is killed at random transitions, disk operations and fetched bytes, some dozens of times,
 * with and without a restart of the device in between, until one comes to its end.
 */
import test from 'ava';
import { killUntilDone } from '../../support/killed-update.ts';
import { seededRandom } from '../../support/seeded-bytes.ts';
import { inUse, updatingDesk } from '../../support/updating-desk.ts';

const KINDS = [
  { what: 'transition', most: 3 },
  { what: 'diskOperation', most: 30 },
  { what: 'fetchedByte', most: 25_000 },
] as const;

for (const healthy of [true, false]) {
  for (const seed of [1, 2, 3]) {
    // One after the other: ava waits two minutes for the next result at most.
    test.serial(
      `a ${healthy ? 'good' : 'bad'} release, killed at random (${seed}): all components are in step in the end`,
      async (t) => {
        const random = seededRandom(seed + (healthy ? 0 : 100));
        const desk = await updatingDesk(t);

        const { outcome, kills } = await killUntilDone(t, desk, {
          healthy,
          killAt(run) {
            // Later on there is little left to fetch, and such a run would come to the end.
            const kinds = run < 3 ? KINDS.length : 2;
            const { what, most } = KINDS[Math.floor(random() * kinds)] ?? KINDS[0];
            return { what, count: 1 + Math.floor(random() * most) };
          },
          restarts: () => random() < 0.3,
        });

        t.log(`${kills} kills, then ${outcome}`);
        // Too many kills in the same steps make an update fail too; then it can be had again.
        if (healthy) await desk.settle({ now: true });
        if (healthy && (await inUse(desk)) !== '2.0 2.0 2.0') await desk.settle({ now: true, again: true });
        t.is(await inUse(desk), healthy ? '2.0 2.0 2.0' : '1.0 1.0 none');
        t.is((await desk.state()).update, undefined);
      },
    );
  }
}
