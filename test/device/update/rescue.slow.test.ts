/** One slot and a rescue system: the only slot is written while the rescue system runs. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { deskImages } from '../../support/desk-device.ts';
import { rescueDesk } from '../../support/rescue-desk.ts';
import { outcomeOf, told, type UpdatingDesk, v1, v2 } from '../../support/updating-desk.ts';

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
