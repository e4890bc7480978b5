/** A hook that fails: where it leads, what is in use then, and when the release is tried again. */
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import type { HookName } from '../../../src/device/update/device.ts';
import { inUse, outcomeOf, told, updatingDesk } from '../../support/updating-desk.ts';

const broken = (): never => {
  throw new SiltError('HOOK_FAILED', 'the hook exits with 3');
};

interface Story {
  readonly hook: HookName;
  readonly outcome: string;
  readonly events: readonly string[];
  readonly blocked: boolean;
}

const stories: readonly Story[] = [
  { hook: 'preInstall', outcome: 'failed HOOK_FAILED', events: ['started', 'failed'], blocked: false },
  { hook: 'defer', outcome: 'failed HOOK_FAILED', events: ['started', 'failed'], blocked: false },
  { hook: 'postInstall', outcome: 'failed HOOK_FAILED', events: ['started', 'failed'], blocked: false },
  {
    hook: 'preReboot',
    outcome: 'rolledBack HOOK_FAILED',
    events: ['started', 'installed', 'failed', 'rolledBack'],
    blocked: false,
  },
  {
    hook: 'health',
    outcome: 'rolledBack HOOK_FAILED',
    events: ['started', 'installed', 'booted', 'failed', 'rolledBack'],
    blocked: true,
  },
];

for (const { hook, outcome, events, blocked } of stories) {
  test(`a ${hook} hook that fails leaves what was there in use, and is ${blocked ? 'not ' : ''}tried again`, async (t) => {
    const desk = await updatingDesk(t, { hooks: { [hook]: broken } });

    const result = await desk.settle();

    t.is(outcomeOf(result), outcome);
    t.is(result.failure?.message, 'the hook exits with 3');
    t.is(await inUse(desk), '1.0 1.0 none');
    t.is(await desk.loader.booted(), 'A');
    t.deepEqual(told(desk), [...events]);
    t.is(desk.hooks.filter((each) => each === 'failure').length, 1);
    const { blocked: given, retry, lastUpdate, update } = await desk.state();
    t.is(update, undefined);
    t.is(given.length, blocked ? 1 : 0);
    t.is(retry === undefined, blocked);
    t.is(lastUpdate?.failure?.code, 'HOOK_FAILED');
    t.is((await desk.again().run()).outcome, 'waiting');
    if (blocked) return;
    t.true((result.notBefore?.getTime() ?? 0) > desk.clock.now);
    const mended = desk.again({ hooks: {} });
    mended.clock.now = (result.notBefore?.getTime() ?? 0) + 1;
    t.is((await mended.settle()).outcome, 'updated');
    t.is(await inUse(mended), '2.0 2.0 2.0');
  });
}

test('a restart that cannot be asked for leads back, since the new system was never started', async (t) => {
  const desk = await updatingDesk(t, { reboot: broken });

  const result = await desk.run();

  t.is(outcomeOf(result), 'rolledBack HOOK_FAILED');
  t.is(await inUse(desk), '1.0 1.0 none');
  t.is((await desk.state()).blocked.length, 0);
});

test('a restart that is asked for and never comes leads back after some tries', async (t) => {
  const desk = await updatingDesk(t, { reboot: async () => {} });

  t.is((await desk.run()).outcome, 'rebooting');
  t.is((await desk.run()).outcome, 'rebooting');
  t.is((await desk.run()).outcome, 'rebooting');
  const result = await desk.run();

  t.is(outcomeOf(result), 'rolledBack HOOK_FAILED');
  t.regex(result.failure?.message ?? '', /asked to 3 times/);
  t.is(await inUse(desk), '1.0 1.0 none');
});

test('a failure hook that fails itself changes nothing, and is said', async (t) => {
  const desk = await updatingDesk(t, { hooks: { preInstall: broken, failure: broken } });

  t.is(outcomeOf(await desk.run()), 'failed HOOK_FAILED');
  t.true(desk.log.some(({ level, topic }) => level === 'warning' && topic === 'hook'));
});

test('the failure hook hears the reason', async (t) => {
  const desk = await updatingDesk(t, {
    hooks: {
      health: broken,
      failure: (facts) =>
        void t.like(facts, {
          code: 'HOOK_FAILED',
          message: 'the hook exits with 3',
          version: '2.0',
          target: 'B',
        }),
    },
  });

  await desk.settle();

  t.true(desk.hooks.includes('failure'));
});

test('a system that is not healthy, and that the reboot hook never leaves, is not kept as a good one', async (t) => {
  let restarts = 0;
  const desk = await updatingDesk(t, {
    hooks: { health: broken },
    async reboot(loader) {
      restarts += 1;
      if (restarts === 1) await loader.boot();
    },
  });

  const result = await desk.settle();
  const next = await desk.run();

  t.is(outcomeOf(result), 'rolledBack HOOK_FAILED');
  t.is(next.outcome, 'waiting');
  t.is(await desk.loader.booted(), 'B');
  t.is((await desk.loader.read()).primary, 'A');
  t.is(restarts, 4);
});

test('a release is given up after it could not be installed three times, whatever the line did in between', async (t) => {
  let isDown = false;
  const desk = await updatingDesk(t, {
    hooks: { postInstall: broken },
    wrapSource(source) {
      if (isDown) throw new SiltError('NETWORK', 'the line is down');
      return source;
    },
  });
  const outcomes: string[] = [];

  for (let round = 0; round < 3; round++) {
    isDown = true;
    await t.throwsAsync(desk.run({ now: true }), { message: 'the line is down' });
    await t.throwsAsync(desk.run({ now: true }), { message: 'the line is down' });
    isDown = false;
    t.is((await desk.state()).blocked.length, 0);
    outcomes.push((await desk.run({ now: true })).outcome);
  }

  t.deepEqual(outcomes, ['failed', 'failed', 'failed']);
  t.like((await desk.state()).blocked, [{ version: '2.0', code: 'HOOK_FAILED' }]);
});
