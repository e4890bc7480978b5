/** Releases of which not everything is new, and components that are not there any more. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { deskImages } from '../../support/desk-device.ts';
import { inUse, told, updatingDesk, v2 } from '../../support/updating-desk.ts';

test('where only the application is new, nothing restarts, and no slot is written', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  const before = desk.slot('A');
  desk.hooks.length = 0;
  desk.events.length = 0;
  await desk.publish('3.0', { ...v2, app: deskImages('3.0').app });

  t.is((await desk.run()).outcome, 'updated');

  t.is(await inUse(desk), '2.0 2.0 3.0');
  t.false(desk.hooks.includes('reboot'));
  t.deepEqual(told(desk), ['started', 'installed', 'healthy']);
  t.deepEqual(desk.slot('A'), before);
  const { installed, previous } = await desk.state();
  t.like(installed, { version: '3.0', slot: 'B', components: { app: { version: '3.0' } } });
  t.like(previous, { slot: 'A', counter: 0 });
  t.is(await desk.floor(), 3);
});

test('an application that is not healthy is taken back without a restart', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  await desk.publish('3.0', { ...v2, app: deskImages('3.0').app });
  const sick = desk.again({
    hooks: {
      health() {
        throw new Error('no');
      },
    },
  });

  t.is((await sick.run()).outcome, 'rolledBack');
  t.is(await inUse(sick), '2.0 2.0 2.0');
  t.false(sick.hooks.includes('reboot'));
  t.is(await sick.floor(), 2);
  t.is((await sick.run()).outcome, 'waiting');
});

test('where nothing but the counter is new, it is taken as done, and told', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  desk.hooks.length = 0;
  desk.events.length = 0;
  await desk.publish('3.0', v2);

  const result = await desk.run();

  t.is(result.outcome, 'updated');
  t.deepEqual(desk.hooks, []);
  t.deepEqual(told(desk), ['started', 'healthy']);
  t.like((await desk.state()).installed, { version: '3.0', counter: 3, slot: 'B' });
  t.is(await desk.floor(), 3);
});

test('a component that has lost its file gets it again with the next release', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  rmSync(join(desk.root, 'etc', 'motor.bin'));
  await desk.publish('3.0', v2);

  t.is((await desk.settle()).outcome, 'updated');

  t.deepEqual(desk.motor(), Buffer.from(v2.motor));
});

test('an operator may have everything installed again', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  rmSync(join(desk.root, 'etc', 'motor.bin'));

  t.is((await desk.run()).outcome, 'upToDate');
  t.is((await desk.run({ again: true })).outcome, 'rebooting');
  t.is((await desk.settle()).outcome, 'updated');
  t.deepEqual(desk.motor(), Buffer.from(v2.motor));
});

test('a component that a release has no image for stays as it is', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  const { rootfs } = deskImages('3.0');
  await desk.publish('3.0', { rootfs });

  t.is((await desk.settle()).outcome, 'updated');

  t.is(await inUse(desk), '3.0 2.0 2.0');
  t.like((await desk.state()).installed?.components, {
    rootfs: { version: '3.0' },
    motor: { version: '2.0' },
  });
});

test('the first update of a device that remembers nothing installs everything, and no file of it is left over', async (t) => {
  const desk = await updatingDesk(t);

  t.is((await desk.settle()).outcome, 'updated');

  t.false(existsSync(join(desk.root, 'etc', 'motor.bin.silt-new')));
  t.false(existsSync(join(desk.root, 'etc', 'motor.bin.silt-previous')));
  t.like((await desk.state()).previous, { version: 'factory', slot: 'A' });
});

test('a release that the boot loader has left by itself, long after it was kept, is installed again', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  await desk.loader.markBad('B');
  t.is(await desk.loader.boot(), 'A');

  t.is((await desk.settle()).outcome, 'updated');

  t.is(await desk.loader.booted(), 'B');
  t.is(await inUse(desk), '2.0 2.0 2.0');
});

test('a device that came with the release it is to run finds that out by the bytes, and does not restart', async (t) => {
  const desk = await updatingDesk(t);
  await desk.point('1.0');

  const result = await desk.run();

  t.is(result.outcome, 'updated');
  t.false(desk.hooks.includes('reboot'));
  t.is(await desk.loader.booted(), 'A');
  t.like((await desk.state()).installed, { version: '1.0', slot: 'A' });
  t.is(await inUse(desk), '1.0 1.0 1.0');
  t.is(await desk.floor(), 1);
  await desk.point('2.0');
  t.is((await desk.settle()).outcome, 'updated');
  t.like((await desk.state()).previous, { version: '1.0', slot: 'A' });
});
