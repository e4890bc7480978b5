/**
 * Match finding on files that were edited in known ways, with small tasks, so that every edge is met.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { Matches } from '../../src/delta/matches.ts';
import {
  DEFAULT_SIZES,
  findMatches,
  type MatchProgress,
  type MatchSizes,
} from '../../src/differ/find-matches.ts';
import { SourceFile } from '../../src/io/source-file.ts';
import { openPool, type WorkerPool } from '../../src/pool/pool.ts';
import { equalShare, matchFault } from '../support/match-coverage.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

let pool: WorkerPool;
let pair: WorkerPool;
test.before(() => {
  pool = openPool(1);
  pair = openPool(2);
});
test.after.always(async () => {
  await pool.close();
  await pair.close();
});

const small: MatchSizes = {
  chunker: chunkerSpec('fastcdc-1', 1 * KiB),
  stretch: 64 * KiB,
  batch: 8 * KiB,
  segment: 32 * KiB,
};

async function found(
  t: ExecutionContext<unknown>,
  base: Uint8Array,
  target: Uint8Array,
  options: { readonly sizes?: MatchSizes; readonly memoryBytes?: number; readonly workers?: WorkerPool } = {},
): Promise<Matches> {
  const directory = await temporaryDirectory(t);
  const [basePath, targetPath] = [join(directory, 'base'), join(directory, 'target')];
  await writeFile(basePath, base);
  await writeFile(targetPath, target);
  using baseFile = SourceFile.open(basePath);
  using targetFile = SourceFile.open(targetPath);
  const { workers = pool, sizes = small, memoryBytes } = options;
  const matches = await findMatches(baseFile, targetFile, workers, { sizes, memoryBytes });
  t.is(matchFault(matches, base.length, target.length), undefined);
  return matches;
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

/** A target made from `base` by `count` edits of all kinds. */
function edited(base: Uint8Array, seed: number, count: number): Uint8Array {
  const random = seededRandom(seed);
  const upTo = (limit: number): number => Math.floor(random() * limit);
  let target: Uint8Array = base.slice();
  for (let i = 0; i < count; i++) {
    const at = upTo(target.length + 1);
    const length = upTo(3000);
    const [head, tail] = [target.subarray(0, at), target.subarray(at)];
    switch (upTo(5)) {
      case 0:
        target = joined(head, seededBytes(`insert ${seed} ${i}`, length), tail);
        break;
      case 1:
        target = joined(head, tail.subarray(length));
        break;
      case 2: {
        const from = upTo(base.length);
        target = joined(head, base.subarray(from, from + 4096), tail);
        break;
      }
      case 3:
        target = target.map((byte, k) => (k >= at && k < at + length && k % 20 === 0 ? byte ^ 0x11 : byte));
        break;
      default:
        target = joined(head, new Uint8Array(length), tail.subarray(length));
    }
  }
  return target;
}

test('an edited file is covered but for what is new', async (t) => {
  for (const seed of [1, 2, 3]) {
    const base = seededBytes(`edited ${seed}`, 300_000);
    const target = edited(base, seed, 12);
    const matches = await found(t, base, target);
    // 12 edits of 1,500 bytes on average, of which a fifth is insertions and a fifth zeros.
    t.true(equalShare(matches, base, target) > 0.93, `seed ${seed}`);
    t.true(matches.at.length < 100);
  }
});

test('a moved block of 4 KiB is found, forward and backward', async (t) => {
  const base = seededBytes('move', 400_000);
  for (const [from, to] of [
    [10_000, 300_000],
    [333_333, 20_001],
  ] as const) {
    const target = joined(base.subarray(0, to), base.subarray(from, from + 4096), base.subarray(to));
    t.true(equalShare(await found(t, base, target), base, target, to, to + 4096) >= 0.95);
  }
});

test('a block shifted by one byte is found', async (t) => {
  const base = seededBytes('shift', 200_000);
  const target = joined(
    base.subarray(0, 50_000),
    Buffer.of(1),
    base.subarray(50_000, 150_000),
    base.subarray(150_001),
  );
  t.true(equalShare(await found(t, base, target), base, target) >= 0.999);
});

test('a region with a byte changed every 20 is found', async (t) => {
  const base = seededBytes('relocated', 300_000);
  const target = base.map((byte, at) => (at > 60_000 && at < 260_000 && at % 20 === 0 ? byte + 1 : byte));
  const matches = await found(t, base, target);
  t.true(equalShare(matches, base, target, 60_000, 260_000) >= 0.949);
  t.true(matches.at.length < 10);
});

