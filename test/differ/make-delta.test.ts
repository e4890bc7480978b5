/**
 * Making a delta file: what it depends on, what it leaves out, and what it leaves behind when it ends early.
 */
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sha256 } from '../../src/core/digest.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { applyDelta } from '../../src/differ/apply-delta.ts';
import { type MadeDelta, type MakeDeltaOptions, makeDelta } from '../../src/differ/make-delta.ts';
import { decodeDeltaHead, deltaHeadLength } from '../../src/format/delta-file.ts';
import { isTemporaryName } from '../../src/io/atomic.ts';
import { openPool, type WorkerPool } from '../../src/pool/pool.ts';
import { programBytes } from '../support/program-bytes.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { changed } from '../support/window-script.ts';

const pool: WorkerPool = openPool(2);
test.after.always(() => pool.close());

const WINDOW = 12 * KiB;
const program = programBytes(80 * KiB);
const base = new Uint8Array(Buffer.concat([program, sampleData('text', 20 * KiB)]));
const fresh = seededBytes('fresh', 8 * KiB);
/** Copied, changed, new, repeated and zero bytes. */
const image = new Uint8Array(
  Buffer.concat([
    changed(program.subarray(0, 40 * KiB), 'fields', 1),
    fresh,
    new Uint8Array(2 * WINDOW),
    program.subarray(20 * KiB),
    fresh,
  ]),
);

const evenly = (size: number, window: number): number[] =>
  Array.from({ length: Math.ceil(size / window) }, (_, i) => Math.min(window, size - i * window));

interface Stage {
  readonly directory: string;
  path(name: string): string;
  make(name: string, options?: Partial<MakeDeltaOptions>, workers?: WorkerPool): Promise<MadeDelta>;
}

async function openStage(t: ExecutionContext<unknown>): Promise<Stage> {
  const directory = await temporaryDirectory(t);
  const path = (name: string): string => join(directory, name);
  await writeFile(path('base'), base);
  await writeFile(path('image'), image);
  const standard = {
    basePath: path('base'),
    targetPath: path('image'),
    windowLengths: evenly(image.length, WINDOW),
    checkBytes: 8,
  } as const;
  return {
    directory,
    path,
    make: (name, options = {}, workers = pool) => makeDelta(workers, path(name), { ...standard, ...options }),
  };
}

test('one, two or three workers make the same bytes', async (t) => {
  const { path, make } = await openStage(t);
  const made = await make('two');
  const delta = await readFile(path('two'));
  t.true(made.windows.coded > 2 && made.windows.zero > 0);
  for (const count of [1, 3]) {
    await using workers = openPool(count);
    const { seconds: _, ...same } = made;
    const { seconds: __, ...again } = await make(`${count}`, {}, workers);
    t.deepEqual(again, same);
    t.is(Buffer.compare(await readFile(path(`${count}`)), delta), 0);
  }
});

test('what is known of the digests changes nothing', async (t) => {
  const { make } = await openStage(t);
  const { sha256: expected } = await make('asked');
  const digests = { baseDigest: new Uint8Array(sha256(base)), targetDigest: new Uint8Array(sha256(image)) };
  t.is((await make('told', digests)).sha256, expected);
});

test('a window whose payload is not smaller than its cost without it is left out', async (t) => {
  const { path, make } = await openStage(t);
  const whole = await make('whole');
  const head = await headOf(path('whole'));
  const lengths = head.windows.map(({ source }) =>
    source.kind === 'coded' ? source.payload.length : undefined,
  );
  const asked: number[] = [];
  // Each second coded window just pays, and the others just do not.
  let coded = 0;
  const costs = lengths.map((length) => (length === undefined ? 0 : length + (coded++ % 2)));
  const made = await make('less', {
    costWithout: (window) => {
      asked.push(window);
      return costs[window] as number;
    },
  });
  t.deepEqual(
    asked,
    lengths.flatMap((length, window) => (length === undefined ? [] : [window])),
  );
  t.is(made.windows.none, Math.ceil(coded / 2));
  t.is(made.windows.coded, Math.floor(coded / 2));
  t.is(made.windows.zero + made.windows.copy, whole.windows.zero + whole.windows.copy);
  const less = await headOf(path('less'));
  for (const [i, window] of less.windows.entries()) {
    const before = head.windows[i]?.source.kind ?? 'none';
    const pays = (costs[i] ?? 0) > (lengths[i] ?? 0);
    t.is(window.source.kind, before === 'coded' && !pays ? 'none' : before);
    if (window.source.kind === 'none') t.is(window.check, undefined);
  }
  t.is((await readFile(path('less'))).length, made.size);
});

async function headOf(path: string) {
  const delta = new Uint8Array(await readFile(path));
  return decodeDeltaHead(delta.slice(0, deltaHeadLength(delta)));
}

test('where an Index has the digests the delta has no checks', async (t) => {
  const { path, make } = await openStage(t);
  await make('delta', { checkBytes: 0 });
  t.true((await headOf(path('delta'))).windows.every(({ check }) => check === undefined));
});

