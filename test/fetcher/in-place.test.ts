import { readdirSync } from 'node:fs';
import { mkdir, open, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '../../src/core/digest.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { addsUp } from '../support/adds-up.ts';
import { holdsImage } from '../support/holds-image.ts';
import { NEW_DATA, newImage, oldImage } from '../support/release-images.ts';
import { fetchFrom } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** The first image with two pieces changed, and everything else where it was. */
const patchedImage = Buffer.from(oldImage);
patchedImage.set(seededBytes('patch 1', 10 * KiB), 500 * KiB);
patchedImage.set(seededBytes('patch 2', 10 * KiB), 3000 * KiB);

const test = repositoryTest({
  old: oldImage,
  patched: patchedImage,
  short: oldImage.subarray(0, 1_500_000),
  new: newImage,
});

test('what is the same is not written again', async (t) => {
  const output = join(await temporaryDirectory(t), 'slot');
  await writeFile(output, oldImage);
  const { ino } = await stat(output);
  const selector = { version: 'patched' };
  const report = await fetchFrom(t.context.repository, { selector, output, inPlace: true });
  await holdsImage(t, output, patchedImage);
  t.is((await stat(output)).ino, ino);
  t.is(report.windows.total - report.windows.kept, 2);
  // Not even the rest of a window in which something has changed.
  t.true(report.bytesWritten >= 20 * KiB && report.bytesWritten <= 40 * KiB, `${report.bytesWritten}`);
  t.true(report.dataBytes < 64 * KiB, `${report.dataBytes}`);
  t.true(report.bytesFromSeeds > 0, 'the rest of a changed window is where it was');
  t.true(addsUp(report));
});

test('a target that is the image is read and not written', async (t) => {
  const output = join(await temporaryDirectory(t), 'slot');
  await writeFile(output, newImage);
  const report = await fetchFrom(t.context.repository, { output, inPlace: true });
  t.true(report.upToDate);
  t.is(report.bytesWritten, 0);
  t.is(report.dataBytes, 0);
  t.is(report.requests, 3);
  await holdsImage(t, output, newImage);
});

test('a target becomes longer, or shorter', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'slot');
  await writeFile(output, oldImage);
  const selector = { version: 'short' };
  const shorter = await fetchFrom(t.context.repository, { selector, output, inPlace: true });
  await holdsImage(t, output, oldImage.subarray(0, 1_500_000));
  t.true(addsUp(shorter));
  t.false(shorter.upToDate);
  const longer = await fetchFrom(t.context.repository, {
    selector: { version: 'old' },
    output,
    inPlace: true,
  });
  await holdsImage(t, output, oldImage);
  t.true(longer.bytesKept > 900 * KiB);
  t.true(addsUp(longer));
  // All is there, and more: that is not the image yet.
  await writeFile(output, Buffer.concat([oldImage.subarray(0, 1_500_000), Buffer.alloc(100)]));
  const cut = await fetchFrom(t.context.repository, { selector, output, inPlace: true });
  t.false(cut.upToDate);
  t.is(cut.bytesWritten, 0);
  await holdsImage(t, output, oldImage.subarray(0, 1_500_000));
  t.deepEqual(await readdir(directory), ['slot']);
});

test('bytes further on are moved to where they belong, and never read after they were written over', async (t) => {
  const output = join(await temporaryDirectory(t), 'slot');
  for (const [shift, most] of [
    // Ahead of where they go: every one of them can be read in time.
    [300 * KiB, NEW_DATA + 1.2 * MiB],
    // Behind: they are gone by the time.
    [-300 * KiB, 3.5 * MiB],
  ] as const) {
    const there =
      shift > 0 ? Buffer.concat([seededBytes('ahead', shift), newImage]) : newImage.subarray(-shift);
    await writeFile(output, there);
    const report = await fetchFrom(t.context.repository, { output, inPlace: true });
    await holdsImage(t, output, newImage, `shifted by ${shift}`);
    t.is(report.windows.repaired, 0, 'the plan knew what could be read');
    t.true(report.dataBytes < most, `${shift}: ${report.dataBytes}`);
    t.true(addsUp(report));
  }
});

