import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { holdsImage } from '../support/holds-image.ts';
import { newImage, OLD_DATA, oldImage } from '../support/release-images.ts';
import { fetchFrom } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const DATA = OLD_DATA + 300 * KiB;

const test = repositoryTest({ old: oldImage, new: newImage });

const OLD = { selector: { version: 'old' } } as const;

test('what cannot fit is refused before any data is fetched', async (t) => {
  const disk = await smallDisk(t, 2 * MiB);
  if (disk === undefined) return;
  const output = join(disk, 'image');
  await writeFile(output, 'the image there was');
  const fetched: number[] = [];
  const onProgress = ({ bytesFetched }: { bytesFetched: number }) => void fetched.push(bytesFetched);
  const action = () => fetchFrom(t.context.repository, { ...OLD, output, onProgress });
  const error = await throwsSilt(t, action, 'NO_SPACE');
  t.regex(error.message, /needed/);
  t.true(Math.max(...fetched) < 64 * KiB);
  await holdsImage(t, output, Buffer.from('the image there was'));
  // The same for a second time: what the first one left does not stand in the way.
  await throwsSilt(t, action, 'NO_SPACE');
});

test('a disk that fills up on the way is told, the output stays, and the next fetch goes on', async (t) => {
  const disk = await smallDisk(t, DATA + 200 * KiB);
  if (disk === undefined) return;
  const output = join(disk, 'image');
  await writeFile(output, 'the image there was');
  let bytesKept = 0;
  const onProgress = ({ phase, bytesDone }: { phase: string; bytesDone: number }): void => {
    // Somebody else writes as well.
    if (phase !== 'rebuild' || bytesKept > 0) return;
    bytesKept = bytesDone;
    execFileSync('sh', ['-c', `head -c ${MiB} /dev/urandom > ${join(disk, 'other')}`]);
  };
  await throwsSilt(t, () => fetchFrom(t.context.repository, { ...OLD, output, onProgress }), 'NO_SPACE');
  await holdsImage(t, output, Buffer.from('the image there was'));
  // What is written over needs no space of its own; there is still too little for the rest.
  await throwsSilt(t, () => fetchFrom(t.context.repository, { ...OLD, output }), 'NO_SPACE');
  await rm(join(disk, 'other'));
  const report = await fetchFrom(t.context.repository, { ...OLD, output });
  await holdsImage(t, output, oldImage);
  t.true(report.bytesKept >= bytesKept && bytesKept > 0);
  t.deepEqual(await readdir(disk), ['image']);
});

test('an interrupted fetch needs room only for what is missing', async (t) => {
  const disk = await smallDisk(t, DATA + 200 * KiB);
  if (disk === undefined) return;
  const output = join(disk, 'image');
  const stop = new AbortController();
  const onProgress = ({ phase, bytesDone }: { phase: string; bytesDone: number }): void => {
    if (phase === 'rebuild' && bytesDone > 2.5 * MiB) stop.abort(new Error('stopped'));
  };
  const stopped = fetchFrom(t.context.repository, { ...OLD, output, onProgress, signal: stop.signal });
  await t.throwsAsync(stopped, { message: 'stopped' });
  await fetchFrom(t.context.repository, { ...OLD, output });
  await holdsImage(t, output, oldImage);
});

test('what was left of another release is written over, and needs no more room', async (t) => {
  const disk = await smallDisk(t, oldImage.length + 200 * KiB);
  if (disk === undefined) return;
  const output = join(disk, 'image');
  const left = join(`${output}.silt-part`, 'image');
  await mkdir(`${output}.silt-part`);
  await writeFile(left, seededBytes('another release', oldImage.length));
  await fetchFrom(t.context.repository, { ...OLD, output });
  await holdsImage(t, output, oldImage);
  // As long, but nothing is there: a hole is no room.
  await rm(output);
  await mkdir(`${output}.silt-part`);
  await writeFile(left, '');
  await truncate(left, oldImage.length);
  await writeFile(join(disk, 'other'), Buffer.alloc(MiB, 1));
  await throwsSilt(t, () => fetchFrom(t.context.repository, { ...OLD, output }), 'NO_SPACE');
  t.is((await stat(left)).blocks, 0, 'refused before anything was written');
});

test('a saved index that does not fit costs the next update time, and this one nothing', async (t) => {
  const disk = await smallDisk(t, 16 * KiB);
  if (disk === undefined) return;
  await writeFile(join(disk, 'filler'), Buffer.alloc(12 * KiB, 1));
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const stateDirectory = join(disk, 'state');
  await fetchFrom(t.context.repository, { output, stateDirectory });
  await holdsImage(t, output, newImage);
  const report = await fetchFrom(t.context.repository, {
    ...OLD,
    output: `${output} 2`,
    seeds: [output],
    stateDirectory,
  });
  t.true(report.bytesFromSeeds > MiB);
  await holdsImage(t, `${output} 2`, oldImage);
});
