import test from 'ava';
import fc from 'fast-check';
import { sha256Hex } from '../../src/core/digest.ts';
import { PrefixDigests } from '../../src/fetcher/prefix-digests.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

test('every size that is reached has the digest of so many first bytes, however the bytes come', (t) => {
  const cases = fc.record({
    pieces: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 20 }),
    sizes: fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 6 }),
  });
  const property = fc.property(cases, ({ pieces, sizes }) => {
    const total = pieces.reduce((sum, length) => sum + length, 0);
    const bytes = seededBytes('prefix', total);
    const digests = new PrefixDigests(sizes);
    let at = 0;
    for (const length of pieces) {
      digests.update(bytes.subarray(at, at + length));
      at += length;
    }
    const reached = [...new Set(sizes)].filter((size) => size <= total && pieces.length > 0);
    const expected = reached
      .sort((a, b) => a - b)
      .map((size) => ({ size, sha256: sha256Hex(bytes.subarray(0, size)) }));
    t.deepEqual(digests.known, expected);
  });
  fc.assert(property, { seed: 12, numRuns: 200 });
});
