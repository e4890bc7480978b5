import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB } from '../../src/core/sizes.ts';
import { openImage } from '../../src/fetcher/open-image.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { addsUp } from '../support/adds-up.ts';
import { holdsImage } from '../support/holds-image.ts';
import { NEW_DATA, newImage, OLD_DATA, oldImage } from '../support/release-images.ts';
import { fetchFrom, PRODUCT, publishReleases, serveRepository } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { alterUnnoticed, writeIndexedSeed } from '../support/saved-index.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const OLD = { selector: { version: 'old' } } as const;

const test = repositoryTest({
  old: oldImage,
  empty: Buffer.alloc(0),
  zeros: Buffer.alloc(900 * KiB),
  new: newImage,
});

test('a first install fetches each byte once; zeros and repeats cost nothing', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const report = await fetchFrom(t.context.repository, { ...OLD, output });
  await holdsImage(t, output, oldImage);
  t.true(report.dataBytes >= OLD_DATA && report.dataBytes < OLD_DATA + 64 * KiB, `${report.dataBytes}`);
  t.true(report.bytesFromTarget > 250 * KiB);
  t.true(report.bytesZero > 500 * KiB);
  t.is(report.windows.repaired, 0);
  t.false(report.upToDate);
  t.true(addsUp(report));
  t.deepEqual(await readdir(directory), ['image']);
});

test('zeros take no space on disk', async (t) => {
  const output = join(await temporaryDirectory(t), 'image');
  await fetchFrom(t.context.repository, { ...OLD, output });
  t.true((await stat(output)).blocks * 512 < oldImage.length - 400 * KiB);
});

test('what is counted over HTTP is what the server sent', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const report = await fetch({ ...OLD, output });
  await holdsImage(t, output, oldImage);
  t.deepEqual(proxy.count(), { requests: report.requests, bytes: report.bytesFetched });
  t.is(proxy.count(/packs/).bytes, report.dataBytes);
  t.is(proxy.count(/indexes/).bytes, report.indexBytes);
});

test('an update fetches what is new, from a seed with and without its saved index', async (t) => {
  const directory = await temporaryDirectory(t);
  const seed = join(directory, 'old');
  const stateDirectory = join(directory, 'state');
  const { repository } = t.context;
  await fetchFrom(repository, { ...OLD, output: seed, stateDirectory });
  const phases = new Set<string>();
  const onProgress = ({ phase }: { phase: string }) => void phases.add(phase);
  const saved = await fetchFrom(repository, {
    output: join(directory, 'a'),
    seeds: [seed],
    stateDirectory,
    onProgress,
  });
  t.false(phases.has('seeds'), 'the seed was cut, although its index was saved');
  const scanned = await fetchFrom(repository, { output: join(directory, 'b'), seeds: [seed], onProgress });
  t.true(phases.has('seeds'));
  for (const [name, report] of Object.entries({ a: saved, b: scanned })) {
    await holdsImage(t, join(directory, name), newImage);
    t.true(report.dataBytes >= NEW_DATA && report.dataBytes < NEW_DATA + 256 * KiB, `${report.dataBytes}`);
    t.is(report.windows.repaired, 0);
    t.true(report.windows.copied > 0);
    t.true(addsUp(report));
  }
  t.is(saved.bytesFetched, scanned.bytesFetched);
  t.is(saved.requests, scanned.requests);
});

test('a file at the output is a seed by itself, and is replaced', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  await writeFile(output, oldImage, { mode: 0o640 });
  const report = await fetchFrom(t.context.repository, { output });
  await holdsImage(t, output, newImage);
  t.true(report.dataBytes < NEW_DATA + 256 * KiB, `${report.dataBytes}`);
  t.true(addsUp(report));
  t.is((await stat(output)).mode & 0o777, 0o640);
  t.deepEqual(await readdir(directory), ['image']);
});

test('a file at the output may be named as a seed as well', async (t) => {
  const output = join(await temporaryDirectory(t), 'image');
  await writeFile(output, oldImage);
  const report = await fetchFrom(t.context.repository, { output, seeds: [output, output] });
  await holdsImage(t, output, newImage);
  t.true(report.dataBytes < NEW_DATA + 256 * KiB, `${report.dataBytes}`);
});