test('another seed serves where the target does not', async (t) => {
  const directory = await temporaryDirectory(t);
  const [output, seed] = [join(directory, 'slot b'), join(directory, 'slot a')];
  await writeFile(seed, oldImage);
  await writeFile(output, seededBytes('something else', 5 * MiB));
  const report = await fetchFrom(t.context.repository, { output, inPlace: true, seeds: [seed] });
  await holdsImage(t, output, newImage);
  t.true(report.dataBytes < NEW_DATA + 256 * KiB, `${report.dataBytes}`);
  await holdsImage(t, seed, oldImage);
});

test('a dry run leaves the target as it is, and tells what the real one takes', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'slot');
  await writeFile(output, oldImage);
  const before = await stat(output, { bigint: true });
  const dry = await fetchFrom(t.context.repository, { output, inPlace: true, dryRun: true });
  const after = await stat(output, { bigint: true });
  t.is(after.mtimeNs, before.mtimeNs);
  t.deepEqual(await readdir(directory), ['slot']);
  await holdsImage(t, output, oldImage);
  const real = await fetchFrom(t.context.repository, { output, inPlace: true });
  t.is(dry.bytesFetched, real.bytesFetched);
  t.is(dry.requests, real.requests);
});

test('what a killed fetch left in the temporary directory is removed by the next', async (t) => {
  const output = join(await temporaryDirectory(t), 'slot');
  await writeFile(output, oldImage);
  const own = async (): Promise<string[]> => {
    const name = sha256Hex(Buffer.from(output)).slice(0, 16);
    return (await readdir(tmpdir())).filter((each) => each.startsWith('silt-fetch-') && each.includes(name));
  };
  const seen = new Set<string>();
  const onProgress = (): void => {
    for (const name of readdirSync(tmpdir())) if (name.startsWith('silt-fetch-')) seen.add(name);
  };
  await fetchFrom(t.context.repository, { output, inPlace: true, onProgress });
  t.deepEqual(await own(), []);
  const [scratch = ''] = [...seen].filter((name) =>
    name.includes(sha256Hex(Buffer.from(output)).slice(0, 16)),
  );
  await mkdir(join(tmpdir(), scratch));
  await writeFile(join(tmpdir(), scratch, 'litter'), 'x');
  await fetchFrom(t.context.repository, { output, inPlace: true, dryRun: true });
  t.deepEqual(await own(), [scratch], 'a dry run holds no lock, so it keeps its hands off');
  await fetchFrom(t.context.repository, { output, inPlace: true });
  t.deepEqual(await own(), []);
});

test('a target in place must exist', async (t) => {
  const output = join(await temporaryDirectory(t), 'slot');
  const action = () => fetchFrom(t.context.repository, { output, inPlace: true });
  await throwsSilt(t, action, 'TARGET_INVALID');
});

test('what a failure in place leaves is made good by the next fetch', async (t) => {
  const output = join(await temporaryDirectory(t), 'slot');
  await writeFile(output, oldImage);
  const stop = new AbortController();
  const onProgress = ({ phase, bytesDone }: { phase: string; bytesDone: number }): void => {
    if (phase === 'rebuild' && bytesDone > 2 * MiB) stop.abort(new Error('stopped'));
  };
  const options = { output, inPlace: true };
  const stopped = fetchFrom(t.context.repository, { ...options, onProgress, signal: stop.signal });
  await t.throwsAsync(stopped, { message: 'stopped' });
  const file = await open(output);
  t.true((await file.stat()).size >= oldImage.length);
  await file.close();
  const report = await fetchFrom(t.context.repository, options);
  await holdsImage(t, output, newImage);
  t.true(report.bytesKept > 1.5 * MiB);
});
