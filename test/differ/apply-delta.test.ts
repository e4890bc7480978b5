/**
 * Patching with deltas made by hand: what is refused, what is kept, what is said about a damaged Base.
 */
import { chmod, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { type ApplyOptions, type ApplyReport, applyDelta } from '../../src/differ/apply-delta.ts';
import { type DeltaHeadRecord, encodeDeltaHead } from '../../src/format/delta-file.ts';
import { handMadeDelta, handMadeHead } from '../support/hand-made-delta.ts';
import { holdsImage } from '../support/holds-image.ts';
import { loopDevice } from '../support/loop-device.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const WINDOW = 64 * KiB;
const old = seededBytes('patch old', 20 * WINDOW);
/** Windows from everywhere, two of zeros, and a short last one. */
const image = Buffer.concat([
  old.subarray(3 * WINDOW + 5, 9 * WINDOW + 5),
  Buffer.alloc(2 * WINDOW),
  old.subarray(0, 4 * WINDOW),
  old.subarray(19 * WINDOW, 19 * WINDOW + 777),
]);
const WINDOWS = 13;

interface Stage {
  readonly directory: string;
  readonly output: string;
  readonly part: string;
  patch(options?: Partial<ApplyOptions>): Promise<ApplyReport>;
}

async function openStage(
  t: ExecutionContext<unknown>,
  delta: Uint8Array = handMadeDelta(old, image, WINDOW),
  base: Uint8Array = old,
): Promise<Stage> {
  const directory = await temporaryDirectory(t);
  const path = (name: string): string => join(directory, name);
  await writeFile(path('old'), base);
  await writeFile(path('delta'), delta);
  const places = { basePath: path('old'), patchPath: path('delta'), outputPath: path('new') };
  return {
    directory,
    output: places.outputPath,
    part: path('new.silt-part/image'),
    patch: (options) => applyDelta({ ...places, ...options }),
  };
}

/** A copy with the bytes at these places changed. */
function damaged(bytes: Uint8Array, ...places: number[]): Uint8Array {
  const copy = new Uint8Array(bytes);
  for (const at of places) copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

test('an image is rebuilt from copies and zeros, and nothing else stays behind', async (t) => {
  const { directory, output, patch } = await openStage(t);
  const done: number[] = [];
  const report = await patch({ onProgress: ({ bytesDone }) => void done.push(bytesDone) });
  await holdsImage(t, output, image);
  t.like(report, { baseSize: old.length, imageSize: image.length, bytesKept: 0 });
  t.deepEqual(report.windows, { total: WINDOWS, kept: 0, zero: 2, copy: 11, coded: 0 });
  t.is(report.bytesWritten, image.length - 2 * WINDOW);
  t.is(done.at(-1), image.length);
  t.deepEqual((await readdir(directory)).sort(), ['delta', 'new', 'old']);
});

test('a file is replaced, and keeps its mode', async (t) => {
  const { output, patch } = await openStage(t);
  await writeFile(output, 'what was there');
  await chmod(output, 0o640);
  await patch();
  await holdsImage(t, output, image);
  t.is((await stat(output)).mode & 0o777, 0o640);
});

test('an empty image and an empty Base are images like any other', async (t) => {
  const none = new Uint8Array();
  const empty = await openStage(t, handMadeDelta(old, none, WINDOW));
  await empty.patch();
  await holdsImage(t, empty.output, none);
  const zeros = new Uint8Array(3 * WINDOW + 1);
  const grown = await openStage(t, handMadeDelta(none, zeros, WINDOW), none);
  await grown.patch();
  await holdsImage(t, grown.output, zeros);
});

test('a Base of another size is refused before anything is written', async (t) => {
  const { directory, patch } = await openStage(t, undefined, old.subarray(1));
  const error = await throwsSilt(t, patch, 'BASE_MISMATCH');
  t.like(error.details, { expected: old.length, found: old.length - 1 });
  t.deepEqual((await readdir(directory)).sort(), ['delta', 'old']);
});

test('another image of the same size is refused, and nothing is left', async (t) => {
  const { directory, patch } = await openStage(t, undefined, seededBytes('another', old.length));
  for (const verifyBase of [true, false]) {
    const error = await throwsSilt(t, () => patch({ verifyBase }), 'BASE_MISMATCH');
    t.regex(error.message, /expected the SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}/);
    t.not(error.details.expected, error.details.found);
  }
  // Windows of zeros need no Base, so something may have been written, but never under the name.
  t.false((await readdir(directory)).includes('new'));
});

test('a Base that was altered in places is an error that names the windows, and the rest is kept', async (t) => {
  // In the first window, and in the last of the four that are copied from its beginning.
  const base = damaged(old, 3 * WINDOW + 5, 3 * WINDOW + 4);
  const { directory, output, patch } = await openStage(t, undefined, base);
  const error = await throwsSilt(t, patch, 'BASE_MISMATCH');
  t.is(error.details.damaged, `0 ${11 * WINDOW}`);
  t.regex(error.message, /wrong: 2, at offset 0, 720896; patch from an unaltered copy/);
  await writeFile(join(directory, 'old'), old);
  const report = await patch();
  await holdsImage(t, output, image);
  t.is(report.windows.kept, WINDOWS - 2);
  t.is(report.windows.copy, 2);
});

test('damage where no window needs the Base does no harm, unless all of it is to be verified', async (t) => {
  const base = damaged(old, 15 * WINDOW);
  const { output, patch } = await openStage(t, undefined, base);
  await throwsSilt(t, () => patch({ verifyBase: true }), 'BASE_MISMATCH');
  await patch();
  await holdsImage(t, output, image);
});

test('what an earlier run left is kept where it is right, and only there', async (t) => {
  for (const length of [1, WINDOW - 1, WINDOW, 5 * WINDOW + 100, image.length, image.length + 5000]) {
    const { directory, output, part, patch } = await openStage(t);
    await mkdir(join(directory, 'new.silt-part'));
    const left = Buffer.concat([damaged(image, 2 * WINDOW, 7 * WINDOW + 9), Buffer.alloc(5000, 1)]);
    await writeFile(part, left.subarray(0, length));
    const report = await patch();
    await holdsImage(t, output, image);
    const whole = length >= image.length ? WINDOWS : Math.floor(length / WINDOW);
    t.is(report.windows.kept, whole - (whole > 2 ? 1 : 0) - (whole > 7 ? 1 : 0), `${length}`);
    t.is(report.bytesKept + report.bytesWritten, image.length - (length < 6 * WINDOW ? 2 * WINDOW : 0));
  }
});

test('without checks an image is built anew, and its digest still decides', async (t) => {
  const { directory, output, part, patch } = await openStage(t, handMadeDelta(old, image, WINDOW, false));
  await mkdir(join(directory, 'new.silt-part'));
  await writeFile(part, image.subarray(0, 3 * WINDOW));
  t.is((await patch()).windows.kept, 0);
  await holdsImage(t, output, image);
  await writeFile(join(directory, 'old'), damaged(old, 5 * WINDOW));
  const error = await throwsSilt(t, patch, 'BASE_MISMATCH');
  t.is(error.details.damaged, '');
  await holdsImage(t, output, image);
});

/** The same head, with another member in some place. */
const changed = (change: (head: DeltaHeadRecord) => DeltaHeadRecord): Uint8Array =>
  encodeDeltaHead(change(handMadeHead(old, image, WINDOW)));

test('a delta that promises another image than its windows make is refused', async (t) => {
  const digest = seededBytes('promise', 32);
  const { directory, patch } = await openStage(
    t,
    changed((head) => ({ ...head, target: { ...head.target, digest } })),
  );
  for (let round = 0; round < 2; round++) await throwsSilt(t, patch, 'DIGEST_MISMATCH');
  t.deepEqual((await readdir(directory)).sort(), ['delta', 'old']);
});

test('a window that differs from its check is the fault of the delta when the Base is right', async (t) => {
  const wrong = changed(({ windows: [first, ...rest], ...head }) => ({
    ...head,
    windows: [{ ...(first as (typeof rest)[0]), check: new Uint8Array(8) }, ...rest],
  }));
  const { directory, patch } = await openStage(t, wrong);
  const error = await throwsSilt(t, patch, 'DIGEST_MISMATCH');
  t.regex(error.message, /get the delta anew/);
  t.deepEqual((await readdir(directory)).sort(), ['delta', 'old']);
});

test('a delta that needs a repository, or a transform of a later version, is refused', async (t) => {
  const strange = Buffer.concat([image, seededBytes('not in the Base', WINDOW)]);
  const partial = await openStage(t, handMadeDelta(old, strange, WINDOW));
  const error = await throwsSilt(t, partial.patch, 'USAGE');
  t.regex(error.message, /leaves 2 of 14 windows .*use silt fetch/);
  const payload = { length: 1, tag: new Uint8Array(16) };
  const later = changed(({ windows: [first, ...rest], ...head }) => ({
    ...head,
    transforms: ['arm64-2'],
    windows: [{ ...(first as (typeof rest)[0]), source: { kind: 'coded', transform: 1, payload } }, ...rest],
  }));
  const transformed = await openStage(t, Buffer.concat([later, Buffer.alloc(1)]));
  t.regex((await throwsSilt(t, transformed.patch, 'FORMAT_UNSUPPORTED')).message, /"arm64-2"; update silt/);
});

test('a delta that is cut off, too long, or something else is one clear error', async (t) => {
  const delta = handMadeDelta(old, image, WINDOW);
  const { directory, patch } = await openStage(t);
  const path = join(directory, 'delta');
  for (const length of [0, 5, 45, 46, delta.length - 1]) {
    await writeFile(path, delta.subarray(0, length));
    await throwsSilt(t, patch, 'FORMAT_INVALID');
  }
  await writeFile(path, Buffer.concat([delta, Buffer.alloc(1)]));
  await throwsSilt(t, patch, 'FORMAT_INVALID');
  await writeFile(path, damaged(delta, 60));
  await throwsSilt(t, patch, 'DIGEST_MISMATCH');
  // A head that claims to be longer than the file takes no memory.
  const long = new Uint8Array(delta);
  new DataView(long.buffer).setUint32(10, 60 * MiB, true);
  await writeFile(path, long);
  const before = process.memoryUsage().arrayBuffers;
  await throwsSilt(t, patch, 'FORMAT_INVALID');
  t.true(process.memoryUsage().arrayBuffers - before < 8 * MiB);
  t.deepEqual((await readdir(directory)).sort(), ['delta', 'old']);
});

test('an output that is one of the inputs, a directory, or nowhere is refused', async (t) => {
  const { directory, patch } = await openStage(t);
  const before = await readFile(join(directory, 'old'));
  for (const name of ['old', 'delta', `../${directory.split('/').at(-1)}/old`]) {
    await throwsSilt(t, () => patch({ outputPath: join(directory, name) }), 'USAGE');
  }
  await throwsSilt(t, () => patch({ outputPath: directory }), 'TARGET_INVALID');
  await throwsSilt(t, () => patch({ outputPath: join(directory, 'no', 'new') }), 'TARGET_INVALID');
  await throwsSilt(t, () => patch({ basePath: join(directory, 'missing') }), 'IO_FAILED');
  t.deepEqual(await readFile(join(directory, 'old')), before);
});

test('a patch that is cancelled stops, and the next one goes on', async (t) => {
  const { output, patch } = await openStage(t);
  const stop = new AbortController();
  const running = patch({
    signal: stop.signal,
    onProgress: ({ bytesDone }) => {
      if (bytesDone >= 3 * WINDOW) stop.abort(new Error('stop'));
    },
  });
  await t.throwsAsync(running, { message: 'stop' });
  t.is((await patch()).windows.kept, 3);
  await holdsImage(t, output, image);
});

test('block devices serve as Base and as target, and may be larger', async (t) => {
  const base = await loopDevice(t, old.length + MiB);
  if (base === undefined) return;
  const target = await loopDevice(t, 2 * MiB);
  const small = await loopDevice(t, 512 * KiB);
  if (target === undefined || small === undefined) return;
  await writeFile(base, Buffer.concat([old, seededBytes('behind', MiB)]));
  const { directory, patch } = await openStage(t);
  const places = { basePath: base, outputPath: target };
  const report = await patch({ ...places, verifyBase: true });
  t.is(report.windows.zero + report.windows.copy + report.windows.kept, WINDOWS);
  await holdsImage(t, target, Buffer.concat([image, Buffer.alloc(2 * MiB - image.length)]));
  t.is((await patch(places)).windows.kept, WINDOWS);
  await throwsSilt(t, () => patch({ basePath: base, outputPath: base }), 'USAGE');
  await throwsSilt(t, () => patch({ basePath: base, outputPath: small }), 'TARGET_INVALID');
  await truncate(join(directory, 'old'), 100);
  await throwsSilt(t, () => patch({ outputPath: target }), 'BASE_MISMATCH');
});
