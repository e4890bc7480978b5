import test from 'ava';
import fc from 'fast-check';
import { LEAST_PART, type SharedCost, windowsToDrop } from '../../src/publisher/choose-windows.ts';

interface Scene {
  /** Bytes of each frame. */
  readonly stored: readonly number[];
  readonly windows: readonly { readonly frames: readonly number[]; readonly payload?: number }[];
}

/** Level 2 costs nothing here. */
function costOf({ stored, windows }: Scene): SharedCost {
  return {
    level2Of: () => 0,
    framesOf: (window) => windows[window]?.frames ?? [],
    storedBytes: (frame) => stored[frame] ?? 0,
  };
}

function drop(scene: Scene): number[] {
  const payloads = scene.windows.map(({ payload }) => payload);
  const missing = payloads.flatMap((payload, i) => (payload === undefined ? [i] : []));
  return windowsToDrop(payloads, missing, costOf(scene));
}

/** What a device fetches when these windows are not in the delta. */
function fetched(scene: Scene, dropped: readonly number[]): number {
  const asChunks = scene.windows.flatMap(({ payload }, i) =>
    payload === undefined || dropped.includes(i) ? [i] : [],
  );
  const payloads = scene.windows.reduce(
    (sum, { payload }, i) => sum + (asChunks.includes(i) ? 0 : (payload ?? 0)),
    0,
  );
  const frames = new Set(asChunks.flatMap((window) => scene.windows[window]?.frames ?? []));
  return payloads + [...frames].reduce((sum, frame) => sum + (scene.stored[frame] ?? 0), 0);
}

test('a window stays as long as fetching its frame for it alone costs more', (t) => {
  const windows = [
    { frames: [0], payload: 55 },
    { frames: [0], payload: 20 },
  ];
  t.deepEqual(drop({ stored: [100], windows }), []);
});

test('windows that share a frame go together when it costs less than all their payloads', (t) => {
  const windows = [
    { frames: [0], payload: 55 },
    { frames: [1], payload: 1 },
    { frames: [0], payload: 50 },
  ];
  t.deepEqual(drop({ stored: [100, 100], windows }), [0, 2]);
});

test('a window goes when its frame is fetched anyway, for one that the delta does not have', (t) => {
  t.deepEqual(drop({ stored: [100], windows: [{ frames: [0] }, { frames: [0], payload: 3 }] }), [1]);
});

test('a window that saves next to nothing is not stored twice', (t) => {
  t.deepEqual(drop({ stored: [100_000], windows: [{ frames: [0], payload: 99_000 }] }), [0]);
  t.deepEqual(drop({ stored: [100_000], windows: [{ frames: [0], payload: 98_000 }] }), []);
});

test('what is dropped makes other windows cheaper in turn', (t) => {
  const windows = [
    { frames: [0, 1], payload: 60 },
    { frames: [0], payload: 101 },
    { frames: [1], payload: 30 },
  ];
  t.deepEqual(drop({ stored: [100, 50], windows }), [0, 1, 2]);
});

test('of windows in a row that share frames with their neighbours just the right ones go', (t) => {
  const windows = [5, 5, 50, 90, 90, 50, 5].map((payload, i) => ({ frames: [i, i + 1], payload }));
  const stored = [100, 100, 100, 65, 65, 65, 100, 100];
  t.deepEqual(drop({ stored, windows }), []);
  t.deepEqual(drop({ stored: stored.map((bytes) => bytes - 5), windows }), [3, 4]);
});

test('no other choice of windows makes a device fetch less, but for the part that is not worth it', (t) => {
  const window = fc.record(
    {
      frames: fc.uniqueArray(fc.nat(3), { maxLength: 3 }),
      payload: fc.integer({ min: 1000, max: 120_000 }),
    },
    { requiredKeys: ['frames'] },
  );
  const scene = fc.record({
    stored: fc.array(fc.integer({ min: 1000, max: 200_000 }), { minLength: 4, maxLength: 4 }),
    windows: fc.array(window, { maxLength: 6 }),
  });
  fc.assert(
    fc.property(scene, (example) => {
      const coded = example.windows.flatMap(({ payload }, i) => (payload === undefined ? [] : [i]));
      const dropped = drop(example);
      t.true(dropped.every((i) => coded.includes(i)));
      const subsets = Array.from({ length: 2 ** coded.length }, (_, bits) =>
        coded.filter((_window, bit) => ((bits >> bit) & 1) === 1),
      );
      const least = Math.min(...subsets.map((subset) => fetched(example, subset)));
      // A few bytes for what is rounded.
      t.true(fetched(example, dropped) * (1 - LEAST_PART) <= least + 10);
    }),
    { seed: 1, numRuns: 500 },
  );
});
