/**
 * A whole update of a device with two slots, a file and an application beside them, cut everywhere: the slot that
 * would start holds an image that is complete; started and run again, with as many restarts as that takes, it comes
 * to the new release with all components in step, or, where the new one is never healthy, back to the old one; and
 * the Floor is that of the new release only when that has been found healthy.
 *
 * @module
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { simulatedBootLoader } from '../../../src/device/boot/simulated-boot-loader.ts';
import type { DeviceEvent } from '../../../src/device/report/event.ts';
import { openOutbox } from '../../../src/device/report/outbox.ts';
import type { UpdateResult } from '../../../src/device/update/update-result.ts';
import { isTemporaryName } from '../../../src/io/temporary-name.ts';
import { type Desk, type DeskImages, deskImages, openDesk, publishDesk } from '../desk-device.ts';
import type { Scenario } from './enumerate.ts';
import { bytesAt, mustHold } from './must-hold.ts';
import { temporaryBelow } from './temporary-below.ts';

const OLD = deskImages('1.0');
const NEW = deskImages('2.0');
/** More runs and restarts than anything needs after one cut. */
const MOST_RUNS = 20;

/** Repositories in which the old release is the latest, the new one, and a new one without an image for the slots. */
export interface UpdateRepositories {
  readonly old: string;
  readonly next: string;
  readonly beside: string;
}

export async function publishUpdates(directory: string): Promise<UpdateRepositories> {
  const publishAll = async (name: string, releases: readonly DeskImages[]): Promise<string> => {
    const at = join(directory, name);
    mkdirSync(at);
    let repository = '';
    for (const [index, images] of releases.entries()) {
      repository = await publishDesk(at, `${index + 1}.0`, images);
    }
    return repository;
  };
  return {
    old: await publishAll('old', [OLD]),
    next: await publishAll('next', [OLD, NEW]),
    beside: await publishAll('beside', [OLD, { motor: NEW.motor, app: NEW.app }]),
  };
}

type SlotName = 'A' | 'B';

const slotIn = (root: string, name: string | undefined): Buffer | undefined =>
  name === undefined ? undefined : bytesAt(join(root, 'slots', name));

/** The firmware at a start of the device. */
const powerOn = (root: string): Promise<string | undefined> =>
  simulatedBootLoader({ path: join(root, 'boot.json'), slots: ['A', 'B'] }).boot();

interface Course {
  readonly what: string;
  /** The release that the device has before; it comes from the factory with slot A and the file alone. */
  readonly start: 'factory' | '1.0';
  readonly repository: string;
  /** Whether the slots change. */
  readonly started: boolean;
  /** Whether the new release works. */
  readonly healthy: boolean;
}

const outboxIn = (root: string) => openOutbox(join(root, 'state', 'outbox'));

function open(root: string, { repository, healthy }: Course): Desk {
  const desk: Desk = openDesk(root, {
    repositories: [repository],
    outbox: outboxIn(root),
    hooks: {
      health() {
        if (!healthy && desk.app() === '2.0') throw new Error('the new system does not work');
      },
    },
  });
  return desk;
}

const isEnd = ({ outcome, notBefore }: UpdateResult): boolean =>
  outcome === 'updated' || outcome === 'upToDate' || (outcome === 'waiting' && notBefore === undefined);

/** Runs until there is nothing more to do; `look` sees the device after each run. */
async function runToEnd(desk: Desk, look: (result: UpdateResult) => Promise<void>): Promise<UpdateResult> {
  for (let runs = 0; runs < MOST_RUNS; runs++) {
    const result = await temporaryBelow(desk.root, () => desk.run());
    await look(result);
    if (isEnd(result)) return result;
    // Whatever it waits for, the time comes.
    if (result.notBefore !== undefined) desk.clock.now = result.notBefore.getTime();
  }
  throw new Error(`no end after ${MOST_RUNS} runs`);
}

