/**
 * `silt fetch`: a file is the old image or the new one, complete; a slot that is written in place is made the
 * new one by the next run; and nothing else is touched.
 *
 * @module
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB } from '../../../src/core/sizes.ts';
import type { FetchReport } from '../../../src/fetcher/fetch-report.ts';
import { edited, publishDeltas } from '../publish-deltas.ts';
import { type FetchRequest, fetchFrom, publishReleases } from '../release-repository.ts';
import { asMaster, makeDevices, master } from '../sealed-release.ts';
import { seededBytes } from '../seeded-bytes.ts';
import type { Scenario } from './enumerate.ts';
import { bytesAt, mustHold, mustHoldNames } from './must-hold.ts';
import { temporaryBelow } from './temporary-below.ts';

const common = seededBytes('crash states: common', 300 * KiB);
const repeated = seededBytes('crash states: repeated', 60 * KiB);

const old = image('old', 0);
/**
 * Three releases, each unlike the one before at the front, in the middle and at the end; and the first with small
 * changes all over, as a delta is made for.
 */
export const images: Readonly<Record<'old' | 'new' | 'next' | 'touched', Buffer>> = {
  old,
  new: image('new', 20),
  next: image('next', 5),
  touched: edited(old, 3, 300, 0, old.length),
};

function image(name: string, moved: number): Buffer {
  return Buffer.concat([
    seededBytes(`crash states: ${name} front`, (30 + moved) * KiB),
    common.subarray(0, 200 * KiB),
    Buffer.alloc(90 * KiB),
    repeated,
    seededBytes(`crash states: ${name} middle`, 40 * KiB + 100),
    common.subarray(200 * KiB),
    repeated,
    seededBytes(`crash states: ${name} end`, 1 * KiB + moved),
  ]);
}

/** Publishes the releases: three as they are, one with a delta, and one that is sealed. @returns `directory` */
export async function publishCrashReleases(directory: string): Promise<string> {
  const into = async (name: string): Promise<string> => {
    const made = join(directory, name);
    await mkdir(made);
    return made;
  };
  const { touched, ...plain } = images;
  await publishReleases(await into('plain'), plain);
  await publishDeltas(await into('deltas'), { old, touched });
  const { device } = await makeDevices('device');
  const sealing = { master, recipients: [device.certificate] };
  await publishDeltas(await into('sealed'), { old, new: images.new }, { sealing, bases: undefined });
  return directory;
}

const NEIGHBOUR = Buffer.from('somebody else wrote this');

/** A directory of images, with a file of somebody else's in it, and places for state and scratch. */
async function makePlaces(root: string, output: Uint8Array | undefined): Promise<void> {
  for (const name of ['images', 'state', 'tmp']) await mkdir(join(root, name));
  await writeFile(join(root, 'images', 'neighbour'), NEIGHBOUR);
  if (output !== undefined) await writeFile(join(root, 'images', 'rootfs'), output);
}

const outputIn = (root: string): string => join(root, 'images', 'rootfs');

type Version = keyof typeof images;

/** Fetches with the scratch directory below the root as well. */
async function fetchVersion(
  repository: string,
  root: string,
  version: Version,
  more: Partial<FetchRequest> = {},
): Promise<FetchReport> {
  const options = { output: outputIn(root), stateDirectory: join(root, 'state') };
  const request = { ...options, selector: { version }, contentKey: asMaster, ...more };
  return await temporaryBelow(root, () => fetchFrom(repository, request));
}

function mustBe(root: string, versions: readonly (Version | 'missing')[], when: string): void {
  const found = bytesAt(outputIn(root));
  const right = versions.some((version) =>
    version === 'missing' ? found === undefined : found?.equals(images[version]) === true,
  );
  mustHold(
    right,
    `${when} the output has ${found?.length ?? 'no'} bytes, which are not ${versions.join(' or ')}`,
  );
}

/** What must be so when all is done: the image, the neighbour, one saved index, and nothing else. */
async function mustBeDone(root: string, version: Version): Promise<void> {
  mustBe(root, [version], 'after recovery');
  const neighbour = await readFile(join(root, 'images', 'neighbour'));
  mustHold(neighbour.equals(NEIGHBOUR), 'a file of somebody else was written to');
  mustHoldNames(join(root, 'images'), ['neighbour', 'rootfs']);
  mustHoldNames(join(root, 'tmp'), []);
  const names = await readdir(join(root, 'state'));
  const known = names.length <= 2 && names.every((name) => SAVED.test(name));
  mustHold(known, `the state directory holds ${names.join(', ')}`);
}

