import test from 'ava';
import { type WindowMap, ZERO_FRAME } from '../../src/format/level2.ts';
import { BasePlaces } from '../../src/publisher/base-places.ts';

const packs = [1, 2].map((fill) => ({
  digest: new Uint8Array(32).fill(fill),
  size: 1000,
  trailerLength: 10,
  trailerDigest: new Uint8Array(32),
}));

/** A window that takes chunks at these offsets of these frames. */
function windowOf(frames: readonly [pack: number, offset: number][], uses: readonly [number, number][]) {
  const map: WindowMap = {
    frames: frames.map(([pack, offset]) => {
      return { pack, offset, stored: 1, plain: 100, codec: 0, tag: new Uint8Array(16) };
    }),
    lengths: new Uint32Array(uses.length).fill(1),
    hints: new Float64Array(uses.length),
    frameOf: Int32Array.from(uses, ([frame]) => frame),
    offsetIn: Uint32Array.from(uses, ([, offset]) => offset),
  };
  return { map };
}

async function* each<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

test('a place is told by its pack, its frame and where it begins there, whichever window takes it', async (t) => {
  const places = new BasePlaces();
  const first = windowOf(
    [[0, 10]],
    [
      [0, 40],
      [0, 0],
      [ZERO_FRAME, 0],
    ],
  );
  const second = windowOf(
    [
      [1, 10],
      [0, 10],
    ],
    [
      [0, 7],
      [1, 90],
    ],
  );
  await places.add(packs, each(first, second));
  await places.add(packs.toReversed(), each(windowOf([[0, 60]], [[0, 5]])));
  const [one, two] = packs as [(typeof packs)[0], (typeof packs)[0]];
  for (const offset of [0, 40, 90]) t.true(places.has(one, 10, offset), String(offset));
  t.true(places.has(two, 10, 7));
  t.true(places.has(two, 60, 5), 'by the pack table of its own index');
  t.false(places.has(one, 10, 7));
  t.false(places.has(one, 60, 5));
  t.false(places.has(two, 10, 0));
});

test('nothing is taken where there is no release before', (t) => {
  t.false(new BasePlaces().has(packs[0]!, 0, 0));
});

test('past its capacity every place counts as taken, so that nothing is stored again for it', async (t) => {
  const places = new BasePlaces(2);
  await places.add(
    packs,
    each(
      windowOf(
        [[0, 10]],
        [
          [0, 0],
          [0, 1],
        ],
      ),
    ),
  );
  t.false(places.has(packs[1]!, 10, 0));
  await places.add(packs, each(windowOf([[0, 10]], [[0, 2]])));
  t.true(places.has(packs[1]!, 10, 0));
});
