import test from 'ava';
import fc from 'fast-check';
import { formatBytes, formatCount, formatRatio, formatSeconds } from '../../src/compare/figures.ts';
import { parseSize } from '../../src/core/sizes.ts';

test('bytes have three digits, in units of ten', (t) => {
  const cases: readonly [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [312_040, '312 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [2_200_254, '2.20 MB'],
    [9_996_000, '10.0 MB'],
    [29_719_576, '29.7 MB'],
    [189_060_000, '189 MB'],
    [4_294_967_296, '4.29 GB'],
    [2_500_000_000_000_000, '2,500 TB'],
  ];
  for (const [bytes, text] of cases) t.is(formatBytes(bytes), text);
});

test('bytes that are read again are off by half a percent at most', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999e12 }), (bytes) => {
      const read = parseSize(formatBytes(bytes));
      return Math.abs(read - bytes) <= bytes * 0.005;
    }),
    { seed: 20261122 },
  );
  t.pass();
});

test('seconds stay seconds', (t) => {
  const cases: readonly [number, string][] = [
    [0, '0.00 s'],
    [0.005, '0.01 s'],
    [0.314, '0.31 s'],
    [4.625, '4.63 s'],
    [95, '95.0 s'],
    [1839.6, '1,840 s'],
  ];
  for (const [seconds, text] of cases) t.is(formatSeconds(seconds), text);
});

test('counts and ratios', (t) => {
  t.is(formatCount(1096), '1,096');
  t.is(formatCount(2.5), '2.5');
  t.is(formatRatio(0.114), '0.11×');
  t.is(formatRatio(1), '1.00×');
  t.is(formatRatio(247.3), '247×');
});
