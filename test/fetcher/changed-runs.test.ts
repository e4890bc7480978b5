import test from 'ava';
import fc from 'fast-check';
import { KiB } from '../../src/core/sizes.ts';
import { changedRuns } from '../../src/fetcher/changed-runs.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const BLOCK = 4 * KiB;

test('writing the runs gives the bytes, and no run holds a block that is the same', (t) => {
  const scene = fc.record({
    offset: fc.integer({ min: 0, max: 3 * BLOCK }),
    length: fc.integer({ min: 0, max: 6 * BLOCK }),
    had: fc.integer({ min: 0, max: 6 * BLOCK }),
    changes: fc.array(fc.nat(6 * BLOCK), { maxLength: 4 }),
  });
  const property = fc.property(scene, ({ offset, length, had, changes }) => {
    const bytes = seededBytes('runs', length);
    const old = Uint8Array.from(bytes).subarray(0, had);
    for (const at of changes) if (at < old.length) old[at] = (old[at] ?? 0) ^ 1;
    const result = new Uint8Array(length);
    result.set(old);
    const runs = changedRuns(offset, old, bytes);
    let end = -1;
    for (const { from, to } of runs) {
      t.true(from > end && to > from, 'in order, and joined where they meet');
      end = to;
      result.set(bytes.subarray(from, to), from);
      for (let at = from; at < to; ) {
        const next = Math.min(to, at + BLOCK - ((offset + at) % BLOCK));
        t.not(Buffer.compare(old.subarray(at, next), bytes.subarray(at, next)), 0);
        at = next;
      }
    }
    t.deepEqual(result, bytes);
  });
  fc.assert(property, { seed: 12, numRuns: 200 });
});