for (const named of [false, true]) {
  test(`an output that is the image is left alone${named ? ', even when named as a seed' : ''}`, async (t) => {
    const directory = await temporaryDirectory(t);
    const output = join(directory, 'image');
    await writeFile(output, newImage);
    // What an earlier fetch, of another release, left.
    await mkdir(`${output}.silt-part`);
    await writeFile(join(`${output}.silt-part`, 'image'), oldImage.subarray(0, 1000));
    const before = await stat(output, { bigint: true });
    const report = await fetchFrom(t.context.repository, { output, seeds: named ? [output] : [] });
    const after = await stat(output, { bigint: true });
    t.true(report.upToDate);
    t.is(report.dataBytes, 0);
    t.is(report.bytesWritten, 0);
    t.is(report.bytesKept, newImage.length);
    t.is(report.requests, 3);
    t.is(after.ino, before.ino);
    t.is(after.mtimeNs, before.mtimeNs);
    t.deepEqual(await readdir(directory), ['image']);
  });
}

test('a saved index that lies does not make a damaged output right', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const stateDirectory = join(directory, 'state');
  await writeIndexedSeed(output, newImage, stateDirectory);
  const damaged = Buffer.from(newImage);
  damaged.fill(1, 1_700_000, 1_700_100);
  await alterUnnoticed(output, damaged);
  const report = await fetchFrom(t.context.repository, { output, stateDirectory });
  t.false(report.upToDate);
  await holdsImage(t, output, newImage);
  t.is(report.windows.repaired, 1);
  t.true(report.dataBytes < 1100 * KiB, `${report.dataBytes}`);
  t.true(addsUp(report));
});

test('an output that is longer than the image is replaced', async (t) => {
  const output = join(await temporaryDirectory(t), 'image');
  await writeFile(output, Buffer.concat([newImage, Buffer.from('x')]));
  const report = await fetchFrom(t.context.repository, { output });
  t.false(report.upToDate);
  t.true(report.dataBytes < NEW_DATA + 256 * KiB, `${report.dataBytes}`);
  await holdsImage(t, output, newImage);
});

test('an output that begins with the whole image, and goes on, is not the image', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const repository = await publishReleases(directory, { whole: newImage });
  const store = await openDirectoryStore(repository);
  const selector = { product: PRODUCT, selector: { latest: true } } as const;
  const { head } = await openImage(store, openReleases(store), selector);
  // At the end of a window, where the longer image goes on with the next.
  const shorter = newImage.subarray(0, head.windows[4]?.offset);
  await publishReleases(directory, { shorter });
  await writeFile(output, newImage);
  const report = await fetchFrom(repository, { output });
  t.false(report.upToDate);
  t.is(report.dataBytes, 0);
  await holdsImage(t, output, shorter);
});

test('images of nothing and of zeros are images', async (t) => {
  const directory = await temporaryDirectory(t);
  for (const [version, size] of [
    ['empty', 0],
    ['zeros', 900 * KiB],
  ] as const) {
    const output = join(directory, version);
    const selector = { version };
    const first = await fetchFrom(t.context.repository, { selector, output });
    t.false(first.upToDate);
    t.is(first.dataBytes, 0);
    await holdsImage(t, output, Buffer.alloc(size));
    const second = await fetchFrom(t.context.repository, { selector, output });
    t.true(second.upToDate);
  }
});

test('several seeds give what each of them has', async (t) => {
  const directory = await temporaryDirectory(t);
  const cuts = [0, 700 * KiB, 2400 * KiB, newImage.length];
  const seeds = [0, 1, 2].map((part) => join(directory, `seed ${part}`));
  for (const [part, seed] of seeds.entries()) {
    // Each holds the chunks on its edges as well.
    const [from = 0, to = 0] = cuts.slice(part, part + 2);
    const bytes = newImage.subarray(Math.max(0, from - 20_000), to + 20_000);
    await writeFile(seed, Buffer.concat([seededBytes('noise', part * 50_000), bytes]));
  }
  const output = join(directory, 'image');
  const report = await fetchFrom(t.context.repository, { output, seeds });
  await holdsImage(t, output, newImage);
  t.is(report.dataBytes, 0);
  t.true(addsUp(report));
});

test('a dry run writes nothing, and tells what the real one then takes', async (t) => {
  const directory = await temporaryDirectory(t);
  const seed = join(directory, 'seed');
  const output = join(directory, 'image');
  await writeFile(seed, oldImage);
  const dry = await fetchFrom(t.context.repository, { output, seeds: [seed], dryRun: true });
  t.true(dry.dryRun);
  t.deepEqual(await readdir(directory), ['seed']);
  const real = await fetchFrom(t.context.repository, { output, seeds: [seed] });
  t.false(real.dryRun);
  for (const name of ['bytesFetched', 'requests', 'metadataBytes', 'indexBytes', 'dataBytes'] as const) {
    t.is(dry[name], real[name], name);
  }
  const again = await fetchFrom(t.context.repository, { output, seeds: [seed], dryRun: true });
  t.true(again.upToDate);
  t.is(again.dataBytes, 0);
});
