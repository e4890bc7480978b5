import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import { openImage } from '../../src/fetcher/open-image.ts';
import type { WindowEntry } from '../../src/format/index-head.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { addsUp } from '../support/adds-up.ts';
import { holdsImage } from '../support/holds-image.ts';
import { newImage, oldImage } from '../support/release-images.ts';
import { fetchFrom, PRODUCT, publishReleases, sharedDirectory } from '../support/release-repository.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** What a fetch that was killed, or whose power was cut, may leave; and that the next one makes good of it. */
const test = anyTest as TestFn<{
  repository: string;
  windows: readonly WindowEntry[];
  remove: () => Promise<void>;
}>;
type Test = ExecutionContext<{ repository: string; windows: readonly WindowEntry[] }>;

test.before(async (t) => {
  const { path, remove } = await sharedDirectory();
  const repository = await publishReleases(path, { old: oldImage, new: newImage });
  const store = await openDirectoryStore(repository);
  const selector = { product: PRODUCT, selector: { latest: true } } as const;
  const { head } = await openImage(store, openReleases(store), selector);
  t.context = { repository, windows: head.windows, remove };
});
test.after.always((t) => t.context.remove());

/** Fetches with `left` as what an earlier fetch left under construction. */
async function resume(t: Test, left: Uint8Array, what: string): Promise<FetchReport> {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  await mkdir(`${output}.silt-part`);
  await writeFile(join(`${output}.silt-part`, 'image'), left);
  const report = await fetchFrom(t.context.repository, { output });
  await holdsImage(t, output, newImage, what);
  t.deepEqual(await readdir(directory), ['image'], what);
  t.false(report.upToDate, what);
  t.true(addsUp(report), what);
  t.is(report.windows.repaired, 0, what);
  t.is(report.windows.kept, rightWindows(t, left), what);
  return report;
}

function rightWindows(t: Test, left: Uint8Array): number {
  const right = t.context.windows.filter(({ offset, length }) => {
    const found = left.subarray(offset, offset + length);
    return Buffer.compare(found, newImage.subarray(offset, offset + length)) === 0;
  });
  return right.length;
}

test('every window that was complete is kept, wherever the writing ended', async (t) => {
  const random = seededRandom(1);
  const ends = t.context.windows.flatMap(({ offset, length }) => [offset, offset + length - 1]);
  const somewhere = Array.from({ length: 6 }, () => Math.floor(random() * newImage.length));
  for (const end of [1, ...ends, ...somewhere, newImage.length]) {
    const report = await resume(t, newImage.subarray(0, end), `ended at ${end}`);
    // Whole frames are fetched, so somewhat more than what is missing.
    t.true(report.dataBytes < newImage.length - end + 1.1 * MiB, `${end}: ${report.dataBytes}`);
  }
});

test('a complete image that has not been given its name needs nothing', async (t) => {
  const report = await resume(t, newImage, 'complete');
  t.is(report.dataBytes, 0);
  t.is(report.bytesWritten, 0);
});

for (const [what, fill] of [
  ['zeros', Buffer.alloc(4 * KiB)],
  ['something else', Buffer.from(seededBytes('torn', 4 * KiB))],
] as const) {
  test(`a block that holds ${what} costs its window and no other`, async (t) => {
    const random = seededRandom(what.length);
    for (const { offset, length } of t.context.windows) {
      const left = Buffer.from(newImage);
      const at = offset + Math.floor((random() * (length - fill.length)) / (4 * KiB)) * 4 * KiB;
      fill.copy(left, at);
      const report = await resume(t, left, `${what} at ${at}`);
      t.true(report.windows.kept >= t.context.windows.length - 1);
      t.true(report.bytesWritten <= length);
    }
  });
}

test('blocks lost all over leave what is right between them', async (t) => {
  const random = seededRandom(3);
  for (let round = 0; round < 6; round++) {
    const left = Buffer.from(newImage.subarray(0, Math.ceil(newImage.length * random())));
    for (let k = 0; k < 3; k++) {
      const at = Math.floor(random() * left.length);
      left.fill(0, at, Math.min(left.length, at + 64 * KiB));
    }
    await resume(t, left, `round ${round}`);
  }
});

test('what was left of another release is a seed, and more than the image is cut off', async (t) => {
  // Its bytes lie further on than they will, so each is read before it is written over.
  const left = Buffer.concat([seededBytes('ahead', 500 * KiB), newImage, seededBytes('behind', MiB)]);
  const report = await resume(t, left, 'another release');
  t.true(report.dataBytes < 1.2 * MiB, `${report.dataBytes}`);
  await resume(t, Buffer.concat([oldImage, newImage]), 'the release before');
  await resume(t, seededBytes('nothing of it', 5 * MiB), 'nothing of it');
  await resume(t, Buffer.alloc(5 * MiB), 'zeros');
});

test('repeats of what is kept are not fetched again', async (t) => {
  // The first of the two equal stretches is there, and what comes between them, but not the second.
  const report = await resume(t, newImage.subarray(0, 2700 * KiB), 'one of two');
  t.true(report.bytesFromTarget + report.bytesFromSeeds > 100 * KiB);
});

test('a medium that does not keep what was written is found out, and the output stays', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  await writeFile(output, 'the image there was');
  const onProgress = ({ phase, bytesDone }: { phase: string; bytesDone: number }): void => {
    if (phase !== 'rebuild' || bytesDone < newImage.length) return;
    const fd = openSync(join(`${output}.silt-part`, 'image'), 'r+');
    writeSync(fd, Buffer.from('lost'), 0, 4, 1_000_000);
    closeSync(fd);
  };
  const error = await throwsSilt(
    t,
    () => fetchFrom(t.context.repository, { output, onProgress }),
    'DIGEST_MISMATCH',
  );
  t.regex(error.message, /the medium is failing/);
  await holdsImage(t, output, Buffer.from('the image there was'));
  const report = await fetchFrom(t.context.repository, { output });
  await holdsImage(t, output, newImage);
  t.is(report.windows.total - report.windows.kept, 1);
});

test('the place of a file under construction may be empty, or hold what silt left beside it', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  await mkdir(`${output}.silt-part`);
  for (const name of ['spool', 'installed', 'installed.new', 'image']) {
    await writeFile(join(`${output}.silt-part`, name), name === 'image' ? '' : 'litter');
  }
  await fetchFrom(t.context.repository, { output });
  await holdsImage(t, output, newImage);
  t.deepEqual(await readdir(directory), ['image']);
});
