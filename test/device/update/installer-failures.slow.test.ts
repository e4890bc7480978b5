/** A step of an installer that fails, at each component: what is rolled back, in which order, and what is in use. */
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import type { Installer } from '../../../src/device/installers/installer.ts';
import { type DeskOptions, deskImages } from '../../support/desk-device.ts';
import { inUse, outcomeOf, updatingDesk } from '../../support/updating-desk.ts';

type Step = 'prepare' | 'install' | 'commit' | 'rollback' | 'finish';
const STEPS: readonly Step[] = ['prepare', 'install', 'commit', 'rollback', 'finish'];
const COMPONENTS = ['motor', 'rootfs', 'app'];

interface Script {
  /** Calls, as `commit motor`. */
  readonly calls: string[];
  /** Calls that fail, and how often. */
  readonly failing: Map<string, number>;
}

function scripted(
  ...failing: readonly (readonly [call: string, times: number])[]
): Script & Required<Pick<DeskOptions, 'wrap'>> {
  const script: Script = { calls: [], failing: new Map(failing) };
  return {
    ...script,
    wrap: (installer, component) => withScript(installer, component, script),
  };
}

/** Each step is told before its work, and fails before it where the script says so. */
function withScript(installer: Installer, component: string, { calls, failing }: Script): Installer {
  const begin = (step: Step): void => {
    const call = `${step} ${component}`;
    calls.push(call);
    const left = failing.get(call) ?? 0;
    if (left === 0) return;
    failing.set(call, left - 1);
    throw new SiltError('INSTALL_FAILED', `${call} does not work`);
  };
  return {
    status: (options) => installer.status(options),
    async prepare(version, options) {
      begin('prepare');
      return await installer.prepare(version, options);
    },
    async install(image, options) {
      begin('install');
      await installer.install(image, options);
    },
    async commit(image, options) {
      begin('commit');
      await installer.commit(image, options);
    },
    async rollback(options) {
      begin('rollback');
      await installer.rollback(options);
    },
    async finish(options) {
      begin('finish');
      await installer.finish(options);
    },
  };
}

const callsOf = (calls: readonly string[], step: Step): string[] =>
  calls.filter((call) => call.startsWith(`${step} `)).map((call) => call.slice(step.length + 1));

test('each step is taken at every component in declared order', async (t) => {
  const script = scripted();
  const desk = await updatingDesk(t, script);

  t.is((await desk.settle()).outcome, 'updated');

  for (const step of STEPS) t.deepEqual(callsOf(script.calls, step), step === 'rollback' ? [] : COMPONENTS);
  const order = script.calls.map((call) => call.split(' ')[0]);
  t.deepEqual(
    order,
    order.toSorted((one, other) => STEPS.indexOf(one as Step) - STEPS.indexOf(other as Step)),
  );
});

for (const step of ['prepare', 'install', 'commit'] as const) {
  for (const component of COMPONENTS) {
    test(`where ${step} of ${component} fails, all stay as they were, and the next run installs them`, async (t) => {
      const script = scripted([`${step} ${component}`, 1]);
      const desk = await updatingDesk(t, script);

      const result = await desk.settle();

      t.is(outcomeOf(result), `${step === 'commit' ? 'rolledBack' : 'failed'} INSTALL_FAILED`);
      t.is(result.failure?.component, step === 'prepare' ? undefined : component);
      t.is(await inUse(desk), '1.0 1.0 none');
      t.is(desk.hooks.filter((hook) => hook === 'reboot').length, 0);
      // What has been fetched serves the next try.
      const taken = step === 'prepare' ? [] : COMPONENTS.toReversed();
      t.deepEqual(callsOf(script.calls, 'rollback'), taken);
      t.is((await desk.settle({ now: true })).outcome, 'updated');
      t.is(await inUse(desk), '2.0 2.0 2.0');
    });
  }
}

for (const component of COMPONENTS) {
  test(`where finish of ${component} fails, the update is kept nevertheless, and letting go is tried again`, async (t) => {
    const script = scripted([`finish ${component}`, 2]);
    const desk = await updatingDesk(t, script);

    t.is(outcomeOf(await desk.settle()), 'waiting confirm INSTALL_FAILED');
    t.is((await desk.loader.read()).order.find(({ name }) => name === 'B')?.triesLeft, undefined);
    t.is(await desk.floor(), 2);
    t.is(outcomeOf(await desk.settle({ now: true })), 'waiting confirm INSTALL_FAILED');
    t.is((await desk.settle({ now: true })).outcome, 'updated');
    t.is(await inUse(desk), '2.0 2.0 2.0');
  });

  test(`where rollback of ${component} fails, the others are taken back, and it is tried again`, async (t) => {
    const script = scripted(['commit app', 1], [`rollback ${component}`, 3]);
    const desk = await updatingDesk(t, script);

    const first = await desk.run();

    t.is(outcomeOf(first), 'waiting rollBack INSTALL_FAILED');
    t.is(await desk.loader.booted(), 'A');
    t.deepEqual(callsOf(script.calls, 'rollback'), COMPONENTS.toReversed());
    t.is((await desk.run()).outcome, 'waiting');
    t.deepEqual(callsOf(script.calls, 'rollback').length, 3);
    t.is((await desk.run({ now: true })).outcome, 'waiting');
    t.is((await desk.run({ now: true })).outcome, 'waiting');
    t.is(outcomeOf(await desk.run({ now: true })), 'rolledBack INSTALL_FAILED');
    t.is(await inUse(desk), '1.0 1.0 none');
    t.is((await desk.state()).damaged, undefined);
  });
}

test('a component that cannot be rolled back is told as damaged, and the next update mends it', async (t) => {
  const script = scripted();
  const desk = await updatingDesk(t, script);
  await desk.settle();
  // The motor of 3.0 is another; that of 4.0 is the one that 2.0 had.
  await desk.publish('3.0');
  script.failing.set('commit app', 1).set('rollback motor', 99);

  for (let round = 0; round < 5; round++) await desk.run({ now: true });

  t.deepEqual((await desk.state()).damaged, ['motor']);
  t.is((await desk.state()).update, undefined);
  t.is(await inUse(desk), '2.0 3.0 2.0');
  script.failing.clear();
  await desk.publish('4.0', {
    ...deskImages('4.0'),
    motor: deskImages('2.0').motor,
    app: deskImages('2.0').app,
  });
  t.is((await desk.settle({ now: true })).outcome, 'updated');
  t.deepEqual(desk.motor(), Buffer.from(deskImages('2.0').motor));
  t.deepEqual((await desk.state()).damaged, []);
});