/** A seed index, and one that was never given its name: the next fetch writes over it. */
const SAVED = /^[0-9a-f]{32}\.(seed-index|new)$/;

interface Fetch {
  readonly what: string;
  /** Path of the repository. */
  readonly from: string;
  readonly start: Version | undefined;
  /** Default: `new`. */
  readonly wanted?: Version;
  /** The release that is fetched after the cut; default: the one that is wanted. */
  readonly next?: Version;
  /** What must be so of the fetch that nothing interrupts, or it is not what it is called. */
  readonly isMeant?: (report: FetchReport) => boolean;
}

function intoFile({ what, from, start, wanted = 'new', next = wanted, isMeant }: Fetch): Scenario {
  return {
    what,
    prepare: (root) => makePlaces(root, start && images[start]),
    async work(root, promise) {
      const report = await fetchVersion(from, root, wanted);
      mustHold(isMeant?.(report) ?? true, `${what}: it went another way`);
      promise(1);
    },
    async again(root, promise) {
      await fetchVersion(from, root, wanted);
      promise(1);
    },
    async recover(root, promised) {
      const before = start ?? 'missing';
      const possible: (Version | 'missing')[] = promised.length > 0 ? [wanted] : [before, wanted];
      mustBe(root, possible, 'after the cut');
      await fetchVersion(from, root, next, {
        // All windows are written by then, and the image has not been given its name.
        onProgress({ phase }) {
          if (phase === 'verify') mustBe(root, possible, 'while the next fetch runs');
        },
      });
      await mustBeDone(root, next);
    },
  };
}

/** With a `seed`, the way of a device with two slots: an image that lies elsewhere and stays as it is. */
function inPlace({
  what,
  from,
  start,
  seed,
  wanted = 'new',
  isMeant,
}: Omit<Fetch, 'start' | 'next'> & { readonly start: Uint8Array; readonly seed?: Uint8Array }): Scenario {
  const requestIn = (root: string): Partial<FetchRequest> => ({
    inPlace: true,
    ...(seed && { seeds: [join(root, 'seed')] }),
  });
  return {
    what,
    async prepare(root) {
      await makePlaces(root, start);
      if (seed !== undefined) await writeFile(join(root, 'seed'), seed);
    },
    async work(root, promise) {
      const report = await fetchVersion(from, root, wanted, requestIn(root));
      mustHold(isMeant?.(report) ?? true, `${what}: it went another way`);
      promise(1);
    },
    async again(root, promise) {
      await fetchVersion(from, root, wanted, requestIn(root));
      promise(1);
    },
    async recover(root, promised) {
      if (promised.length > 0) mustBe(root, [wanted], 'after the cut');
      await fetchVersion(from, root, wanted, requestIn(root));
      await mustBeDone(root, wanted);
    },
  };
}

const goesByDelta = ({ windows, bytesFromDelta }: FetchReport): boolean =>
  windows.delta > 0 && bytesFromDelta > 0;

/** @param directory where {@link publishCrashReleases} has published */
export function fetchScenarios(directory: string): Scenario[] {
  const [plain, deltas, sealed] = ['plain', 'deltas', 'sealed'].map((name) =>
    join(directory, name, 'repository'),
  ) as [string, string, string];
  const other = seededBytes('crash states: other', 1000 * KiB);
  const byDelta = { from: deltas, wanted: 'touched', isMeant: goesByDelta } as const;
  return [
    intoFile({ what: 'fetch into a file: first install', from: plain, start: undefined }),
    intoFile({ what: 'fetch into a file: update', from: plain, start: 'old' }),
    intoFile({
      what: 'fetch into a file: update, then another release',
      from: plain,
      start: 'old',
      next: 'next',
    }),
    intoFile({ what: 'fetch into a file: update by a delta', start: 'old', ...byDelta }),
    intoFile({ what: 'fetch into a file: update to a sealed release', from: sealed, start: 'old' }),
    inPlace({ what: 'fetch in place: update', from: plain, start: images.old }),
    inPlace({ what: 'fetch in place: by a delta from another slot', start: other, seed: old, ...byDelta }),
    inPlace({ what: 'fetch in place: update to a sealed release', from: sealed, start: images.old }),
    inPlace({ what: 'fetch in place: over something else', from: plain, start: other }),
  ];
}
