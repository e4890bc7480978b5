/**
 * `patch(old, diff(old, new)) = new`, through the real codec.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { sha256Hex } from '../../src/core/digest.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { applyDelta } from '../../src/differ/apply-delta.ts';
import { describeDelta } from '../../src/differ/describe-delta.ts';
import { type MadeDelta, makeDelta } from '../../src/differ/make-delta.ts';
import { openPool, type WorkerPool } from '../../src/pool/pool.ts';
import { imagePairs } from '../support/edit-script.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const pool: WorkerPool = openPool(2);
test.after.always(() => pool.close());

interface Stage {
  /** Makes a delta, applies it, and holds the result to being `image`. */
  roundTrip(old: Uint8Array, image: Uint8Array, windowBytes: number): Promise<MadeDelta>;
}

async function openStage(t: ExecutionContext<unknown>): Promise<Stage> {
  const directory = await temporaryDirectory(t);
  let count = 0;
  return {
    async roundTrip(old, image, windowBytes) {
      const own = join(directory, `${count++}`);
      await mkdir(own);
      const path = (name: string): string => join(own, name);
      await writeFile(path('old'), old);
      await writeFile(path('image'), image);
      const windows = Math.ceil(image.length / windowBytes);
      const made = await makeDelta(pool, path('delta'), {
        basePath: path('old'),
        targetPath: path('image'),
        windowLengths: Array.from({ length: windows }, (_, at) =>
          Math.min(windowBytes, image.length - at * windowBytes),
        ),
        checkBytes: 8,
      });
      const delta = await readFile(path('delta'));
      t.is(made.size, delta.length);
      t.is(made.sha256, sha256Hex(delta));
      t.is(made.head.sha256, sha256Hex(delta.subarray(0, made.head.size)));
      const summary = await describeDelta(path('delta'));
      t.deepEqual(summary.windows, { ...made.windows });
      const { head, control, difference, literal } = summary.bytes;
      t.true(head + control + difference + literal <= made.size);
      const places = { basePath: path('old'), patchPath: path('delta'), outputPath: path('new') };
      const report = await applyDelta({ ...places, workers: 1 });
      t.is(report.sha256, sha256Hex(image));
      t.is(Buffer.compare(await readFile(path('new')), image), 0);
      await rm(own, { recursive: true });
      return made;
    },
  };
}

test('whatever edits made of an image is rebuilt from it', async (t) => {
  const { roundTrip } = await openStage(t);
  await fc.assert(
    fc.asyncProperty(
      fc
        .constantFrom(512, 4 * KiB, 16 * KiB)
        .chain((windowBytes) =>
          fc.record({ windowBytes: fc.constant(windowBytes), pair: imagePairs(windowBytes, 48 * KiB) }),
        ),
      async ({ windowBytes, pair }) => {
        await roundTrip(pair.old, pair.image, windowBytes);
      },
    ),
    { seed: 4, numRuns: 60 },
  );
});

const text = sampleData('text', 3 * MiB + 17, 5);
const noise = seededBytes('round trip', 300 * KiB);
const empty = new Uint8Array();

const pairs: Readonly<Record<string, readonly [old: Uint8Array, image: Uint8Array]>> = {
  'nothing out of nothing': [empty, empty],
  'an image out of nothing': [empty, noise],
  'nothing out of an image': [noise, empty],
  'one byte out of another': [Uint8Array.of(1), Uint8Array.of(2)],
  'an image that is the Base': [text, text],
  'an image that has nothing to do with the Base': [noise, seededBytes('unrelated', 290 * KiB)],
  'an image of zeros': [noise, new Uint8Array(200 * KiB)],
  'an image of one byte repeated': [noise, new Uint8Array(2 * MiB).fill(7)],
  'periodic data, shifted': [
    sampleData('periodic', 400_000, 3),
    sampleData('periodic', 400_000, 3).slice(101),
  ],
};

for (const [what, [old, image]] of Object.entries(pairs)) {
  test(`${what}, in windows of 1 MiB and of 64 KiB`, async (t) => {
    const { roundTrip } = await openStage(t);
    for (const windowBytes of [MiB, 64 * KiB]) await roundTrip(old, image, windowBytes);
  });
}

test('what lies in the Base costs next to nothing, wherever it lies', async (t) => {
  const { roundTrip } = await openStage(t);
  const same = await roundTrip(text, text, 256 * KiB);
  t.is(same.windows.coded, 0);
  t.true(same.size < 500, `${same.size}`);
  const moved = Buffer.concat([
    noise.subarray(100 * KiB),
    noise.subarray(0, 100 * KiB),
    Buffer.alloc(50 * KiB),
  ]);
  const made = await roundTrip(noise, moved, 64 * KiB);
  t.true(made.size < 1500, `${made.size}`);
});
