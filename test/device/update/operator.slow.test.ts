/** What an operator says: mark-good and rollback, in every phase. */
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { markGood, rollBack } from '../../../src/device/update/operator.ts';
import type { Desk } from '../../support/desk-device.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { inUse, outcomeOf, told, type UpdatingDesk, updatingDesk } from '../../support/updating-desk.ts';

const offline = (): never => {
  throw new SiltError('NETWORK', 'nobody asks the network here');
};

/** An update that has come to one of the phases in which it may stay for a while. */
async function stayingIn(
  desk: UpdatingDesk,
  phase: 'fetch' | 'preInstall' | 'activate' | 'reboot',
): Promise<Desk> {
  if (phase === 'fetch') {
    const controller = new AbortController();
    const stop = (): void => controller.abort(new Error('switched off'));
    await desk.run({ signal: controller.signal, onProgress: stop }).catch(() => {});
  } else if (phase === 'reboot') {
    await desk.again({ reboot: async () => {} }).run();
  } else {
    const waits = desk.again({ hooks: { defer: (facts) => (facts.phase === phase ? 'later' : 'done') } });
    await waits.run();
  }
  return desk.again({ wrapSource: offline });
}

for (const phase of ['fetch', 'preInstall', 'activate', 'reboot'] as const) {
  test(`rollback in ${phase} ends the update, which is not begun again by itself`, async (t) => {
    const started = await updatingDesk(t);
    const desk = await stayingIn(started, phase);
    t.is((await desk.state()).update?.phase, phase);

    const result = await rollBack(desk.device);

    t.is(
      outcomeOf(result),
      `${phase === 'fetch' || phase === 'preInstall' ? 'failed' : 'rolledBack'} UNWANTED`,
    );
    t.is(await inUse(desk), '1.0 1.0 none');
    t.is(await desk.loader.boot(), 'A');
    t.is((await desk.state()).blocked[0]?.code, 'UNWANTED');
    const online = started.again();
    t.is((await online.run()).outcome, 'waiting');
    t.is((await online.settle({ again: true, now: true })).outcome, 'updated');
  });
}

for (const phase of ['fetch', 'preInstall', 'activate', 'reboot'] as const) {
  test(`mark-good in ${phase} is refused, since nothing new was started`, async (t) => {
    const desk = await stayingIn(await updatingDesk(t), phase);

    const error = await throwsSilt(t, () => markGood(desk.device), 'USAGE');

    t.regex(error.message, new RegExp(`2.0 in ${phase}`));
    t.is((await desk.state()).update?.verdict, undefined);
  });
}

test('mark-good after the restart ends the update, and no health hook is asked', async (t) => {
  const desk = await updatingDesk(t);
  await desk.run();
  t.is(await desk.loader.booted(), 'B');

  const result = await markGood(desk.again({ wrapSource: offline }).device);

  t.is(outcomeOf(result), 'updated');
  t.false(desk.hooks.includes('health'));
  t.is(await desk.floor(), 2);
  t.is(await inUse(desk), '2.0 2.0 2.0');
});

test('rollback after the restart, before it is kept, goes back', async (t) => {
  const desk = await updatingDesk(t);
  await desk.run();
  const after = desk.again({ wrapSource: offline });

  t.is((await rollBack(after.device)).outcome, 'rebooting');
  t.is(outcomeOf(await after.settle()), 'rolledBack UNWANTED');
  t.is(await inUse(after), '1.0 1.0 none');
  t.is(await after.loader.booted(), 'A');
});

test('rollback without an update starts the previous system again, and what was left is not installed again', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  await desk.publish('3.0');
  await desk.settle();
  desk.events.length = 0;
  const before = desk.again({ wrapSource: offline });

  t.is((await rollBack(before.device)).outcome, 'rebooting');
  const back = await before.settle({ offline: true });

  t.is(back.outcome, 'updated');
  t.is(await desk.loader.booted(), 'B');
  t.is((await inUse(desk)).split(' ')[0], '2.0');
  t.like(await desk.state(), {
    installed: { version: '2.0', counter: 2, slot: 'B' },
    previous: { version: '3.0', slot: 'A' },
  });
  t.deepEqual(told(before), ['started', 'installed', 'booted', 'healthy']);
  t.is(await desk.floor(), 3);
  t.is((await desk.run()).outcome, 'waiting');
  await desk.publish('4.0');
  t.is((await desk.settle({ now: true })).outcome, 'updated');
  t.is(await desk.loader.booted(), 'A');
});

test('rollback after the first update starts the system from the factory again', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();

  await rollBack(desk.device);
  t.is((await desk.settle({ offline: true })).outcome, 'updated');

  t.is(await desk.loader.booted(), 'A');
  t.like(await desk.state(), {
    installed: { version: 'factory', slot: 'A' },
    previous: { version: '2.0', slot: 'B' },
  });
  t.is((await desk.run()).outcome, 'waiting');
  t.is((await desk.settle({ again: true })).outcome, 'updated');
  t.is(await inUse(desk), '2.0 2.0 2.0');
});

test('a previous system that never comes up again is left for the one that ran', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  const stuck = desk.again({
    async reboot(loader) {
      while ((await loader.boot()) === 'A');
    },
  });

  await rollBack(stuck.device);
  const result = await stuck.settle({ offline: true });

  t.is(outcomeOf(result), 'rolledBack BOOT_FAILED');
  t.is(await desk.loader.booted(), 'B');
  t.is(await inUse(desk), '2.0 2.0 2.0');
  t.like((await desk.state()).installed, { version: '2.0', slot: 'B' });
});

test('rollback with nothing to go back to is refused', async (t) => {
  const desk = await updatingDesk(t);

  await throwsSilt(t, () => rollBack(desk.device), 'USAGE');
  t.is((await desk.state()).update, undefined);
});

test('rollback while it is rolled back already goes on with that', async (t) => {
  let isBroken = true;
  const desk = await updatingDesk(t, {
    hooks: {
      postInstall() {
        throw new SiltError('HOOK_FAILED', 'no');
      },
    },
    wrap: (installer, component) => {
      if (component !== 'motor') return installer;
      return {
        status: (options) => installer.status(options),
        prepare: (version, options) => installer.prepare(version, options),
        install: (image, options) => installer.install(image, options),
        commit: (image, options) => installer.commit(image, options),
        async rollback(options) {
          if (isBroken) throw new SiltError('IO_FAILED', 'the medium does not answer');
          await installer.rollback(options);
        },
        finish: (options) => installer.finish(options),
      };
    },
  });
  t.is(outcomeOf(await desk.run()), 'waiting rollBack IO_FAILED');
  isBroken = false;

  t.is(outcomeOf(await rollBack(desk.device)), 'failed HOOK_FAILED');
});

test('rollback while a good system is being kept is refused', async (t) => {
  const desk = await updatingDesk(t, {
    wrapLoader: (loader) => ({
      ...loader,
      async markGood() {
        throw new SiltError('BOOT_FAILED', 'the environment is read-only');
      },
    }),
  });
  t.is(outcomeOf(await desk.settle()), 'waiting confirm BOOT_FAILED');

  await throwsSilt(t, () => rollBack(desk.device), 'USAGE');
});

test('mark-good without an update keeps the slot that runs', async (t) => {
  const desk = await updatingDesk(t);
  await desk.loader.activate('B', 2);
  await desk.loader.boot();

  const result = await markGood(desk.again({ wrapSource: offline }).device);

  t.is(result.outcome, 'upToDate');
  t.deepEqual((await desk.loader.read()).order[0], { name: 'B', triesLeft: undefined, bootable: true });
});
