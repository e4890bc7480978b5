import test from 'ava';
import fc from 'fast-check';
import type { Matches } from '../../src/delta/matches.ts';
import { MatchCursor } from '../../src/differ/match-cursor.ts';

/** Matches with `from` as their names. */
function matchesAt(places: readonly (readonly [at: number, length: number])[]): Matches {
  return {
    at: Float64Array.from(places, ([at]) => at),
    from: Float64Array.from(places.keys()),
    length: Float64Array.from(places, ([, length]) => length),
  };
}

test('a match over many windows comes with each of them, and with none behind', (t) => {
  const cursor = new MatchCursor(
    matchesAt([
      [5_000, 1_000_000],
      [600_000, 10],
    ]),
  );
  const taken = Array.from({ length: 12 }, (_, i) => [...cursor.take(i * 100_000, 100_000).from]);
  t.deepEqual(taken, [[0], [0], [0], [0], [0], [0, 1], [0, 1], [0], [0], [0], [0], []]);
});

test('a match that ends or begins a little outside comes along', (t) => {
  const places = [
    [0, 744],
    [0, 745],
    [2255, 9],
    [2256, 9],
  ] as const;
  const cursor = new MatchCursor(matchesAt(places));
  t.deepEqual([...cursor.take(1000, 1000).from], [1, 2]);
  t.deepEqual([...cursor.take(2000, 1000).from], [2, 3]);
});

test('the columns stay together', (t) => {
  const cursor = new MatchCursor(
    matchesAt([
      [10, 5],
      [20, 6],
      [5000, 7],
    ]),
  );
  t.deepEqual(cursor.take(0, 100), {
    at: Float64Array.of(10, 20),
    from: Float64Array.of(0, 1),
    length: Float64Array.of(5, 6),
  });
});

test('any matches, any windows: what touches a window comes, in order, and little else', (t) => {
  const match = fc.tuple(
    fc.nat(20_000),
    fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 9000 })),
  );
  const windows = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(match, { maxLength: 40 }), windows, (list, lengths) => {
      const places = list.toSorted(([a], [b]) => a - b);
      const cursor = new MatchCursor(matchesAt(places));
      let offset = 0;
      for (const length of lengths) {
        const end = offset + length;
        const taken = [...cursor.take(offset, length).from];
        const near = (reach: number): number[] =>
          places.flatMap(([at, bytes], i) => (at < end + reach && at + bytes > offset - reach ? [i] : []));
        t.deepEqual(taken, near(256));
        t.true(near(0).every((i) => taken.includes(i)));
        offset = end;
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});
