/**
 * Dense and sparse differences.
 */
import test from 'ava';
import fc from 'fast-check';
import {
  addDense,
  addSparse,
  denseDifferences,
  mostSparse,
  sparseFromDense,
} from '../../src/delta/difference-layout.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** Sparse differences added to zeros, in windows of several lengths: the dense ones. */
function spread(sparse: Uint8Array, length: number): Uint8Array {
  const dense = new Uint8Array(length);
  const third = Math.floor(length / 3);
  addSparse(sparse, [dense.subarray(0, third), dense.subarray(third, third), dense.subarray(third)]);
  return dense;
}

/** Runs of zeros and of other bytes, of which some take more than one byte to count. */
const dense = fc
  .array(
    fc.record({ zeros: fc.oneof(fc.nat(3), fc.nat(40_000)), others: fc.oneof(fc.nat(3), fc.nat(300)) }),
    { maxLength: 12 },
  )
  .map((runs) =>
    Uint8Array.from(
      runs.flatMap(({ zeros, others }) => [
        ...new Uint8Array(zeros),
        ...new Uint8Array(others).fill(1 + (others % 255)),
      ]),
    ),
  );

test('sparse differences are dense ones again, and never much longer', (t) => {
  fc.assert(
    fc.property(dense, (bytes) => {
      const sparse = sparseFromDense(bytes);
      t.true(sparse.length <= mostSparse(bytes.length));
      t.is(Buffer.compare(spread(sparse, bytes.length), bytes), 0);
    }),
    { seed: 1, numRuns: 100 },
  );
  const worst = new Uint8Array(999).map((_, at) => (at + 1) % 2);
  t.is(Buffer.compare(spread(sparseFromDense(worst), 999), worst), 0);
});

test('dense differences, added to the Base, give the window', (t) => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(bytes, fc.uint8Array({ minLength: 50, maxLength: 50 })), { maxLength: 8 }),
      (pairs) => {
        const stretches = pairs.map(([window, base]) => ({ window, base: base.subarray(0, window.length) }));
        const covers = stretches.map(({ base }) => base.slice());
        addDense(denseDifferences(stretches), covers);
        t.deepEqual(
          covers.map((cover) => [...cover]),
          stretches.map(({ window }) => [...window]),
        );
      },
    ),
    { seed: 2, numRuns: 100 },
  );
});

test('any bytes are sparse differences of the right length, or are refused', async (t) => {
  const inputs = fc.sample(fc.tuple(fc.uint8Array({ maxLength: 30 }), fc.nat(300)), {
    seed: 3,
    numRuns: 300,
  });
  const refused: Uint8Array[] = [];
  for (const [bytes, length] of inputs) {
    try {
      t.is(spread(bytes, length).length, length);
    } catch {
      refused.push(bytes);
      await throwsSilt(t, async () => spread(bytes, length), 'FORMAT_INVALID');
    }
  }
  t.true(refused.length > 50 && refused.length < inputs.length);
});

test('runs that leave the covers are refused', async (t) => {
  const long = [0xff, 0xff, 0xff, 0xff, 0x7f];
  const lists = [
    [1],
    [1, 2, 3],
    [9, 2, 1, 1],
    [0, 0x80],
    [...long, 0],
    [...long, ...long, 1],
    [...long.slice(0, 4), 0xff, 1, 1, 1],
  ];
  for (const bytes of lists) {
    await throwsSilt(t, async () => spread(Uint8Array.from(bytes), 10), 'FORMAT_INVALID');
  }
  await throwsSilt(t, async () => addDense(new Uint8Array(3), [new Uint8Array(4)]), 'FORMAT_INVALID');
  await throwsSilt(t, async () => addDense(new Uint8Array(5), [new Uint8Array(4)]), 'FORMAT_INVALID');
});
