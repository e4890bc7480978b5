import test from 'ava';
import fc from 'fast-check';
import { SiltError } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { planRanges } from '../../src/fetcher/ranges.ts';
import type { FrameRef } from '../../src/format/frame.ts';
import { type FrameBench, frameBench, type PackedFrame, packFrames, spansOf } from '../support/frame-plan.ts';
import { seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** As long as anything else has a turn to take. */
async function allTurns(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
}

const frameOf = (frames: readonly PackedFrame[], number: number): FrameRef =>
  (frames[number] as PackedFrame).frame;

/** Works through the plan as the assembler does; true when every frame was right. */
async function workThrough(
  { source, watch }: FrameBench,
  frames: readonly PackedFrame[],
  uses: readonly (readonly number[])[],
): Promise<boolean> {
  for (const [window, numbers] of uses.entries()) {
    watch.entered(window);
    source.enter(window);
    for (const number of numbers) {
      const { frame, bytes } = frames[number] as PackedFrame;
      if (Buffer.compare(await source.open(frame), bytes) !== 0) return false;
    }
  }
  return true;
}

test('any plan comes to its end within its memory, each request made once', async (t) => {
  const directory = await temporaryDirectory(t);
  const plan = fc.record({
    lengths: fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 25 }),
    packs: fc.integer({ min: 1, max: 3 }),
    uses: fc.array(fc.array(fc.nat(), { maxLength: 8 }), { maxLength: 20 }),
    memoryBytes: fc.integer({ min: 0, max: 100_000 }),
    parallel: fc.integer({ min: 1, max: 5 }),
    costs: fc.record({
      requestBytes: fc.integer({ min: 0, max: 10_000 }),
      maxBytes: fc.integer({ min: 1, max: 60_000 }),
    }),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ lengths, packs, uses: wishes, seed, ...options }) => {
      const frames = packFrames(lengths, packs);
      const uses = wishes.map((numbers) => numbers.map((number) => number % frames.length));
      const random = seededRandom(seed);
      const pace = async (): Promise<void> => {
        for (let turns = Math.floor(random() * 4); turns > 0; turns--) await new Promise(setImmediate);
      };
      const bench = frameBench(directory, frames, uses, { ...options, pace });
      await using source = bench.source;
      t.true(await workThrough(bench, frames, uses));
      t.is(bench.watch.requests, bench.requests.length);
      const largest = Math.max(0, ...bench.requests.map(({ length }) => length));
      t.true(bench.watch.most <= Math.max(options.memoryBytes, largest), `${bench.watch.most}`);
      source.enter(uses.length);
      bench.spool.close();
    }),
    { seed: 6, numRuns: 100 },
  );
});

test('a consumer that is slow is not flooded', async (t) => {
  const frames = packFrames(Array<number>(60).fill(100 * KiB), 2);
  const uses = frames.map((_, number) => [number]);
  const costs = { requestBytes: 0, maxBytes: 100 * KiB };
  const bench = frameBench(await temporaryDirectory(t), frames, uses, {
    costs,
    memoryBytes: MiB,
    parallel: 8,
  });
  await using source = bench.source;
  source.enter(0);
  await allTurns();
  t.true(bench.watch.bytes > 600 * KiB && bench.watch.bytes <= MiB, `${bench.watch.bytes}`);
  const before = bench.watch.requests;
  await source.open(frameOf(frames, 0));
  await allTurns();
  t.is(bench.watch.requests, before, 'what is in use takes room until its window is done');
  bench.watch.entered(1);
  source.enter(1);
  await allTurns();
  t.is(bench.watch.requests, before + 1);
  t.is(bench.watch.spooledBytes, 0);
});

test('frames that wait for a window far ahead move to disk when the room is needed', async (t) => {
  const frames = packFrames(Array<number>(12).fill(50 * KiB), 1);
  // The first four are used at once, and again at the very end.
  const uses = [
    [0, 1, 2, 3],
    [4, 5],
    [6, 7],
    [8, 9],
    [10, 11],
    [0, 1, 2, 3],
  ];
  const options = { costs: { requestBytes: 0, maxBytes: 50 * KiB }, memoryBytes: 220 * KiB };
  const bench = frameBench(await temporaryDirectory(t), frames, uses, options);
  await using _ = bench.source;
  t.true(await workThrough(bench, frames, uses));
  t.true(bench.watch.spooledBytes >= 200 * KiB);
  t.true(bench.watch.most <= 220 * KiB);
  t.is(bench.watch.requests, 12, 'none is fetched twice');
});

