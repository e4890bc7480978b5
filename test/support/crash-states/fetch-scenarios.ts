/**
 * `silt fetch`: a file is the old image or the new one, complete; a slot that is written in place is made the
 * new one by the next run; and nothing else is touched.
 *
 * @module
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB } from '../../../src/core/sizes.ts';
import { type FetchRequest, fetchFrom, publishReleases } from '../release-repository.ts';
import { seededBytes } from '../seeded-bytes.ts';
import type { Scenario } from './enumerate.ts';
import { bytesAt, mustHold, mustHoldNames } from './must-hold.ts';
import { temporaryBelow } from './temporary-below.ts';

const common = seededBytes('crash states: common', 300 * KiB);
const repeated = seededBytes('crash states: repeated', 60 * KiB);

/** Three releases, each unlike the one before at the front, in the middle and at the end. */
export const images: Readonly<Record<'old' | 'new' | 'next', Buffer>> = {
  old: image('old', 0),
  new: image('new', 20),
  next: image('next', 5),
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

/** Publishes the releases below `directory`. */
export async function publishCrashReleases(directory: string): Promise<string> {
  return await publishReleases(directory, images);
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
): Promise<void> {
  const options = { output: outputIn(root), stateDirectory: join(root, 'state') };
  await temporaryBelow(root, () => fetchFrom(repository, { ...options, selector: { version }, ...more }));
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

/** @param then the release that is fetched after the cut */
function intoFile(repository: string, what: string, start: Version | undefined, then: Version): Scenario {
  return {
    what,
    prepare: (root) => makePlaces(root, start && images[start]),
    async work(root, promise) {
      await fetchVersion(repository, root, 'new');
      promise(1);
    },
    async recover(root, promised) {
      const old = start ?? 'missing';
      const possible: (Version | 'missing')[] = promised.length > 0 ? ['new'] : [old, 'new'];
      mustBe(root, possible, 'after the cut');
      await fetchVersion(repository, root, then, {
        // All windows are written by then, and the image has not been given its name.
        onProgress({ phase }) {
          if (phase === 'verify') mustBe(root, possible, 'while the next fetch runs');
        },
      });
      await mustBeDone(root, then);
    },
  };
}

function inPlace(repository: string, what: string, start: Uint8Array): Scenario {
  return {
    what,
    prepare: (root) => makePlaces(root, start),
    async work(root, promise) {
      await fetchVersion(repository, root, 'new', { inPlace: true });
      promise(1);
    },
    async recover(root, promised) {
      if (promised.length > 0) mustBe(root, ['new'], 'after the cut');
      await fetchVersion(repository, root, 'new', { inPlace: true });
      await mustBeDone(root, 'new');
    },
  };
}

/** @param repository where {@link publishCrashReleases} has made it */
export function fetchScenarios(repository: string): Scenario[] {
  return [
    intoFile(repository, 'fetch into a file: first install', undefined, 'new'),
    intoFile(repository, 'fetch into a file: update', 'old', 'new'),
    intoFile(repository, 'fetch into a file: update, then another release', 'old', 'next'),
    inPlace(repository, 'fetch in place: update', images.old),
    inPlace(
      repository,
      'fetch in place: over something else',
      seededBytes('crash states: other', 1000 * KiB),
    ),
  ];
}