test('a window larger than a device decodes is left out', async (t) => {
  const { path, make } = await openStage(t);
  const large = new Uint8Array(16 * MiB + 1 + 1000);
  large.set(program, 5);
  await writeFile(path('large'), large);
  const made = await make('delta', { targetPath: path('large'), windowLengths: [16 * MiB + 1, 1000] });
  t.deepEqual(made.windows, { none: 1, zero: 1, copy: 0, coded: 0 });
});

test('matches over many windows, and windows of one byte', async (t) => {
  const { path, make } = await openStage(t);
  await writeFile(path('image'), program.subarray(1000));
  const small = evenly(program.length - 1000, 2 * KiB);
  const made = await make('delta', { windowLengths: small });
  t.deepEqual(made.windows, { none: 0, zero: 0, copy: small.length, coded: 0 });
  await writeFile(path('image'), changed(program.subarray(70_000, 70_064), 'now and then', 1));
  const bytes = await make('bytes', { windowLengths: new Array<number>(64).fill(1) });
  t.is(bytes.windows.copy + bytes.windows.zero + bytes.windows.coded, 64);
  await applyDelta({ basePath: path('base'), patchPath: path('bytes'), outputPath: path('new') });
});

test('an empty target, and an empty Base', async (t) => {
  const { path, make } = await openStage(t);
  await writeFile(path('empty'), '');
  const nothing = await make('nothing', { targetPath: path('empty'), windowLengths: [] });
  t.is(nothing.size, nothing.head.size);
  const all = await make('all', { basePath: path('empty') });
  await applyDelta({ basePath: path('empty'), patchPath: path('all'), outputPath: path('new') });
  t.is(Buffer.compare(await readFile(path('new')), image), 0);
  t.is(all.windows.copy, 0);
});

test('while it grows there are files with temporary names only', async (t) => {
  const { directory, make } = await openStage(t);
  const seen = new Set<string>();
  const reads: Promise<void>[] = [];
  const onProgress = () => {
    reads.push(readdir(directory).then((names) => names.forEach((name) => void seen.add(name))));
  };
  await make('delta', { onProgress });
  await Promise.all(reads);
  const others = [...seen].filter((name) => !['base', 'image', 'delta'].includes(name));
  t.true(others.length > 0 && others.every(isTemporaryName), others.join());
  t.deepEqual((await readdir(directory)).sort(), ['base', 'delta', 'image']);
});

test('a signal ends it in any phase with its reason, and nothing stays', async (t) => {
  const { directory, make } = await openStage(t);
  for (const phase of ['chunks', 'near', 'suffixes', 'encode']) {
    const stop = new AbortController();
    const reason = new Error(`stopped in ${phase}`);
    const onProgress = (progress: { readonly phase: string }) => {
      if (progress.phase === phase) stop.abort(reason);
    };
    t.is(await t.throwsAsync(make('delta', { signal: stop.signal, onProgress })), reason);
    t.deepEqual((await readdir(directory)).sort(), ['base', 'image'], phase);
  }
});

test("the pool's own signal ends it too, and nothing stays", async (t) => {
  const { directory, make } = await openStage(t);
  const stop = new AbortController();
  const reason = new Error('the pool ends');
  await using workers = openPool(1, stop.signal);
  const onProgress = ({ phase }: { readonly phase: string }) => {
    if (phase === 'encode') stop.abort(reason);
  };
  t.is(await t.throwsAsync(make('delta', { onProgress }, workers)), reason);
  t.deepEqual((await readdir(directory)).sort(), ['base', 'image']);
});

test('a file that is there already stays as it is', async (t) => {
  const { directory, path, make } = await openStage(t);
  await writeFile(path('delta'), "somebody else's");
  await throwsSilt(t, () => make('delta'), 'IO_FAILED');
  t.is(await readFile(path('delta'), 'utf8'), "somebody else's");
  t.deepEqual((await readdir(directory)).sort(), ['base', 'delta', 'image']);
});

test('a directory that is not there', async (t) => {
  const { make } = await openStage(t);
  await throwsSilt(t, () => make('missing/delta'), 'IO_FAILED');
});

const changes: Readonly<Record<string, (path: string) => void>> = {
  truncated: (path) => truncateSync(path, 1000),
  appended: (path) => appendFileSync(path, 'x'),
  'written to': (path) => writeFileSync(path, Uint8Array.of(1), { flag: 'r+' }),
  replaced: (path) => {
    writeFileSync(`${path}.new`, base);
    renameSync(`${path}.new`, path);
  },
  removed: (path) => rmSync(path),
};

for (const [what, change] of Object.entries(changes)) {
  for (const which of ['base', 'image']) {
    test(`no delta comes of a ${which} that is ${what} meanwhile`, async (t) => {
      const { directory, path, make } = await openStage(t);
      for (const phase of ['chunks', 'encode']) {
        await writeFile(path('base'), base);
        await writeFile(path('image'), image);
        let done = false;
        const onProgress = (progress: { readonly phase: string }) => {
          if (!done && progress.phase === phase) change(path(which));
          done ||= progress.phase === phase;
        };
        const error = await throwsSilt(t, () => make('delta', { onProgress }), 'IMAGE_CHANGED');
        t.true(error.message.includes(path(which)), error.message);
        const left = (await readdir(directory)).filter((name) => name !== 'base' && name !== 'image');
        t.deepEqual(left, []);
      }
    });
  }
}
