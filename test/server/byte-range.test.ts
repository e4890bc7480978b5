import test from 'ava';
import fc from 'fast-check';
import { MOST_RANGES, parseRange, parseRanges } from '../../src/server/byte-range.ts';

const spans = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([start, end]) => ({ start, end }));

test('several ranges are read in the order asked for', (t) => {
  t.deepEqual(parseRanges('bytes=0-1,4-5', 100), spans([0, 2], [4, 6]));
  t.deepEqual(parseRanges('bytes=90-, 0-9', 100), spans([90, 100], [0, 10]));
  t.deepEqual(parseRanges('Bytes = 0-0 ,, 50-59 , -5,', 100), spans([0, 1], [50, 60], [95, 100]));
  t.deepEqual(parseRanges('bytes=7-', 100), spans([7, 100]));
});

test('those beyond the object are left out, unless all are', (t) => {
  t.deepEqual(parseRanges('bytes=0-1,100-200,98-200', 100), spans([0, 2], [98, 100]));
  t.is(parseRanges('bytes=100-,200-', 100), 'unsatisfiable');
  t.is(parseRanges('bytes=0-1,2-3', 0), 'unsatisfiable');
});

test('a set with a malformed range is as if not asked for', (t) => {
  for (const header of ['bytes=0-1,x', 'bytes=0-1,5-2', 'bytes=0-1,-', 'bytes=,', 'lines=0-1,2-3']) {
    t.is(parseRanges(header, 100), undefined, header);
  }
});

/** Bytes 0, 10, 20, ... each by itself. */
const single = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i * 10}-${i * 10}`);

test('as many ranges as clients ask for are answered, and more are as if not asked for', (t) => {
  t.is(parseRanges(`bytes=${single(MOST_RANGES).join()}`, 10_000)?.length, MOST_RANGES);
  t.is(parseRanges(`bytes=${single(MOST_RANGES + 1).join()}`, 10_000), undefined);
  t.is(parseRanges(`bytes=${',0-0'.repeat(100_000)}`, 10_000), undefined);
  t.true(MOST_RANGES >= 255);
});

test('sets that would send an object many times over are refused', (t) => {
  t.is(parseRanges('bytes=0-,0-,0-', 100), 'unsatisfiable');
  t.is(parseRanges('bytes=0-50,40-60,55-70', 100), 'unsatisfiable');
  t.is(parseRanges('bytes=-100,-99,-98', 100), 'unsatisfiable');
  t.is(parseRanges(`bytes=${single(50).reverse().join()}`, 1000), 'unsatisfiable');
  t.deepEqual(parseRanges('bytes=0-50,40-60', 100), spans([0, 51], [40, 61]));
  t.is(parseRanges(`bytes=${single(5).reverse().join()}`, 1000)?.length, 5);
});

test('whatever is asked for, what is answered lies in the object and is at most twice as long', (t) => {
  const text = fc.oneof(
    fc.tuple(fc.nat(120), fc.nat(120)).map(([a, b]) => `${a}-${b}`),
    fc.nat(120).map((a) => `${a}-`),
    fc.nat(120).map((a) => `-${a}`),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 20 }), fc.nat(100), (list, size) => {
      const found = parseRanges(`bytes=${list.join()}`, size);
      if (typeof found !== 'object') return;
      t.true(found.every(({ start, end }) => 0 <= start && start < end && end <= size));
      t.true(found.reduce((sum, { start, end }) => sum + end - start, 0) <= 2 * size);
      t.true(found.length <= list.length);
    }),
  );
});

test('a server of single ranges ignores several', (t) => {
  t.is(parseRange('bytes=0-1,4-5', 100), undefined);
  t.deepEqual(parseRange('bytes=0-1', 100), { start: 0, end: 2 });
});
