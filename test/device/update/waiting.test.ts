/** Waiting: for the defer hook, for a maintenance window, for the time of another try. */

import { setImmediate as tick } from 'node:timers/promises';
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import type { Device } from '../../../src/device/update/device.ts';
import { inUse, outcomeOf, updatingDesk, v2 } from '../../support/updating-desk.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** From 22:00 to 23:00; the clock of a desk shows 05:06. */
const AT_NIGHT: Device['config']['polling'] = {
  interval: 3600,
  jitter: 60,
  windows: [{ days: DAYS, from: 22 * 60, to: 23 * 60, timeZone: 'UTC' }],
} as unknown as Device['config']['polling'];

test('outside of the maintenance window it is fetched but not installed', async (t) => {
  const desk = await updatingDesk(t, { config: { polling: AT_NIGHT } });

  const result = await desk.run();

  t.is(outcomeOf(result), 'waiting preInstall');
  t.is(result.notBefore?.toISOString(), '2026-03-04T22:00:00.000Z');
  t.regex(result.reason ?? '', /maintenance window/);
  t.true(result.bytesFetched > 0);
  t.deepEqual(desk.hooks, []);
  desk.clock.now = Date.parse('2026-03-04T22:30:00Z');
  t.is((await desk.settle()).outcome, 'updated');
});

test('an operator need not wait for the maintenance window', async (t) => {
  const desk = await updatingDesk(t, { config: { polling: AT_NIGHT } });

  t.is((await desk.settle({ now: true })).outcome, 'updated');
});

test('a device that is in use is asked again later, before installing and before the restart', async (t) => {
  const answers = ['later', 'done', 'later', 'done'];
  const desk = await updatingDesk(t, { hooks: { defer: () => answers.shift() } });

  const first = await desk.run();

  t.is(outcomeOf(first), 'waiting preInstall');
  t.is(first.notBefore?.getTime(), desk.clock.now + HOUR / 6);
  t.is(outcomeOf(await desk.run()), 'waiting activate');
  t.is(await inUse(desk), '1.0 1.0 none');
  t.is((await desk.settle()).outcome, 'updated');
  t.deepEqual(answers, []);
});

test('an operator may leave out the defer hook', async (t) => {
  const desk = await updatingDesk(t, { hooks: { defer: () => 'later' } });

  t.is((await desk.settle({ noDefer: true })).outcome, 'updated');
  t.false(desk.hooks.includes('defer'));
});

for (const phase of ['preInstall', 'activate'] as const) {
  test(`waiting in ${phase} three hundred times is no loop`, async (t) => {
    let isBusy = true;
    const desk = await updatingDesk(t, {
      hooks: { defer: ({ phase: asked }) => (isBusy && asked === phase ? 'later' : 'done') },
    });
    await desk.run();
    const { steps } = (await desk.state()).update ?? {};

    for (let round = 0; round < 300; round++) await desk.run({ offline: true });

    t.like((await desk.state()).update, { phase, steps });
    isBusy = false;
    t.is((await desk.settle()).outcome, 'updated');
  });
}

test('what has been begun to be put in use is put in use whole, and no window is waited for', async (t) => {
  let isOff = true;
  const stop = Promise.withResolvers<void>();
  const desk = await updatingDesk(t, {
    config: { polling: AT_NIGHT },
    wrap: (installer, component) => ({
      status: (options) => installer.status(options),
      prepare: (version, options) => installer.prepare(version, options),
      install: (image, options) => installer.install(image, options),
      // Switched off in the middle of it.
      commit: (image, options) =>
        isOff && component === 'app' ? stop.promise : installer.commit(image, options),
      rollback: (options) => installer.rollback(options),
      finish: (options) => installer.finish(options),
    }),
  });
  desk.clock.now = Date.parse('2026-03-04T22:30:00Z');
  const killed = desk.run();
  while (desk.motor()?.equals(Buffer.from(v2.motor)) !== true) await Promise.race([killed, tick()]);

  isOff = false;
  desk.clock.now = Date.parse('2026-03-04T23:30:00Z');
  t.is((await desk.settle()).outcome, 'updated');
  t.is(await inUse(desk), '2.0 2.0 2.0');
});

test('after a failure it waits, then tries again, and waits longer after the next one', async (t) => {
  const desk = await updatingDesk(t, {
    hooks: {
      preInstall: () => {
        throw new SiltError('HOOK_FAILED', 'no');
      },
    },
  });

  const first = await desk.run();
  const firstWait = (first.notBefore?.getTime() ?? 0) - desk.clock.now;
  desk.clock.now += firstWait - 1;
  t.is((await desk.run()).outcome, 'waiting');
  desk.clock.now += 1;
  const second = await desk.run();
  const secondWait = (second.notBefore?.getTime() ?? 0) - desk.clock.now;

  t.is(second.outcome, 'failed');
  t.true(firstWait >= 60_000 && firstWait <= 120_000, `${firstWait}`);
  t.true(secondWait >= 120_000 && secondWait <= 240_000, `${secondWait}`);
});

test('a clock that is set back or forward by years makes it wait no longer than a day', async (t) => {
  const desk = await updatingDesk(t, {
    hooks: {
      preInstall: () => {
        throw new SiltError('HOOK_FAILED', 'no');
      },
    },
  });
  t.is((await desk.run()).outcome, 'failed');

  desk.clock.now -= 10 * 365 * DAY;
  t.is((await desk.run()).outcome, 'failed');
  desk.clock.now += 20 * 365 * DAY;
  const last = await desk.run();
  t.is(last.outcome, 'failed');
  t.is((await desk.state()).blocked.length, 1);
});

test('an update goes on when the clock has been set back in the middle of it', async (t) => {
  const desk = await updatingDesk(t);
  t.is((await desk.run()).outcome, 'rebooting');

  desk.clock.now = 0;

  t.is((await desk.run()).outcome, 'updated');
  t.is(desk.events.at(-1)?.time, '1970-01-01T00:00:00.000Z');
});
