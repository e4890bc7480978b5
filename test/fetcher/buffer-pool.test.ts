import test from 'ava';
import fc from 'fast-check';
import { KiB } from '../../src/core/sizes.ts';
import { BufferPool } from '../../src/fetcher/buffer-pool.ts';

test('buffers are long enough, never shared, and no more than were in use at once', (t) => {
  const command = fc.oneof(
    fc.record({ take: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 2 ** 20 })) }),
    fc.record({ give: fc.nat() }),
  );
  const property = fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
    const pool = new BufferPool();
    const used: Uint8Array<ArrayBuffer>[] = [];
    let peak = 0;
    for (const each of commands) {
      if ('take' in each) {
        const bytes = pool.take(each.take);
        t.is(bytes.length, each.take);
        t.true(bytes.buffer.byteLength <= Math.max(2 * each.take, 4 * KiB));
        t.false(used.some(({ buffer }) => buffer === bytes.buffer));
        used.push(bytes);
      } else if (used.length > 0) {
        pool.give(used.splice(each.give % used.length, 1)[0] as Uint8Array<ArrayBuffer>);
      }
      peak = Math.max(
        peak,
        used.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
      );
      t.true(pool.bytes <= peak);
    }
  });
  fc.assert(property, { seed: 4, numRuns: 200 });
});

test('a buffer that was given back is used again for one about as long', (t) => {
  const pool = new BufferPool();
  const first = pool.take(200_000);
  pool.give(first);
  t.is(pool.take(190_000).buffer, first.buffer);
});

test('many small ones take little', (t) => {
  const pool = new BufferPool();
  for (let i = 0; i < 800; i++) pool.take(5 * KiB);
  t.true(pool.bytes <= 800 * 8 * KiB);
});
