/**
 * Valid heads of delta files, for properties.
 *
 * @module
 */
import fc from 'fast-check';
import type { DeltaHeadRecord, DeltaWindowRecord } from '../../src/format/delta-file.ts';
import { MAX_WINDOW } from '../../src/format/limits.ts';
import { bytesOf } from './format-arbitraries.ts';

const digest = bytesOf(32);
const BASE_SIZE = 2 ** 43;

const windowOf = (checked: boolean, transforms: number): fc.Arbitrary<DeltaWindowRecord> => {
  const length = fc.oneof(fc.integer({ min: 1, max: MAX_WINDOW }), fc.constantFrom(1, 2 ** 20, MAX_WINDOW));
  const check = checked ? bytesOf(8) : fc.constant(undefined);
  const none = fc.record({
    length,
    check: fc.constant(undefined),
    source: fc.constantFrom({ kind: 'none' } as const, { kind: 'zero' } as const),
  });
  const copy = fc.record({
    length,
    check,
    source: fc.record({ kind: fc.constant('copy' as const), from: fc.nat(BASE_SIZE - MAX_WINDOW) }),
  });
  const coded = fc.record({
    length,
    check,
    source: fc.record({
      kind: fc.constant('coded' as const),
      transform: fc.nat(transforms),
      payload: fc.record({ length: fc.integer({ min: 1, max: 65_537 }), tag: bytesOf(16) }),
    }),
  });
  return fc.oneof(none, copy, coded);
};

/** What `encodeDeltaHead` takes. */
export const deltaHead: fc.Arbitrary<DeltaHeadRecord> = fc
  .record({
    baseDigest: digest,
    targetDigest: digest,
    transforms: fc.array(fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/), { maxLength: 4 }),
    checked: fc.boolean(),
  })
  .chain(({ baseDigest, targetDigest, transforms, checked }) =>
    fc.array(windowOf(checked, transforms.length), { maxLength: 30 }).map((windows) => ({
      base: { size: BASE_SIZE, digest: baseDigest },
      target: { size: windows.reduce((sum, { length }) => sum + length, 0), digest: targetDigest },
      transforms,
      windows,
    })),
  );
