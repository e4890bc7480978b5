/**
 * Updates whose power fails at one write of the journal, in this process: from then on nothing of them happens.
 *
 * @module
 */
import type { ExecutionContext } from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import type { DeviceEvent } from '../../src/device/report/event.ts';
import type { Journal } from '../../src/device/update/journal.ts';
import type { DeskOptions } from './desk-device.ts';
import { rescueDesk } from './rescue-desk.ts';
import { inUse, updatingDesk } from './updating-desk.ts';

export interface Cut {
  /** At which write of the journal, from 1. */
  readonly at: number;
  readonly when: 'before' | 'after';
}

export interface CutJournal {
  readonly wrap: (journal: Journal) => Journal;
  /** Resolves when the power has failed. */
  readonly off: Promise<'off'>;
}

/** From the cut on nothing happens any more. */
export function cutJournal({ at, when }: Cut): CutJournal {
  let writes = 0;
  const off = Promise.withResolvers<'off'>();
  const never = Promise.withResolvers<never>();
  const wrap = (journal: Journal): Journal => ({
    read: () => journal.read(),
    async write(state) {
      writes += 1;
      if (writes !== at) return await journal.write(state);
      if (when === 'after') await journal.write(state);
      off.resolve('off');
      return await never.promise;
    },
  });
  return { wrap, off: off.promise };
}

export interface CutStory {
  readonly healthy: boolean;
  /** Whether the device restarts after the cut, or only silt. */
  readonly restarts: boolean;
  /** One slot and a rescue system, instead of two slots. */
  readonly rescue?: boolean;
}

const EVENTS = {
  healthy: ['started', 'installed', 'booted', 'healthy'],
  unhealthy: ['started', 'installed', 'booted', 'failed', 'rolledBack'],
};

/**
 * Cuts an update, starts silt or the device again, and holds it to this: what would boot is the old or the new
 * system whole, and in the end everything is in step and was told once.
 *
 * @returns whether the cut came before the end
 */
export async function survivesCut(t: ExecutionContext<unknown>, cut: Cut, story: CutStory): Promise<boolean> {
  const told: DeviceEvent[] = [];
  const journal = cutJournal(cut);
  const options: Partial<DeskOptions> = {
    outbox: {
      async add(event) {
        if (!told.some(({ id }) => id === event.id)) told.push(event);
      },
    },
    hooks: {
      health() {
        if (!story.healthy) throw new SiltError('HOOK_FAILED', 'it does not work');
      },
    },
  };
  const makeDesk = story.rescue === true ? rescueDesk : updatingDesk;
  const first = await makeDesk(t, { ...options, wrapJournal: journal.wrap });
  const [old, ran, updated] = story.rescue === true ? ['rescue', 'rescue', 'main'] : ['1.0', 'A', 'B'];
  const where = `${cut.when} write ${cut.at}`;

  const end = await Promise.race([first.settle({ now: true }), journal.off]);

  const desk = first.again({ wrapJournal: (whole) => whole });
  if (story.restarts && end === 'off') await desk.loader.boot();
  const [rootfs] = (await inUse(desk)).split(' ');
  t.true(rootfs === '1.0' || rootfs === '2.0' || rootfs === old, `${where}: ${rootfs} would boot`);
  const last = await desk.settle({ now: true });
  if (last.outcome !== 'waiting') await desk.settle({ now: true });

  t.is(await inUse(desk), story.healthy ? '2.0 2.0 2.0' : `${old} 1.0 none`, where);
  t.is(await desk.loader.booted(), story.healthy ? updated : ran, where);
  t.is(await desk.floor(), story.healthy ? 2 : 0, where);
  const { update, blocked } = await desk.state();
  t.is(update, undefined, where);
  t.is(blocked.length, story.healthy ? 0 : 1, where);
  t.deepEqual(
    told.map(({ kind }) => kind),
    story.healthy ? EVENTS.healthy : EVENTS.unhealthy,
    where,
  );
  return end === 'off';
}

/** Cuts at one transition after the other, until the end comes first. @returns how many there are */
export async function survivesAllCuts(
  t: ExecutionContext<unknown>,
  when: Cut['when'],
  story: CutStory,
): Promise<number> {
  let at = 1;
  while (await survivesCut(t, { at, when }, story)) at += 1;
  return at - 1;
}
