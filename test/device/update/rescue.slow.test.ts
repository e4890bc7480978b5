/** One slot and a rescue system: the only slot is written while the rescue system runs. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { type DeskOptions, deskImages } from '../../support/desk-device.ts';
import { rescueDesk } from '../../support/rescue-desk.ts';
import { inUse, outcomeOf, told, type UpdatingDesk, v1, v2 } from '../../support/updating-desk.ts';

const rescueOf = (desk: UpdatingDesk): string => readFileSync(join(desk.root, 'slots', 'rescue'), 'utf8');

test('the rescue system is started, writes the only slot, and starts it', async (t) => {
  const desk = await rescueDesk(t);

  const first = await desk.run();

  t.is(outcomeOf(first), 'rebooting enterRescue');
  t.is(await desk.loader.booted(), 'rescue');
  t.deepEqual(desk.slot('A'), Buffer.from(v1.rootfs));
  const second = await desk.run();
  t.is(outcomeOf(second), 'rebooting reboot');
  t.is(await desk.loader.booted(), 'main');
  t.deepEqual(desk.slot('A'), Buffer.from(v2.rootfs));
  t.is((await desk.run()).outcome, 'updated');
  t.is((await desk.loader.read()).primary, 'main');
  t.is(desk.app(), '2.0');
  t.deepEqual(told(desk), ['started', 'installed', 'booted', 'healthy']);
  t.is((await desk.state()).previous, undefined);
  t.is(rescueOf(desk), 'the rescue system');
  t.is((await desk.run()).outcome, 'upToDate');
});

test('a rescue system that never starts costs nothing: the old system goes on', async (t) => {
  const desk = await rescueDesk(t, {
    async reboot(loader) {
      while ((await loader.boot()) === 'rescue');
    },
  });

  const result = await desk.settle();

  t.is(outcomeOf(result), 'failed BOOT_FAILED');
  t.is(await desk.loader.booted(), 'main');
  t.deepEqual(desk.slot('A'), Buffer.from(v1.rootfs));
  t.is((await desk.state()).blocked.length, 0);
  t.is((await desk.state()).retry?.code, 'BOOT_FAILED');
});

test('where the restart into the rescue system cannot be asked for, the next start is one of the old system', async (t) => {
  const desk = await rescueDesk(t, {
    hooks: {
      preReboot() {
        throw new SiltError('HOOK_FAILED', 'no');
      },
    },
  });

  t.is(outcomeOf(await desk.run()), 'failed HOOK_FAILED');

  t.is((await desk.loader.read()).primary, 'main');
  t.is(await desk.loader.boot(), 'main');
});

test('a new system that is not healthy is left for the rescue system, and the next release mends it', async (t) => {
  let isSick = true;
  const desk = await rescueDesk(t, {
    hooks: {
      health() {
        if (isSick) throw new SiltError('HOOK_FAILED', 'no');
      },
    },
  });

  t.is(outcomeOf(await desk.settle()), 'rolledBack HOOK_FAILED');

  t.is(await desk.loader.booted(), 'rescue');
  t.deepEqual(desk.motor(), Buffer.from(v1.motor));
  t.is((await desk.run()).outcome, 'waiting');
  isSick = false;
  await desk.publish('3.0');
  t.is((await desk.settle()).outcome, 'updated');
  t.is(await desk.loader.booted(), 'main');
  t.is(desk.app(), '3.0');
});

test('a device that was left in the rescue system gets the release again that it had', async (t) => {
  let isSick = false;
  const desk = await rescueDesk(t, {
    hooks: {
      health() {
        if (isSick) throw new SiltError('HOOK_FAILED', 'no');
      },
    },
  });
  await desk.settle();
  await desk.publish('3.0');
  isSick = true;
  t.is((await desk.settle()).outcome, 'rolledBack');
  t.is(await desk.loader.booted(), 'rescue');
  isSick = false;
  await desk.point('2.0');

  t.is((await desk.settle({ now: true })).outcome, 'updated');

  t.is(await desk.loader.booted(), 'main');
  t.deepEqual(desk.slot('A'), Buffer.from(v2.rootfs));
});

test('an application is updated without the rescue system', async (t) => {
  const desk = await rescueDesk(t);
  await desk.settle();
  desk.hooks.length = 0;
  const { app } = deskImages('3.0');
  await desk.publish('3.0', { ...v2, app });

  t.is((await desk.run()).outcome, 'updated');
  t.false(desk.hooks.includes('reboot'));
});

test('entering the rescue system again and again, without an end, is given up', async (t) => {
  const desk = await rescueDesk(t, { reboot: async () => {} });

  for (let round = 0; round < 3; round++) t.is((await desk.run()).outcome, 'rebooting');
  t.is(outcomeOf(await desk.run()), 'failed HOOK_FAILED');
  t.true(existsSync(join(desk.root, 'slots', 'A')));
  t.is((await desk.loader.read()).primary, 'main');
});

/** A repository whose indexes are gone: nothing of an image is written before they are there. */
const withoutIndexes = (isGone: () => boolean): NonNullable<DeskOptions['wrapSource']> => {
  return (source) => ({
    ...source,
    store: {
      location: source.store.location,
      get: (key, options) => source.store.get(key, options),
      has: (key, options) => source.store.has(key, options),
      async *getRange(key, range, options) {
        if (isGone()) throw new SiltError('OBJECT_MISSING', `there is no ${key}`);
        yield* source.store.getRange(key, range, options);
      },
      close: () => source.store.close(),
    },
  });
};

