/** A release that was found healthy and dies later, again and again: it is not installed without an end. */
import test from 'ava';
import { MAX_FALLS } from '../../../src/device/update/fallen.ts';
import { inUse, outcomeOf, told, type UpdatingDesk, updatingDesk } from '../../support/updating-desk.ts';

/** What a boot loader comes to that starts a system some times in vain. */
async function fall(desk: UpdatingDesk): Promise<void> {
  await desk.loader.markBad('B');
  await desk.loader.boot();
}

test('a release that dies again and again after it was confirmed is given up, and told', async (t) => {
  const desk = await updatingDesk(t);
  t.is((await desk.settle()).outcome, 'updated');
  for (let times = 1; times <= MAX_FALLS; times++) {
    await fall(desk);
    t.is(await desk.loader.booted(), 'A');
    t.is(outcomeOf(await desk.settle({ now: true })), 'updated');
    t.is(await inUse(desk), '2.0 2.0 2.0');
  }
  await fall(desk);
  desk.hooks.length = 0;
  desk.events.length = 0;

  t.is(outcomeOf(await desk.settle({ now: true })), 'rolledBack BOOT_FAILED');

  t.deepEqual(told(desk), ['started', 'failed', 'rolledBack']);
  t.deepEqual(desk.hooks, ['failure']);
  t.is(await desk.loader.booted(), 'A');
  t.is((await desk.loader.read()).primary, 'A');
  t.like((await desk.state()).blocked, [{ version: '2.0', code: 'BOOT_FAILED' }]);
  t.is(outcomeOf(await desk.again().settle({ now: true })), 'waiting');

  // An operator may have mended what it was.
  t.is(outcomeOf(await desk.settle({ now: true, again: true })), 'updated');
  await fall(desk);
  t.is(outcomeOf(await desk.settle({ now: true })), 'updated');
});

test('falls that are a month apart are not added up, also where the clock is wrong in between', async (t) => {
  const desk = await updatingDesk(t);
  await desk.settle();
  const { now } = desk.clock;
  const days = (count: number): number => now + count * 24 * 3_600_000;
  for (const at of [0, 31, 62, 93, 94, 0, 1]) {
    if ((await desk.state()).fallen?.times === MAX_FALLS) break;
    desk.clock.now = days(at);
    await fall(desk);
    t.is(outcomeOf(await desk.settle({ now: true })), 'updated');
  }
  t.like((await desk.state()).fallen, { times: MAX_FALLS, since: days(93) });

  await fall(desk);
  t.is(outcomeOf(await desk.settle({ now: true })), 'rolledBack BOOT_FAILED');
});