function scenario(course: Course, oldRepository: string): Scenario {
  const { start, started, healthy } = course;
  const [before, after] = [start === 'factory' ? 0 : 1, healthy ? 2 : start === 'factory' ? 0 : 1];
  const isWhole = (bytes: Buffer | undefined): boolean =>
    bytes !== undefined && (bytes.equals(OLD.rootfs) || bytes.equals(NEW.rootfs));
  /** Whatever is going on, it starts, and the Floor is not ahead of what starts. */
  const mustStart = async (root: string, when: string): Promise<void> => {
    const desk = open(root, course);
    const { primary } = await desk.loader.read();
    const bytes = slotIn(root, primary);
    mustHold(isWhole(bytes), `${when} the slot ${primary} would start, whose image is not complete`);
    const floor = await desk.floor();
    mustHold(floor >= before && floor <= after, `${when} the Floor is ${floor}`);
    const isNew = started ? bytes?.equals(NEW.rootfs) === true : desk.app() === '2.0';
    mustHold(floor < 2 || isNew, `${when} the Floor is that of a release that would not start`);
  };
  return {
    what: course.what,
    async prepare(root) {
      const desk = open(root, { ...course, repository: oldRepository, healthy: true });
      mkdirSync(join(root, 'tmp'));
      writeFileSync(join(root, 'slots', 'A'), OLD.rootfs);
      writeFileSync(join(root, 'etc', 'motor.bin'), OLD.motor);
      if (start === '1.0') await runToEnd(desk, async () => {});
      else await desk.loader.boot();
    },
    async work(root, promise) {
      await runToEnd(open(root, course), async ({ outcome }) => {
        if (outcome === 'updated' || outcome === 'rolledBack') promise(1);
      });
    },
    async recover(root, promised) {
      await mustStart(root, 'after the cut');
      const first = await powerOn(root);
      if (promised.length > 0 && started) {
        const expected = healthy ? NEW.rootfs : OLD.rootfs;
        mustHold(slotIn(root, first)?.equals(expected) === true, 'what was told is not what starts');
      }
      const desk = open(root, course);
      await runToEnd(desk, () => mustStart(root, 'while it goes on'));
      await mustBeDone(root, desk, course);
      await mustBeTold(root, desk);
    },
  };
}

/** What became of the last update is told, once; nothing is told twice. */
async function mustBeTold(root: string, desk: Desk): Promise<void> {
  const { lastUpdate } = await desk.state();
  const kept = await outboxIn(root).first({ events: 1000, bytes: 1_000_000 });
  const events = kept.map(({ text }) => JSON.parse(text) as DeviceEvent);
  const ids = events.map(({ id }) => id);
  mustHold(new Set(ids).size === ids.length, 'an event is told twice');
  const kinds = events.filter(({ update }) => update === lastUpdate?.id).map(({ kind }) => kind);
  const outcome = { installed: 'healthy', failed: 'failed', rolledBack: 'rolledBack' } as const;
  const expected = lastUpdate && outcome[lastUpdate.outcome];
  const isTold = expected === undefined || (kinds.includes('started') && kinds.includes(expected));
  mustHold(isTold, `${lastUpdate?.outcome}, and only ${kinds.join(', ')} are told`);
}

/** Everything is that of one release, and nothing is left over. */
async function mustBeDone(root: string, desk: Desk, { start, healthy, started }: Course): Promise<void> {
  const images = healthy ? NEW : OLD;
  const version = healthy ? '2.0' : start === 'factory' ? undefined : '1.0';
  const { update, installed, damaged } = await desk.state();
  mustHold(update === undefined, `an update is still in ${update?.phase}`);
  mustHold(installed?.version === version, `${installed?.version} is installed, expected ${version}`);
  mustHold((damaged ?? []).length === 0, `${damaged?.join(', ')} could not be rolled back`);
  const { primary } = await desk.loader.read();
  const running = (await desk.loader.booted()) as SlotName;
  mustHold(running === primary, `${running} runs, and ${primary} would start`);
  const rootfs = started ? images.rootfs : OLD.rootfs;
  mustHold(desk.slot(running).equals(rootfs), `the slot ${running} holds another release`);
  mustHold(desk.motor()?.equals(images.motor) === true, 'the file is that of another release');
  mustHold(desk.app() === version, `the application is ${desk.app()}, expected ${version}`);
  const floor = await desk.floor();
  const expected = healthy ? 2 : start === 'factory' ? 0 : 1;
  mustHold(floor === expected, `the Floor is ${floor}, expected ${expected}`);
  const left = ['slots', 'etc'].flatMap((name) => readdirSync(join(root, name))).sort();
  // Of a fetch that had ended names may come back; the next fetch clears them away.
  const ofFetch = (name: string): boolean => /\.silt-(lock|part)$/.test(name) || isTemporaryName(name);
  const names = left.filter((name) => !ofFetch(name)).join(', ');
  mustHold(names === 'A, B, motor.bin', `expected A, B, motor.bin to be left, found ${names}`);
}

export function updateScenarios({ old, next, beside }: UpdateRepositories): Scenario[] {
  const courses: readonly Course[] = [
    { what: 'update of two slots', start: '1.0', repository: next, started: true, healthy: true },
    { what: 'update, never healthy', start: '1.0', repository: next, started: true, healthy: false },
    { what: 'first update of a device', start: 'factory', repository: next, started: true, healthy: true },
    {
      what: 'first update, never healthy',
      start: 'factory',
      repository: next,
      started: true,
      healthy: false,
    },
    { what: 'update without a restart', start: '1.0', repository: beside, started: false, healthy: true },
    {
      what: 'update without a restart, never healthy',
      start: '1.0',
      repository: beside,
      started: false,
      healthy: false,
    },
  ];
  return courses.map((course) => scenario(course, old));
}
