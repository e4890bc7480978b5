import { link, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { savedIndexPath } from '../../src/fetcher/seeds.ts';
import { addsUp } from '../support/adds-up.ts';
import { holdsImage } from '../support/holds-image.ts';
import { NEW_DATA, newImage, oldImage } from '../support/release-images.ts';
import { fetchFrom, publishReleases, serveRepository } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { alterUnnoticed, writeIndexedSeed } from '../support/saved-index.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const test = repositoryTest({ old: oldImage, new: newImage });

/** A frame holds 1 MiB and is fetched whole, so one spoilt chunk costs that. */
const FRAME = 1.1 * MiB;

test('a seed altered behind the back of its index is found out, and only what it spoilt is fetched', async (t) => {
  const directory = await temporaryDirectory(t);
  const stateDirectory = join(directory, 'state');
  const seed = join(directory, 'seed');
  const output = join(directory, 'image');
  await writeIndexedSeed(seed, oldImage, stateDirectory);
  const random = seededRandom(11);
  for (let round = 0; round < 10; round++) {
    const altered = Buffer.from(oldImage);
    // In the first frame, of whose bytes none are there twice.
    const at = Math.floor(random() * 900 * KiB);
    altered.set(seededBytes(`altered ${round}`, 1 + Math.floor(random() * 40_000)), at);
    await alterUnnoticed(seed, altered);
    const report = await fetchFrom(t.context.repository, {
      output: `${output} ${round}`,
      seeds: [seed],
      stateDirectory,
    });
    await holdsImage(t, `${output} ${round}`, newImage, `altered at ${at}`);
    t.true(report.windows.repaired >= 1 && report.windows.repaired <= 2, `${report.windows.repaired}`);
    t.true(report.dataBytes < NEW_DATA + FRAME, `${report.dataBytes}`);
    // Of what was fetched, only what was spoilt is used.
    t.true(report.bytesFromPacks < NEW_DATA + 120 * KiB, `${report.bytesFromPacks}`);
    t.true(addsUp(report));
  }
});

test('a seed of which nothing is left as its index says gives a first install', async (t) => {
  const directory = await temporaryDirectory(t);
  const stateDirectory = join(directory, 'state');
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeIndexedSeed(seed, oldImage, stateDirectory);
  await alterUnnoticed(seed, seededBytes('nothing of it', oldImage.length));
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const report = await fetch({ output, seeds: [seed], stateDirectory });
  await holdsImage(t, output, newImage);
  t.true(report.windows.repaired >= 4);
  t.true(addsUp(report));
  t.deepEqual(proxy.count(), { requests: report.requests, bytes: report.bytesFetched });
  // Each frame once, however many windows it repairs in a row.
  t.true(report.dataBytes < 1.5 * newImage.length, `${report.dataBytes}`);
});

test('a seed that has lost its end is of use as far as it goes', async (t) => {
  const directory = await temporaryDirectory(t);
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeFile(seed, oldImage.subarray(0, 2300 * KiB));
  const report = await fetchFrom(t.context.repository, { output, seeds: [seed] });
  await holdsImage(t, output, newImage);
  t.is(report.windows.repaired, 0);
  t.true(report.bytesFromSeeds > 1200 * KiB, `${report.bytesFromSeeds}`);
  t.true(addsUp(report));
});

test('a saved index that is damaged anywhere costs time and nothing else', async (t) => {
  const directory = await temporaryDirectory(t);
  const stateDirectory = join(directory, 'state');
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeIndexedSeed(seed, oldImage, stateDirectory);
  const index = await readFile(savedIndexPath(stateDirectory, seed));
  const random = seededRandom(5);
  const damages: Buffer[] = [Buffer.alloc(0), index.subarray(0, 9), Buffer.alloc(index.length)];
  for (let round = 0; round < 16; round++) {
    const at = Math.floor(random() * index.length);
    const flipped = Buffer.from(index);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    const zeroed = Buffer.from(index).fill(0, at, Math.min(at + 4096, index.length));
    damages.push(flipped, zeroed, index.subarray(0, at), Buffer.concat([index, index.subarray(at)]));
  }
  for (const [round, damaged] of damages.entries()) {
    await writeFile(savedIndexPath(stateDirectory, seed), damaged);
    const options = { output: `${output} ${round}`, seeds: [seed], stateDirectory };
    if (round % 16 !== 0) {
      await t.notThrowsAsync(fetchFrom(t.context.repository, { ...options, dryRun: true }));
      continue;
    }
    const report = await fetchFrom(t.context.repository, options);
    await holdsImage(t, `${output} ${round}`, newImage);
    t.true(addsUp(report));
  }
});

test('a saved index of another chunker is made again', async (t) => {
  const directory = await temporaryDirectory(t);
  const stateDirectory = join(directory, 'state');
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeIndexedSeed(seed, oldImage, stateDirectory);
  const other = await publishReleases(directory, { new: newImage }, 4 * KiB);
  const report = await fetchFrom(other, { output, seeds: [seed], stateDirectory });
  await holdsImage(t, output, newImage);
  t.true(report.bytesFromSeeds > 2 * MiB, `${report.bytesFromSeeds}`);
  t.is(report.windows.repaired, 0);
});

for (const [what, make] of [
  ['missing', async () => {}],
  ['a directory', async (path: string) => void (await mkdir(path))],
  ['a link to nothing', (path: string) => symlink('nowhere', path)],
] as const) {
  test(`a seed that is ${what} is refused before anything is asked of the network`, async (t) => {
    const directory = await temporaryDirectory(t);
    const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
    await make(seed);
    const { proxy, fetch } = await serveRepository(t, t.context.repository);
    const error = await throwsSilt(t, () => fetch({ output, seeds: [seed] }), 'SEED_INVALID');
    t.true(error.message.includes(seed));
    t.is(proxy.log.length, 0);
    t.false((await readdir(directory)).includes('image'));
  });
}

test('the target named as a seed is refused, under any name', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  await writeFile(output, oldImage);
  await symlink('image', join(directory, 'symbolic'));
  await link(output, join(directory, 'hard'));
  for (const name of ['image', 'symbolic', 'hard']) {
    const seeds = [join(directory, name)];
    const action = () => fetchFrom(t.context.repository, { output, inPlace: true, seeds });
    const error = await throwsSilt(t, action, 'USAGE');
    t.regex(error.message, /the target is a seed by itself/);
  }
  await holdsImage(t, output, oldImage);
  await mkdir(`${output}.silt-part`);
  const part = join(`${output}.silt-part`, 'image');
  await writeFile(part, newImage);
  await throwsSilt(t, () => fetchFrom(t.context.repository, { output, seeds: [part] }), 'USAGE');
});
