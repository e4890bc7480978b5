import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { equalBytes } from '../../src/core/bytes.ts';
import { isSiltError, SiltError } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { restoreImage } from '../../src/publisher/restore-image.ts';
import type { ByteRange } from '../../src/store/store.ts';
import { publishBench } from '../support/publish-bench.ts';
import { dataKeys, repositoryObjects } from '../support/repository-objects.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** Three releases, so that the last has its chunks in packs of all of them, scattered. */
function scattered(): Uint8Array[] {
  const first = sampleData('sparse', 3 * MiB);
  const second = Buffer.concat([seededBytes('ahead', 300_000), first.subarray(MiB), sampleData('text', MiB)]);
  const pieces = Array.from({ length: 30 }, (_, i) => second.subarray(i * 100_000, (i + 1) * 100_000));
  const random = seededRandom(7);
  const shuffled = pieces.map((piece) => ({ piece, by: random() })).sort((a, b) => a.by - b.by);
  return [first, second, Buffer.concat([...shuffled.map(({ piece }) => piece), first.subarray(0, MiB)])];
}

test('every image of a repository is rebuilt, byte by byte, in one stretch or in many', async (t) => {
  const bench = await publishBench(t);
  for (const [i, bytes] of scattered().entries()) {
    const chunker = chunkerSpec('fastcdc-1', 2 * KiB);
    const { manifest } = await bench.publish(`${i}`, { a: await bench.file('image', bytes) }, { chunker });
    for (const stretchRuns of [1 << 18, 5]) {
      const path = join(bench.directory, `restored-${i}-${stretchRuns}`);
      const seen: number[] = [];
      const head = await restoreImage(bench.store, manifest.images[0]!, path, {
        stretchRuns,
        onProgress: (bytesDone) => void seen.push(bytesDone),
      });
      t.is(head.imageSize, bytes.length);
      t.true(equalBytes(await readFile(path), bytes));
      t.is(seen.at(-1), bytes.length);
      t.deepEqual(
        seen,
        seen.toSorted((a, b) => a - b),
      );
    }
  }
});

test('images of no byte, of zeros, and of one byte are rebuilt', async (t) => {
  const bench = await publishBench(t);
  const images = { empty: new Uint8Array(), zeros: new Uint8Array(5 * MiB), one: Uint8Array.of(7) };
  const paths: Record<string, string> = {};
  for (const [name, bytes] of Object.entries(images)) paths[name] = await bench.file(name, bytes);
  const { manifest } = await bench.publish('1', paths);
  for (const image of manifest.images) {
    const path = join(bench.directory, `restored-${image.name}`);
    await restoreImage(bench.store, image, path);
    t.true(equalBytes(await readFile(path), images[image.name as keyof typeof images]));
  }
});

test('each frame is read once, in ranges that are few', async (t) => {
  const bench = await publishBench(t);
  const image = Buffer.concat([seededBytes('ranges', 9 * MiB), seededBytes('ranges', 2 * MiB)]);
  const { manifest } = await bench.publish('1', { a: await bench.file('image', image) });
  const ranges: ByteRange[] = [];
  const store = {
    ...bench.store,
    location: bench.store.location,
    getRange(...[key, range, options]: Parameters<typeof bench.store.getRange>) {
      if (key.startsWith('packs/')) ranges.push(range);
      return bench.store.getRange(key, range, options);
    },
  };
  await restoreImage(store, manifest.images[0]!, join(bench.directory, 'restored'));
  const bytes = ranges.reduce((sum, { length }) => sum + length, 0);
  t.true(bytes > 9 * MiB && bytes < 9.1 * MiB, String(bytes));
  t.true(ranges.length <= 4, String(ranges.length));
  t.true(ranges.every(({ length }) => length <= 4 * MiB));
});

test('damage anywhere in the repository is found, and no wrong image is taken for the right one', async (t) => {
  const bench = await publishBench(t);
  const bytes = sampleData('text', 400_000);
  const { manifest } = await bench.publish('1', { a: await bench.file('image', bytes) });
  const keys = dataKeys(await repositoryObjects(bench.store));
  t.is(keys.length, 2);
  const random = seededRandom(11);
  for (let run = 0; run < 40; run++) {
    const path = join(bench.repository, keys[run % 2]!);
    const whole = await readFile(path);
    if (run < 4) {
      await truncate(path, Math.floor(random() * whole.length * 0.9));
    } else {
      const damaged = Uint8Array.from(whole);
      const at = Math.floor(random() * whole.length);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      await writeFile(path, damaged);
    }
    const restored = join(bench.directory, `restored-${run}`);
    try {
      await restoreImage(bench.store, manifest.images[0]!, restored);
      // The trailer of a pack is not needed.
      t.true(equalBytes(await readFile(restored), bytes));
    } catch (error) {
      t.true(isSiltError(error, 'DIGEST_MISMATCH'), String(error));
    }
    await writeFile(path, whole);
  }
});

test('a missing pack is named', async (t) => {
  const bench = await publishBench(t);
  const { manifest } = await bench.publish('1', { a: await bench.file('image', seededBytes('gone', 9000)) });
  const key = dataKeys(await repositoryObjects(bench.store)).find((name) => name.startsWith('packs/'))!;
  await bench.store.remove(key);
  const restored = join(bench.directory, 'restored');
  const error = await throwsSilt(
    t,
    () => restoreImage(bench.store, manifest.images[0]!, restored),
    'OBJECT_MISSING',
  );
  t.true(error.message.includes(key));
});

test('restoring stops when it is told to', async (t) => {
  const bench = await publishBench(t);
  const { manifest } = await bench.publish('1', {
    a: await bench.file('image', seededBytes('stop', 6 * MiB)),
  });
  const abort = new AbortController();
  const reason = new SiltError('INTERRUPTED', 'stopped by the test');
  const error = await throwsSilt(
    t,
    () =>
      restoreImage(bench.store, manifest.images[0]!, join(bench.directory, 'restored'), {
        signal: abort.signal,
        onProgress: () => abort.abort(reason),
      }),
    'INTERRUPTED',
  );
  t.is(error, reason);
});
