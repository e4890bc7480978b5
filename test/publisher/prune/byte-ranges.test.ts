import test from 'ava';
import fc from 'fast-check';
import { ByteRanges } from '../../../src/publisher/prune/byte-ranges.ts';

const SIZE = 60;

test('whatever is added in whatever order, the set has these bytes and no others, in the fewest ranges', (t) => {
  const range = fc.record({ offset: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: 12 }) });
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), range, (added, asked) => {
      const set = new ByteRanges(added);
      const bits = Array.from({ length: SIZE + 20 }, () => 0);
      for (const { offset, length } of added) bits.fill(1, offset, offset + length);
      const list = set.list();
      const found = bits.map(() => 0);
      for (const { offset, length } of list) found.fill(1, offset, offset + length);
      t.is(found.join(''), bits.join(''));
      t.is(set.bytes, bits.filter((bit) => bit === 1).length);
      for (const [i, { offset }] of list.entries()) {
        const before = list[i - 1];
        if (before !== undefined) t.true(before.offset + before.length < offset);
      }
      t.is(
        set.has(asked),
        bits.slice(asked.offset, asked.offset + asked.length).every((bit) => bit === 1),
      );
    }),
    { seed: 5, numRuns: 2000 },
  );
});
