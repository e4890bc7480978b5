import test from 'ava';
import fc from 'fast-check';
import { candidatesOf } from '../../src/delta/candidates.ts';
import type { Matches } from '../../src/delta/matches.ts';

function matchesOf(list: readonly (readonly [at: number, from: number, length: number])[]): Matches {
  return {
    at: Float64Array.from(list, ([at]) => at),
    from: Float64Array.from(list, ([, from]) => from),
    length: Float64Array.from(list, ([, , length]) => length),
  };
}

test('a match is clipped to the window, in its own positions', (t) => {
  const of = (at: number, from: number, length: number) =>
    candidatesOf(matchesOf([[at, from, length]]), 1000, 100, 5000);
  t.deepEqual(of(1010, 7, 20), [{ at: 10, from: 7, length: 20, earlier: false }]);
  t.deepEqual(of(500, 0, 3000), [{ at: 0, from: 500, length: 100, earlier: false }]);
  t.deepEqual(of(900, 50, 150), [{ at: 0, from: 150, length: 50, earlier: false }]);
  t.deepEqual(of(1090, 50, 150), [{ at: 90, from: 50, length: 10, earlier: false }]);
});

test('one that ends or begins a little outside is a byte at the edge; farther away it is nothing', (t) => {
  const of = (at: number, length: number) => candidatesOf(matchesOf([[at, at, length]]), 1000, 100, 5000);
  t.deepEqual(of(900, 50), [{ at: 0, from: 1000, length: 1, earlier: false }]);
  t.deepEqual(of(1200, 50), [{ at: 99, from: 1099, length: 1, earlier: false }]);
  t.deepEqual(of(500, 50), []);
  t.deepEqual(of(1500, 50), []);
});

test('the source bounds a candidate, and what is outside of it is left out', (t) => {
  t.deepEqual(candidatesOf(matchesOf([[0, 90, 50]]), 0, 100, 100), [
    { at: 0, from: 90, length: 10, earlier: false },
  ]);
  t.deepEqual(candidatesOf(matchesOf([[0, 100, 50]]), 0, 100, 100), []);
  t.deepEqual(candidatesOf(matchesOf([[0, 0, 50]]), 0, 100, 0, true), []);
  // It would begin ahead of the source.
  t.deepEqual(candidatesOf(matchesOf([[1100, 50, 200]]), 1000, 300, 500), [
    { at: 100, from: 50, length: 200, earlier: false },
  ]);
});

test('any matches give candidates inside of window and source, and not too many bytes of them', (t) => {
  const match = fc.tuple(fc.nat(5000), fc.nat(5000), fc.nat(5000));
  fc.assert(
    fc.property(
      fc.array(match, { maxLength: 60 }),
      fc.nat(4000),
      fc.integer({ min: 1, max: 900 }),
      fc.nat(5000),
      (list, offset, length, size) => {
        const candidates = candidatesOf(matchesOf(list), offset, length, size);
        t.true(candidates.every((one) => one.at >= 0 && one.length >= 1 && one.at + one.length <= length));
        t.true(candidates.every((one) => one.from >= 0 && one.from + one.length <= size));
        t.true(candidates.reduce((sum, one) => sum + one.length, 0) <= 8 * length);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});