test('where a release cannot be fetched, the device goes back to the system that is whole, and gives it up in the end', async (t) => {
  let isGone = false;
  const desk = await rescueDesk(t, { wrapSource: withoutIndexes(() => isGone) });
  await desk.settle();
  await desk.publish('3.0');
  isGone = true;
  for (let round = 1; round <= 3; round++) {
    desk.events.length = 0;

    t.is(outcomeOf(await desk.settle()), 'updated', 'back in 2.0');

    t.is(await desk.loader.booted(), 'main');
    t.is(await inUse(desk), '2.0 2.0 2.0');
    t.like((await desk.state()).installed, { version: '2.0', slot: 'main' });
    t.deepEqual(told(desk), ['started', 'failed', 'started', 'installed', 'booted', 'healthy']);
    t.is(desk.events[1]?.code, 'OBJECT_MISSING');
    const { retry, blocked } = await desk.state();
    t.is(blocked.length, round < 3 ? 0 : 1);
    // Not at once, since each try is two restarts.
    t.is(outcomeOf(await desk.run()), 'waiting');
    if (retry !== undefined) desk.clock.now = retry.notBefore;
  }
  t.like((await desk.state()).blocked, [{ version: '3.0', code: 'OBJECT_MISSING' }]);

  isGone = false;
  t.is((await desk.settle({ again: true })).outcome, 'updated');
  t.is(await inUse(desk), '3.0 3.0 3.0');
});

test('where the only slot is not whole any more, the rescue system goes on trying', async (t) => {
  let isGone = false;
  const desk = await rescueDesk(t, { wrapSource: withoutIndexes(() => isGone) });
  await desk.settle();
  await desk.publish('3.0');
  t.is(outcomeOf(await desk.run()), 'rebooting enterRescue');
  const bytes = Buffer.from(v2.rootfs);
  bytes[1000] = (bytes[1000] ?? 0) ^ 1;
  writeFileSync(join(desk.root, 'slots', 'A'), bytes);
  isGone = true;

  for (let round = 0; round < 5; round++) {
    t.is(outcomeOf(await desk.settle({ now: true })), 'failed OBJECT_MISSING');
    t.is(await desk.loader.booted(), 'rescue');
  }

  t.deepEqual((await desk.state()).blocked, []);
  isGone = false;
  t.is((await desk.settle({ now: true })).outcome, 'updated');
  t.is(await inUse(desk), '3.0 3.0 3.0');
});

for (const bootTries of [3, 1]) {
  test(`a system that was gone back to and dies leaves the rescue system, which goes on; starts: ${bootTries}`, async (t) => {
    let isGone = false;
    let isDead = false;
    const desk = await rescueDesk(t, {
      bootTries,
      wrapSource: withoutIndexes(() => isGone),
      async reboot(loader) {
        let running = await loader.boot();
        while (isDead && running === 'main') running = await loader.boot();
      },
    });
    await desk.settle();
    await desk.publish('3.0');
    t.is(outcomeOf(await desk.run()), 'rebooting enterRescue');
    [isGone, isDead] = [true, true];

    t.is(outcomeOf(await desk.settle({ now: true })), 'rolledBack BOOT_FAILED');

    t.is(await desk.loader.booted(), 'rescue');
    desk.hooks.length = 0;
    for (let round = 0; round < 4; round++) {
      t.is(outcomeOf(await desk.settle({ now: true })), 'failed OBJECT_MISSING');
    }
    t.false(desk.hooks.includes('reboot'), 'there and back without an end');
    [isGone, isDead] = [false, false];
    t.is((await desk.settle({ now: true })).outcome, 'updated');
    t.is(await inUse(desk), '3.0 3.0 3.0');
  });
}
