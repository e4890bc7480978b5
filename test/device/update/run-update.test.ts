/** A whole update on a desk: forwards, back, and what is told of it. */
import { join } from 'node:path';
import test from 'ava';
import {
  type Desk,
  type DeskOptions,
  deskImages,
  factoryDesk,
  openDesk,
  publishDesk,
} from '../../support/desk-device.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const v1 = deskImages('1.0');
const v2 = deskImages('2.0');

async function desk(
  t: Parameters<typeof temporaryDirectory>[0],
  options: Partial<DeskOptions> = {},
): Promise<Desk & { readonly base: string; again(more?: Partial<DeskOptions>): Desk }> {
  const base = await temporaryDirectory(t);
  await publishDesk(base, '1.0', v1);
  const repository = await publishDesk(base, '2.0', v2);
  const all = { repositories: [repository], ...options };
  const root = join(base, 'desk');
  const made = await factoryDesk(root, all, v1);
  return { ...made, base, again: (more) => openDesk(root, { ...all, ...more }) };
}

test('an update is installed beside what runs, restarted into, found healthy, and kept', async (t) => {
  const { run, state, slot, motor, app, loader, hooks, events, floor } = await desk(t, {
    hooks: { health: async () => void t.is(await loader.booted(), 'B') },
  });

  const before = await run();

  t.is(before.outcome, 'rebooting');
  t.deepEqual(slot('A'), Buffer.from(v1.rootfs));
  t.deepEqual(slot('B'), Buffer.from(v2.rootfs));
  t.is(await floor(), 0);
  t.like((await state()).update, { phase: 'reboot', boot: { from: 'A', target: 'B' } });

  const after = await run();

  t.is(after.outcome, 'updated');
  t.deepEqual(motor(), Buffer.from(v2.motor));
  t.is(app(), '2.0');
  t.is(await floor(), 2);
  t.deepEqual(hooks, ['defer', 'preInstall', 'postInstall', 'defer', 'preReboot', 'reboot', 'health']);
  t.deepEqual(
    events.map(({ kind, version }) => `${kind} ${version}`),
    ['started 2.0', 'installed 2.0', 'booted 2.0', 'healthy 2.0'],
  );
  const { update, installed, lastUpdate } = await state();
  t.is(update, undefined);
  t.like(installed, { version: '2.0', counter: 2, slot: 'B' });
  t.like(lastUpdate, { outcome: 'installed', version: '2.0' });
  t.deepEqual(await loader.read(), {
    order: [
      { name: 'B', triesLeft: undefined, bootable: true },
      { name: 'A', triesLeft: undefined, bootable: true },
    ],
    primary: 'B',
  });
  t.is((await run()).outcome, 'upToDate');
});

test('a system that is not healthy is left again, with all that came with it, and not tried again', async (t) => {
  const { settle, run, state, motor, app, loader, hooks, events, floor } = await desk(t, {
    hooks: {
      health: () => {
        throw new Error('the modem does not answer');
      },
    },
  });

  const result = await settle();

  t.is(result.outcome, 'rolledBack');
  t.like(result.failure, { phase: 'health', message: 'the modem does not answer' });
  t.is(await loader.booted(), 'A');
  t.deepEqual(motor(), Buffer.from(v1.motor));
  t.is(app(), undefined);
  t.is(await floor(), 0);
  t.deepEqual(hooks.slice(-3), ['preReboot', 'reboot', 'failure']);
  t.deepEqual(
    events.map(({ kind }) => kind),
    ['started', 'installed', 'booted', 'failed', 'rolledBack'],
  );
  t.like((await state()).blocked[0], { version: '2.0', counter: 2 });
  const again = await run();
  t.is(again.outcome, 'waiting');
  t.regex(again.reason ?? '', /was given up/);
  t.is((await run({ again: true, now: true })).outcome, 'rebooting');
});

test('a system that never comes up is given up by the boot loader, and everything goes back', async (t) => {
  const { settle, motor, loader, hooks, events, slot } = await desk(t, {
    // It hangs at each start, until the boot loader has no tries left for it.
    async reboot(boots) {
      while ((await boots.boot()) === 'B');
    },
  });

  const result = await settle();

  t.is(result.outcome, 'rolledBack');
  t.like(result.failure, { code: 'BOOT_FAILED', phase: 'reboot' });
  t.is(await loader.booted(), 'A');
  t.deepEqual(slot('A'), Buffer.from(v1.rootfs));
  t.deepEqual(motor(), Buffer.from(v1.motor));
  t.is(hooks.filter((hook) => hook === 'reboot').length, 1);
  t.deepEqual(
    events.map(({ kind }) => kind),
    ['started', 'installed', 'failed', 'rolledBack'],
  );
});
