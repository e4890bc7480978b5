/** What is told of an update: ids that repeat when a step repeats, and facts that belong together. */
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import type { DeviceEvent } from '../../../src/device/report/event.ts';
import { told, updatingDesk } from '../../support/updating-desk.ts';

test('an event whose keeping was not noted any more is told again under the same id', async (t) => {
  const told: DeviceEvent[] = [];
  let isFull = false;
  const desk = await updatingDesk(t, {
    outbox: {
      // Kept, but silt never hears of it.
      async add(event) {
        told.push(event);
        if (isFull) throw new SiltError('NO_SPACE', 'the disk is full');
      },
    },
  });
  await desk.run();
  isFull = true;
  await t.throwsAsync(desk.run(), { message: 'the disk is full' });
  isFull = false;

  t.is((await desk.settle({ now: true })).outcome, 'updated');

  const ids = told.filter(({ kind }) => kind === 'booted').map(({ id }) => id);
  t.is(ids.length, 2);
  t.is(new Set(ids).size, 1);
});

test('each event names its update, and no two of one update have the same id', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  await desk.publish('3.0');
  await desk.settle();

  const updates = [...new Set(desk.events.map(({ update }) => update))];
  t.is(updates.length, 2);
  for (const { id, kind, update, product, time } of desk.events) {
    t.is(id, `${update}.${kind}`);
    t.is(product, 'router');
    t.is(time, '2026-03-04T05:06:07.000Z');
  }
});

test('progress is told now and then, of bytes that grow up to all of them', async (t) => {
  const desk = await updatingDesk(t);

  await desk.settle({
    onProgress() {
      desk.clock.now += 61_000;
    },
  });

  const progress = desk.events.filter(({ kind }) => kind === 'progress');
  t.true(progress.length > 1);
  let before = 0;
  for (const { done = 0, total = 0, id } of progress) {
    t.true(done > before && done <= total, `${done} of ${total}`);
    t.regex(id, /\.progress\.\d+$/);
    before = done;
  }
});

test('progress that cannot be kept costs nothing', async (t) => {
  const desk = await updatingDesk(t, {
    outbox: {
      async add({ kind }) {
        if (kind === 'progress') throw new SiltError('IO_FAILED', 'the medium does not answer');
      },
    },
  });
  const onProgress = (): void => {
    desk.clock.now += 61_000;
  };

  t.is((await desk.settle({ onProgress })).outcome, 'updated');
  t.true(desk.log.some(({ topic }) => topic === 'report'));
});

test('a failure is told with its code, phase and component', async (t) => {
  const desk = await updatingDesk(t, {
    wrap: (installer, component) => ({
      status: (options) => installer.status(options),
      prepare: (version, options) => installer.prepare(version, options),
      install: (image, options) => installer.install(image, options),
      async commit(image, options) {
        if (component === 'app') throw new SiltError('INSTALL_FAILED', 'no');
        await installer.commit(image, options);
      },
      rollback: (options) => installer.rollback(options),
      finish: (options) => installer.finish(options),
    }),
  });

  await desk.run();

  const fact = { code: 'INSTALL_FAILED', phase: 'activate', message: 'app: no' };
  t.like(desk.events.at(-2), { kind: 'failed', component: 'app', ...fact });
  t.like(desk.events.at(-1), { kind: 'rolledBack', ...fact });
});

for (const kind of ['installed', 'booted', 'healthy'] as const) {
  test(`where ${kind} cannot be kept for once, the update waits for the next run, and is not rolled back`, async (t) => {
    let isBroken = true;
    const kept: string[] = [];
    const desk = await updatingDesk(t, {
      outbox: {
        async add(event) {
          if (event.kind === kind && isBroken) throw new SiltError('IO_FAILED', 'the medium does not answer');
          kept.push(event.kind);
        },
      },
    });
    await t.throwsAsync(desk.settle(), { message: 'the medium does not answer' });
    isBroken = false;

    t.is((await desk.settle()).outcome, 'updated');
    t.false(kept.includes('failed'));
    t.is(kept.at(-1), 'healthy');
  });
}

test('where the journal cannot be kept for once, wherever that is, the update goes on with the next run', async (t) => {
  let isDone = false;
  for (let at = 1; !isDone; at++) {
    let writes = 0;
    const desk = await updatingDesk(t, {
      wrapJournal: (journal) => ({
        read: () => journal.read(),
        async write(state) {
          writes += 1;
          if (writes === at) throw new SiltError('NO_SPACE', 'the disk is full');
          return await journal.write(state);
        },
      }),
    });
    const first = await desk.settle().catch((error: unknown) => error);
    isDone = !(first instanceof SiltError);
    if (!isDone) t.is((await desk.settle({ now: true })).outcome, 'updated', `write ${at}`);
    t.deepEqual(told(desk), ['started', 'installed', 'booted', 'healthy'], `write ${at}`);
  }
});
