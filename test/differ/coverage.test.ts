/**
 * Holes between matches, and matches that are joined.
 */
import test from 'ava';
import type { Matches } from '../../src/delta/matches.ts';
import { baseHoles, joined, targetHoles, total } from '../../src/differ/coverage.ts';

/** Matches from rows of at, from, length. */
function rows(...list: readonly (readonly [number, number, number])[]): Matches {
  return {
    at: Float64Array.from(list, ([at]) => at),
    from: Float64Array.from(list, ([, from]) => from),
    length: Float64Array.from(list, ([, , length]) => length),
  };
}

test('holes lie between matches, and know the diagonals beside them', (t) => {
  const holes = targetHoles(rows([10, 110, 20], [25, 525, 5], [50, 40, 10]), 100, 1, 0);
  t.deepEqual([...holes.ends], [0, 10, 30, 50, 60, 100]);
  t.deepEqual([...holes.diagonals], [Number.NaN, 100, 100, -10, -10, Number.NaN]);
  t.is(holes.bytes, 70);
});

test('holes grow by a margin, inside the file, and those that touch are one', (t) => {
  const holes = targetHoles(rows([10, 10, 6], [30, 0, 50]), 100, 1, 4);
  t.deepEqual([...holes.ends], [0, 34, 76, 100]);
  t.deepEqual([...holes.diagonals], [Number.NaN, -30, -30, Number.NaN]);
});

test('small holes are left out', (t) => {
  t.deepEqual([...targetHoles(rows([0, 0, 10], [15, 15, 10], [35, 35, 65]), 100, 6, 0).ends], [25, 35]);
  t.deepEqual([...targetHoles(rows(), 0, 1, 8).ends], []);
});

test('what no match refers to is a hole of the base, in whatever order the matches come', (t) => {
  t.deepEqual([...baseHoles(rows([0, 60, 10], [20, 5, 10], [40, 10, 20]), 80, 1, 0)], [0, 5, 30, 60, 70, 80]);
});

test('matches on one diagonal that are near to each other are one', (t) => {
  const list = joined([rows([50, 150, 10], [0, 100, 10]), rows([5, 105, 20], [30, 10, 5], [70, 170, 5])], 12);
  t.deepEqual(
    [[...list.at], [...list.from], [...list.length]],
    [
      [0, 30, 50],
      [100, 10, 150],
      [25, 5, 25],
    ],
  );
});

test('stretches add up', (t) => {
  t.is(total([0, 5, 10, 12]), 7);
});
