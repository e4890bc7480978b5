/**
 * The library entry: what `diff` refuses, and what it leaves behind.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { type DiffOptions, type DiffReport, diff, info, patch } from '../../src/differ/delta.ts';
import { sampleData } from '../support/sample-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const old = sampleData('text', 200 * KiB, 1);
const image = sampleData('text', 200 * KiB, 2);

async function openStage(t: ExecutionContext<unknown>): Promise<{
  readonly directory: string;
  readonly path: (name: string) => string;
  make(options?: Partial<DiffOptions>): Promise<DiffReport>;
}> {
  const directory = await temporaryDirectory(t);
  const path = (name: string): string => join(directory, name);
  await writeFile(path('old'), old);
  await writeFile(path('image'), image);
  const places = { basePath: path('old'), targetPath: path('image'), patchPath: path('delta') };
  return { directory, path, make: (options) => diff({ ...places, workers: 1, ...options }) };
}

test('diff, info and patch work together', async (t) => {
  const { path, make } = await openStage(t);
  const phases = new Set<string>();
  const made = await make({ windowBytes: 64 * KiB, onProgress: ({ phase }) => void phases.add(phase) });
  t.true(phases.size > 0);
  const summary = await info(path('delta'), { windows: true });
  t.is(summary.size, made.size);
  t.deepEqual(
    summary.allWindows?.map(({ offset }) => offset),
    [0, 65_536, 131_072, 196_608],
  );
  const { control, difference, literal, head } = summary.bytes;
  t.is(control + difference + literal + head, made.size);
  const places = { basePath: path('old'), patchPath: path('delta'), outputPath: path('new') };
  t.is((await patch(places)).imageSize, image.length);
  t.deepEqual(new Uint8Array(await readFile(path('new'))), image);
});

test('a delta that cannot be made leaves nothing, and keeps what was there', async (t) => {
  const { directory, path, make } = await openStage(t);
  await writeFile(path('delta'), 'an older delta');
  const missing = path('missing');
  await throwsSilt(t, () => make({ targetPath: missing }), 'IO_FAILED');
  await throwsSilt(t, () => make({ basePath: directory }), 'IO_FAILED');
  await throwsSilt(t, () => make({ patchPath: path('old') }), 'USAGE');
  await throwsSilt(t, () => make({ patchPath: join(missing, 'delta') }), 'TARGET_INVALID');
  await throwsSilt(t, () => make({ patchPath: directory }), 'TARGET_INVALID');
  for (const windowBytes of [0, 64 * KiB - 1, 100_000.5, 17 * MiB, Number.NaN]) {
    await throwsSilt(t, () => make({ windowBytes }), 'USAGE');
  }
  await t.throwsAsync(make({ signal: AbortSignal.abort(new Error('stop')) }), { message: 'stop' });
  t.deepEqual((await readdir(directory)).sort(), ['delta', 'image', 'old']);
  t.is(await readFile(path('delta'), 'utf8'), 'an older delta');
});

test('a delta replaces one that was there', async (t) => {
  const { path, make } = await openStage(t);
  await writeFile(path('delta'), 'an older delta');
  const made = await make();
  t.is((await readFile(path('delta'))).length, made.size);
});
