/**
 * The matcher on bytes in memory: what it must find, and that hard texts do not hold it up.
 */
import test, { type ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { Matcher } from '../../src/delta/matcher.ts';
import type { Matches } from '../../src/delta/matches.ts';
import { bytesReader } from '../support/bytes-reader.ts';
import { equalShare, matchFault } from '../support/match-coverage.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const matcher = new Matcher();

interface Where {
  readonly pieces?: readonly number[];
  readonly gaps?: readonly number[];
  readonly diagonals?: readonly number[];
}

/** Matches of the whole target in the whole base, if nothing else is said. */
function matched(
  t: ExecutionContext<unknown>,
  base: Uint8Array,
  target: Uint8Array,
  where: Where = {},
): Matches {
  const {
    pieces = [0, base.length],
    gaps = [0, target.length],
    diagonals = gaps.map(() => Number.NaN),
  } = where;
  const matches = matcher.match(bytesReader(base), bytesReader(target), {
    pieces: Float64Array.from(pieces),
    gaps: Float64Array.from(gaps),
    diagonals: Float64Array.from(diagonals),
  });
  for (let i = 0; i < matches.at.length; i++) {
    const one = {
      at: matches.at.slice(i, i + 1),
      from: matches.from.slice(i, i + 1),
      length: matches.length.slice(i, i + 1),
    };
    t.is(matchFault(one, base.length, target.length), undefined);
  }
  return matches;
}

const join = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

test('a moved stretch is found in a segment, however far it moved', (t) => {
  const base = seededBytes('moved', 2 * MiB);
  const target = join(
    seededBytes('other', 40_000),
    base.subarray(1_500_000, 1_504_096),
    seededBytes('more', 30_000),
  );
  const matches = matched(t, base, target);
  t.is(equalShare(matches, base, target, 40_000, 44_096), 1);
  t.true(matches.at.length < 5);
});

test('a segment of many pieces gives places in the base', (t) => {
  const base = seededBytes('pieces', 300_000);
  const target = join(base.subarray(205_000, 206_000), base.subarray(10_500, 11_000), base.subarray(10, 400));
  const matches = matched(t, base, target, { pieces: [0, 500, 10_000, 12_000, 200_000, 210_000] });
  t.is(equalShare(matches, base, target), 1);
});

test('a match that goes over the edge of a piece goes on in the next one, or ends', (t) => {
  const base = seededBytes('edges', 10_000);
  const target = base.slice(2_000, 4_000);
  const matches = matched(t, base, target, { pieces: [1_900, 3_000, 3_000, 3_500, 6_000, 7_000] });
  t.true(equalShare(matches, base, target) >= 0.75);
});

test('a byte changed every 20 does not break a diagonal', (t) => {
  const base = seededBytes('code', 200_000);
  const target = base.map((byte, at) => (at % 20 === 7 ? byte ^ 0x5a : byte));
  for (const where of [{}, { pieces: [], diagonals: [0, 0] }]) {
    const matches = matched(t, base, target, where);
    t.true(equalShare(matches, base, target) >= 0.949);
    t.true(matches.at.length <= 2, `${matches.at.length} matches`);
  }
});

test('near search follows insertions and removals from diagonal to diagonal', (t) => {
  const base = seededBytes('near', 900_000);
  const target = join(
    base.subarray(0, 100_000),
    seededBytes('in 1', 33),
    base.subarray(100_000, 300_000),
    base.subarray(300_777, 600_000),
    seededBytes('in 2', 5_000),
    base.subarray(600_000),
  );
  const matches = matched(t, base, target, { pieces: [], diagonals: [0, base.length - target.length] });
  t.true(equalShare(matches, base, target) >= 890_000 / target.length);
  t.true(matches.at.length < 12);
});

test('near search begins on the right neighbour where there is no left one', (t) => {
  const base = join(seededBytes('head', 500_000), seededBytes('tail', 3_000));
  const target = join(seededBytes('tail', 3_000), seededBytes('new', 10));
  const matches = matched(t, base, target, { pieces: [], diagonals: [Number.NaN, 500_000] });
  t.true(equalShare(matches, base, target, 0, 3_000) === 1);
});

test('nothing in common, nothing found', (t) => {
  const [base, target] = [seededBytes('a', 300_000), seededBytes('b', 300_000)];
  t.is(matched(t, base, target).at.length, 0);
  t.is(matched(t, base, target, { pieces: [] }).at.length, 0);
});

test('short texts and short gaps are no trouble', (t) => {
  const bytes = seededBytes('short', 64);
  for (const length of [0, 1, 2, 7, 8, 9, 16, 33, 64]) {
    const text = bytes.subarray(0, length);
    for (const pieces of [[0, length], []]) {
      const matches = matched(t, text, text, {
        pieces,
        diagonals: pieces.length > 0 ? [Number.NaN, Number.NaN] : [0, 0],
      });
      if (length >= 16) t.is(equalShare(matches, text, text), 1, `${length} bytes`);
    }
  }
});

test('a shortest match at the very end of text and target is found', (t) => {
  const shared = seededBytes('end', 16);
  const base = join(seededBytes('x', 1_000), shared);
  const target = join(seededBytes('y', 100), shared);
  t.is(equalShare(matched(t, base, target), base, target, 100), 1);
});

/** Texts in which nearly everything resembles nearly everything. */
const hard: Readonly<Record<string, Uint8Array>> = {
  zeros: new Uint8Array(4 * MiB),
  'period 3': new Uint8Array(4 * MiB).map((_, at) => at % 3),
  'period 1000': new Uint8Array(4 * MiB).map((_, at) => Math.imul(at % 1000, 2654435761) >>> 24),
  'zeros with a byte now and then': new Uint8Array(4 * MiB).map((_, at) =>
    at % 97 === 0 ? 1 + (at % 5) : 0,
  ),
};

for (const [name, text] of Object.entries(hard)) {
  test(`${name}: time does not run away`, (t) => {
    const other = text.slice(0, 2 * MiB);
    for (let at = 1000; at < other.length; at += 4099) other[at] = (other[at] as number) ^ 0xff;
    for (const where of [{}, { pieces: [], diagonals: [0, 0] }]) {
      const matches = matched(t, text, other, where);
      t.true(matches.at.length < other.length / 100);
      if (name !== 'zeros') t.true(equalShare(matches, text, other) > 0.9);
    }
  });
}

test('an unmodified copy of real-looking bytes is one match a block at most', (t) => {
  const text = sampleData('text', 600 * KiB);
  const matches = matched(t, text, text, { diagonals: [0, 0] });
  t.is(equalShare(matches, text, text), 1);
  t.true(matches.at.length <= 3);
});