test('a frame used again in one window, after others have pushed out its plain bytes, is still there', async (t) => {
  const frames = packFrames(Array<number>(6).fill(MiB), 1);
  const uses = [[0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 5, 0]];
  const bench = frameBench(await temporaryDirectory(t), frames, uses, { memoryBytes: 2 * MiB });
  await using _ = bench.source;
  t.true(await workThrough(bench, frames, uses));
  t.is(bench.watch.requests, bench.requests.length);
});

test('a failure reaches everybody who waits, and whoever comes later; what is at hand can still be used', async (t) => {
  const frames = packFrames([1000, 1000, 1000], 1);
  const uses = [[0], [1], [2]];
  const gate = Promise.withResolvers<void>();
  const pace = async (_: number, offset: number): Promise<void> => {
    if (offset === frameOf(frames, 0).offset) return;
    await gate.promise;
    throw new SiltError('OBJECT_MISSING', 'gone');
  };
  const costs = { requestBytes: 0, maxBytes: 1000 };
  const { source } = frameBench(await temporaryDirectory(t), frames, uses, { pace, costs });
  await using _ = source;
  source.enter(0);
  await source.open(frameOf(frames, 0));
  const waiting = [1, 2, 1].map((number) =>
    throwsSilt(t, () => source.open(frameOf(frames, number)), 'OBJECT_MISSING'),
  );
  gate.resolve();
  await Promise.all(waiting);
  await throwsSilt(t, () => source.open(frameOf(frames, 2)), 'OBJECT_MISSING');
  t.is((await source.open(frameOf(frames, 0))).length, 1000);
});

test('after a failure nothing more is asked for', async (t) => {
  const frames = packFrames(Array<number>(20).fill(1000), 1);
  const pace = async (): Promise<void> => {
    throw new SiltError('NETWORK', 'broken', { transient: true });
  };
  const bench = frameBench(
    await temporaryDirectory(t),
    frames,
    frames.map((_, number) => [number]),
    { pace, parallel: 2, costs: { requestBytes: 0, maxBytes: 1000 } },
  );
  await using source = bench.source;
  source.enter(0);
  await throwsSilt(t, () => source.open(frameOf(frames, 0)), 'NETWORK');
  await allTurns();
  t.true(bench.watch.requests <= 2);
});

test('a spool that cannot be written is a failure like any other', async (t) => {
  const frames = packFrames(Array<number>(8).fill(10_000), 1);
  const uses = [[0, 1, 2, 3, 4, 5, 6, 7], [0]];
  const onSpool = (): void => {
    throw new SiltError('NO_SPACE', 'full');
  };
  const options = { onSpool, memoryBytes: 30_000, costs: { requestBytes: 0, maxBytes: 10_000 } };
  const bench = frameBench(await temporaryDirectory(t), frames, uses, options);
  await using _ = bench.source;
  await throwsSilt(t, () => workThrough(bench, frames, uses), 'NO_SPACE');
});

test('closing stops what is under way, and nothing happens afterwards', async (t) => {
  const frames = packFrames(Array<number>(10).fill(10_000), 1);
  const uses = frames.map((_, number) => [number]);
  let stopped = 0;
  const pace = async (_: number, offset: number, signal: AbortSignal | undefined): Promise<void> => {
    if (offset === frameOf(frames, 0).offset) return;
    const { promise, reject } = Promise.withResolvers<void>();
    signal?.addEventListener('abort', () => {
      stopped += 1;
      reject(signal.reason);
    });
    await promise;
  };
  const costs = { requestBytes: 0, maxBytes: 10_000 };
  const bench = frameBench(await temporaryDirectory(t), frames, uses, { pace, costs, parallel: 4 });
  bench.source.enter(0);
  await bench.source.open(frameOf(frames, 0));
  const waiting = t.throwsAsync(bench.source.open(frameOf(frames, 3)));
  await allTurns();
  await bench.source[Symbol.asyncDispose]();
  await waiting;
  t.is(stopped, 4);
  const { requests } = bench.watch;
  bench.spool.close();
  await allTurns();
  t.is(bench.watch.requests, requests);
});