test('identical files are one match', async (t) => {
  const bytes = seededBytes('same', 500_000);
  const matches = await found(t, bytes, bytes);
  t.deepEqual([[...matches.at], [...matches.from], [...matches.length]], [[0], [0], [bytes.length]]);
});

test('unrelated files have next to nothing in common', async (t) => {
  const [base, target] = [seededBytes('one', 200_000), seededBytes('two', 200_000)];
  t.is((await found(t, base, target)).at.length, 0);
});

test('empty files and files of one byte are no trouble', async (t) => {
  const [none, one, many] = [new Uint8Array(), Buffer.of(7), seededBytes('many', 5_000)];
  for (const base of [none, one, many]) {
    for (const target of [none, one, many]) {
      const matches = await found(t, base, target);
      if (base === many && target === many) t.is(equalShare(matches, base, target), 1);
    }
  }
});

test('sizes around powers of two and around the edges of tasks are covered', async (t) => {
  const base = seededBytes('sizes', 140_000);
  for (const size of [1023, 1024, 1025, 32_767, 32_769, 65_535, 65_536, 65_537, 131_072, 131_073]) {
    const target = base.slice(0, size);
    target[size >> 1] = (target[size >> 1] as number) ^ 1;
    t.true(equalShare(await found(t, base, target), base, target) >= 0.995, `${size} bytes`);
  }
});

test('what lies across the edge of a segment or of a stretch is found', async (t) => {
  const base = seededBytes('edges', 200_000);
  // All in new order, in blocks too small for chunks, so that only sorted suffixes can tell.
  const blocks = Array.from({ length: 300 }, (_, i) =>
    base.subarray(((i * 77) % 300) * 660, ((i * 77) % 300) * 660 + 660),
  );
  const target = joined(...blocks);
  t.true(equalShare(await found(t, base, target), base, target) >= 0.95);
});

for (const kind of ['zeros', 'periodic', 'sparse', 'text'] as const) {
  test(`${kind} bytes: an edited copy is covered`, async (t) => {
    const base = sampleData(kind, 300_000);
    const target = joined(base.subarray(0, 100_000), seededBytes('x', 10), base.subarray(100_100));
    t.true(equalShare(await found(t, base, target), base, target) >= 0.98);
  });
}

test('all zero and of period 3: 8 MiB take no time to speak of', async (t) => {
  const period = new Uint8Array(8 * MiB).map((_, at) => at % 3);
  const sizes = DEFAULT_SIZES;
  t.true(
    equalShare(await found(t, period, period.subarray(1), { sizes }), period, period.subarray(1)) > 0.99,
  );
  const zeros = new Uint8Array(8 * MiB);
  await found(t, zeros, zeros.subarray(5), { sizes });
  await found(t, zeros, period, { sizes });
});

test('one worker or two, the matches are the same', async (t) => {
  const base = joined(sampleData('sparse', 300_000), sampleData('text', 200_000));
  const target = edited(base, 9, 30);
  t.deepEqual(await found(t, base, target), await found(t, base, target, { workers: pair }));
});

test('a memory bound too small for the segment makes it smaller, and all is still found', async (t) => {
  const base = seededBytes('bound', 3 * MiB);
  const target = joined(base.subarray(2 * MiB), base.subarray(MiB, 2 * MiB), base.subarray(0, MiB));
  const matches = await found(t, base, target, { sizes: DEFAULT_SIZES, memoryBytes: 1 });
  t.true(equalShare(matches, base, target) > 0.99);
});

test('progress goes from none to all, phase by phase', async (t) => {
  const directory = await temporaryDirectory(t);
  const base = seededBytes('progress', 200_000);
  await writeFile(join(directory, 'base'), base);
  await writeFile(join(directory, 'target'), edited(base, 4, 10));
  using baseFile = SourceFile.open(join(directory, 'base'));
  using targetFile = SourceFile.open(join(directory, 'target'));
  const seen: MatchProgress[] = [];
  await findMatches(baseFile, targetFile, pool, {
    sizes: small,
    onProgress: (progress) => seen.push(progress),
  });
  for (const phase of ['chunks', 'near', 'suffixes']) {
    const steps = seen.filter((step) => step.phase === phase);
    t.is(steps[0]?.bytesDone, 0);
    t.is(steps.at(-1)?.bytesDone, steps.at(-1)?.bytesTotal);
  }
});

test('a signal ends the search', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'file'), seededBytes('stop', 300_000));
  using file = SourceFile.open(join(directory, 'file'));
  const stop = new AbortController();
  const reason = new Error('enough');
  const search = findMatches(file, file, pool, {
    sizes: small,
    signal: stop.signal,
    onProgress: () => stop.abort(reason),
  });
  t.is(await t.throwsAsync(search), reason);
});
