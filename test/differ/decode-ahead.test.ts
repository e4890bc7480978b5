/**
 * Patching with threads: the same image for any number of them, and failures come in their turn.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { type ApplyOptions, type ApplyReport, applyDelta } from '../../src/differ/apply-delta.ts';
import { makeDelta } from '../../src/differ/make-delta.ts';
import { PatchFile } from '../../src/differ/patch-file.ts';
import { openPool } from '../../src/pool/pool.ts';
import { sampleData } from '../support/sample-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const WINDOW = 256 * KiB;
const old = sampleData('text', 5 * MiB, 21);
/** Every window differs somewhere, so that each has a payload. */
const image = old.map((byte, at) => (at % 1999 === 0 ? byte + 1 : byte));

let made = '';

test.before(async () => {
  made = await mkdtemp(join(tmpdir(), 'silt-test-'));
  await writeFile(join(made, 'old'), old);
  await writeFile(join(made, 'image'), image);
  await using pool = openPool(2);
  const images = { basePath: join(made, 'old'), targetPath: join(made, 'image') };
  const windowLengths = Array<number>(image.length / WINDOW).fill(WINDOW);
  await makeDelta(pool, join(made, 'delta'), { ...images, windowLengths, checkBytes: 8 });
});

test.after.always(() => rm(made, { recursive: true, force: true }));

async function openStage(t: ExecutionContext<unknown>): Promise<{
  readonly output: string;
  readonly path: (name: string) => string;
  patch(options: Partial<ApplyOptions>): Promise<ApplyReport>;
}> {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'new');
  const places = { basePath: join(made, 'old'), patchPath: join(made, 'delta'), outputPath: output };
  return {
    output,
    path: (name) => join(directory, name),
    patch: (options) => applyDelta({ ...places, ...options }),
  };
}

test('any number of threads makes the same image', async (t) => {
  for (const workers of [1, 2, 4]) {
    const { output, patch } = await openStage(t);
    const report = await patch({ workers });
    t.is(report.windows.coded, image.length / WINDOW);
    t.is(Buffer.compare(await readFile(output), image), 0);
  }
});

test('an altered payload fails when its turn comes, and what was ahead of it is kept', async (t) => {
  const { output, path, patch } = await openStage(t);
  const delta = await readFile(join(made, 'delta'));
  using file = PatchFile.open(join(made, 'delta'));
  const source = file.head.windows[7]?.source;
  if (source?.kind !== 'coded') return t.fail('the window should have a payload');
  const altered = Buffer.from(delta);
  altered[source.payload.offset + 5] = (altered[source.payload.offset + 5] as number) ^ 1;
  await writeFile(path('altered'), altered);
  const error = await throwsSilt(
    t,
    () => patch({ patchPath: path('altered'), workers: 3 }),
    'DIGEST_MISMATCH',
  );
  t.regex(error.message, new RegExp(`window at ${7 * WINDOW} `));
  const report = await patch({ workers: 3 });
  t.is(report.windows.kept, 7);
  t.is(Buffer.compare(await readFile(output), image), 0);
});

test('a Base altered in places is told from all threads alike', async (t) => {
  const { path, patch } = await openStage(t);
  const base = new Uint8Array(old);
  for (const at of [3 * WINDOW + 100, 12 * WINDOW + 100]) base[at] = (base[at] as number) ^ 1;
  await writeFile(path('base'), base);
  const damaged: unknown[] = [];
  for (const workers of [1, 3]) {
    const error = await throwsSilt(t, () => patch({ basePath: path('base'), workers }), 'BASE_MISMATCH');
    damaged.push(error.details.damaged);
    await rm(path('new.silt-part'), { recursive: true });
  }
  t.is(damaged[0], damaged[1]);
  t.true(
    String(damaged[0])
      .split(' ')
      .includes(`${3 * WINDOW}`),
  );
  t.true(String(damaged[0]).split(' ').length < 8, `${damaged[0]}`);
});

test('a patch that is cancelled ends its threads, and leaves no lock', async (t) => {
  const { path, patch } = await openStage(t);
  const stop = new AbortController();
  const onProgress = ({ bytesDone }: { bytesDone: number }): void => {
    if (bytesDone >= 5 * WINDOW) stop.abort(new Error('stop'));
  };
  await t.throwsAsync(patch({ workers: 2, signal: stop.signal, onProgress }), { message: 'stop' });
  t.deepEqual(await readdir(path('.')), ['new.silt-part']);
  t.is((await patch({ workers: 2 })).windows.kept, 5);
});