test('a frame that is not planned cannot be waited for', async (t) => {
  const frames = packFrames([100, 100], 1);
  const { source } = frameBench(await temporaryDirectory(t), frames, [[0]]);
  await using _ = source;
  t.true(source.has(frameOf(frames, 0)));
  t.false(source.has(frameOf(frames, 1)));
  await throwsSilt(t, () => source.open(frameOf(frames, 1)), 'INTERNAL');
});

test('frames fetched for a repair stay for the next window, but not all of them', async (t) => {
  const frames = packFrames(Array<number>(6).fill(100 * KiB), 1);
  const { source, watch } = frameBench(await temporaryDirectory(t), frames, [[0]], {
    memoryBytes: 800 * KiB,
  });
  await using _ = source;
  source.enter(0);
  for (const number of [1, 2, 3, 4, 5]) {
    await source.fetchNow(planRanges(spansOf(frames, [[number]])));
    t.is(
      Buffer.compare(await source.open(frameOf(frames, number)), frames[number]?.bytes ?? Buffer.alloc(0)),
      0,
    );
  }
  t.deepEqual(
    [1, 2, 3, 4, 5].filter((number) => source.has(frameOf(frames, number))),
    [1, 2, 3, 4, 5],
  );
  source.enter(1);
  t.deepEqual(
    [1, 2, 3, 4, 5].filter((number) => source.has(frameOf(frames, number))),
    [4, 5],
  );
  t.is(watch.spooledBytes, 0);
});

test('a repair that needs more than there is room for goes to disk', async (t) => {
  const frames = packFrames(Array<number>(10).fill(100 * KiB), 1);
  const { source, watch } = frameBench(await temporaryDirectory(t), frames, [], { memoryBytes: 300 * KiB });
  await using _ = source;
  source.enter(0);
  const all = frames.map((_frame, number) => number);
  await source.fetchNow(planRanges(spansOf(frames, [all]), { requestBytes: 0, maxBytes: 4 * MiB }));
  t.true(watch.spooledBytes > 500 * KiB);
  for (const { frame, bytes } of frames) t.is(Buffer.compare(await source.open(frame), bytes), 0);
});

test('of an object on trial nothing is fetched ahead, and what comes behind it does not wait for that', async (t) => {
  const property = fc.asyncProperty(
    fc.record({
      lengths: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 2, maxLength: 30 }),
      packs: fc.integer({ min: 1, max: 3 }),
      memoryBytes: fc.integer({ min: 0, max: 20_000 }),
      parallel: fc.integer({ min: 1, max: 4 }),
      trustAt: fc.nat(40),
      skipped: fc.boolean(),
    }),
    async ({ lengths, packs, trustAt, skipped, ...options }) => {
      const frames = packFrames(lengths, packs);
      const uses = frames.map((_, number) => [number]);
      const trial = packs - 1;
      const costs = { requestBytes: 0, maxBytes: 4000 };
      const asked = new Set<number>();
      const waited = new Set<number>();
      const pace = async (pack: number, offset: number): Promise<void> => {
        if (pack === trial) asked.add(offset);
      };
      const bench = frameBench(directory, frames, uses, { ...options, costs, pace, trial });
      await using source = bench.source;
      for (const [window, { frame, bytes }] of frames.entries()) {
        source.enter(window);
        if (window === trustAt) source.trust();
        await allTurns();
        const isTried = frame.pack === trial && window < trustAt;
        const wanted = bench.requests.every(
          ({ object, offset, spans }) =>
            object !== trial || !asked.has(offset) || spans.some(({ lastWindow }) => waited.has(lastWindow)),
        );
        t.true(wanted || window >= trustAt);
        if (isTried && skipped) continue;
        waited.add(window);
        t.is(await source.use(frame, (stored) => Buffer.compare(stored, bytes)), 0);
      }
      if (skipped && trustAt > frames.length) t.is(asked.size, 0);
      bench.spool.close();
    },
  );
  const directory = await temporaryDirectory(t);
  await fc.assert(property, { seed: 15, numRuns: 60 });
});
