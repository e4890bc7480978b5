/** A boot loader whose state cannot be read or written, at each call of an update. */
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import type { BootLoader } from '../../../src/device/boot/boot-loader.ts';
import { runUpdate } from '../../../src/device/update/run-update.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { inUse, outcomeOf, told, updatingDesk, v2 } from '../../support/updating-desk.ts';

type Call = 'read' | 'activate' | 'markGood' | 'markBad';

/** The `n`-th of these calls fails, and `more` after it. */
function failing(call: Call, n: number, more = 0): (loader: BootLoader) => BootLoader {
  let calls = 0;
  const begin = (each: Call): void => {
    if (each !== call) return;
    calls += 1;
    if (calls >= n && calls <= n + more) throw new SiltError('BOOT_FAILED', `${call} does not work`);
  };
  return (loader) => ({
    async read() {
      begin('read');
      return await loader.read();
    },
    async activate(slot, tries) {
      begin('activate');
      await loader.activate(slot, tries);
    },
    async markGood(slot) {
      begin('markGood');
      await loader.markGood(slot);
    },
    async markBad(slot) {
      begin('markBad');
      await loader.markBad(slot);
    },
  });
}

for (const n of [1, 2]) {
  test(`where the boot loader cannot be read (${n}) before an update, none begins, and nothing is written`, async (t) => {
    const desk = await updatingDesk(t, { wrapLoader: failing('read', n) });

    await throwsSilt(t, () => desk.run(), 'BOOT_FAILED');

    t.is((await desk.state()).update, undefined);
    t.is(desk.slot('B').length, 0);
    t.is((await desk.settle({ now: true })).outcome, 'updated');
  });
}

for (const n of [3, 4]) {
  test(`where the boot loader cannot be read (${n}) before the target is written, it is not written`, async (t) => {
    const desk = await updatingDesk(t, { wrapLoader: failing('read', n) });

    t.is(outcomeOf(await desk.run()), 'failed BOOT_FAILED');

    t.is(desk.slot('B').length, 0);
    t.is((await desk.settle({ now: true })).outcome, 'updated');
  });
}

test('a target that cannot be marked bad is not written', async (t) => {
  const desk = await updatingDesk(t, { wrapLoader: failing('markBad', 1, 99) });
  await desk.loader.activate('B', 1);
  await desk.loader.markGood('A');

  t.is(outcomeOf(await desk.run()), 'failed BOOT_FAILED');

  t.is(desk.slot('B').length, 0);
  t.is(await inUse(desk), '1.0 1.0 none');
});

test('a target that the boot loader would start although it was marked bad is not written', async (t) => {
  const desk = await updatingDesk(t, { wrapLoader: (loader) => ({ ...loader, markBad: async () => {} }) });
  await desk.loader.activate('B', 1);
  await desk.loader.markGood('A');

  t.is(outcomeOf(await desk.run()), 'failed BOOT_FAILED');
  t.is(desk.slot('B').length, 0);
});

test('where the new system cannot be activated, all components go back', async (t) => {
  const desk = await updatingDesk(t, { wrapLoader: failing('activate', 1) });

  t.is(outcomeOf(await desk.run()), 'rolledBack BOOT_FAILED');

  t.is(await inUse(desk), '1.0 1.0 none');
  t.deepEqual(told(desk), ['started', 'failed', 'rolledBack']);
  t.is((await desk.settle({ now: true })).outcome, 'updated');
});

test('a good system whose slot cannot be marked good stays, and marking is tried again', async (t) => {
  const desk = await updatingDesk(t, { wrapLoader: failing('markGood', 1, 1) });

  t.is(outcomeOf(await desk.settle()), 'waiting confirm BOOT_FAILED');
  t.is(await desk.floor(), 0);
  t.is(outcomeOf(await desk.settle({ now: true })), 'waiting confirm BOOT_FAILED');
  t.is((await desk.settle({ now: true })).outcome, 'updated');
  t.is(await inUse(desk), '2.0 2.0 2.0');
});

test('a bad system whose slot cannot be marked bad is left as soon as it can', async (t) => {
  const desk = await updatingDesk(t, {
    hooks: {
      health() {
        throw new SiltError('HOOK_FAILED', 'no');
      },
    },
    wrapLoader: failing('markBad', 1, 1),
  });

  t.is(outcomeOf(await desk.settle()), 'waiting rollBack BOOT_FAILED');
  t.is(await desk.loader.booted(), 'B');
  t.is(outcomeOf(await desk.settle({ now: true })), 'waiting rollBack BOOT_FAILED');
  t.is(outcomeOf(await desk.settle({ now: true })), 'rolledBack HOOK_FAILED');
  t.is(await inUse(desk), '1.0 1.0 none');
  t.is(await desk.loader.booted(), 'A');
});

test('a boot loader that counts every start gets its starts back, of the system that runs alone', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  await desk.loader.activate('B', 3);
  await desk.loader.boot();
  t.is((await desk.loader.read()).order[0]?.triesLeft, 2);

  t.is((await desk.run()).outcome, 'upToDate');

  t.deepEqual((await desk.loader.read()).order[0], { name: 'B', triesLeft: undefined, bootable: true });
});

test('starts that are counted while an update is fetched are given back to what runs, so that it can be fallen back to', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  await desk.publish('3.0');
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('switched off'));
  await t.throwsAsync(desk.run({ signal: controller.signal, onProgress: stop }));
  // As a boot loader does that counts the starts of a good system too.
  await desk.loader.activate('B', 1);
  t.is(await desk.loader.boot(), 'B');
  t.is((await desk.loader.read()).primary, undefined);

  t.is((await desk.settle()).outcome, 'updated');

  const { order } = await desk.loader.read();
  t.deepEqual(order, [
    { name: 'A', triesLeft: undefined, bootable: true },
    { name: 'B', triesLeft: undefined, bootable: true },
  ]);
});

test('the slot that runs is never written, also when the device has come up in the target by itself', async (t) => {
  const desk = await updatingDesk(t);
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('switched off'));
  await t.throwsAsync(desk.run({ signal: controller.signal, onProgress: stop }));
  t.is((await desk.state()).update?.boot?.target, 'B');
  await desk.loader.activate('B', 3);
  t.is(await desk.loader.boot(), 'B');
  const before = desk.slot('B');

  t.is(outcomeOf(await desk.run()), 'failed BOOT_FAILED');

  t.deepEqual(desk.slot('B'), before);
});

test('a device of which nobody knows the slot that runs gets no system, but applications', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  const { motor, rootfs } = v2;
  await desk.publish('3.0', { motor, rootfs });
  const blind = desk.again();
  const device = { ...blind.device, booted: async () => ({ bootId: 'x', slot: undefined }) };

  t.is((await runUpdate(device)).outcome, 'updated');
  await desk.publish('4.0');
  await throwsSilt(t, () => runUpdate(device), 'BOOT_STATE_INVALID');
});
