/**
 * The head of a delta file with windows of every kind, the same in every run.
 *
 * @module
 */
import { sha256 } from '../../src/core/digest.ts';
import type { DeltaHeadRecord } from '../../src/format/delta-file.ts';

const digest = (name: string): Uint8Array => new Uint8Array(sha256(Buffer.from(name)));
const tag = (name: string): Uint8Array => digest(name).slice(0, 16);

/** A delta with windows of every kind; the fourth and the last are coded, and the third is copied backwards. */
export const sampleDelta: DeltaHeadRecord = {
  base: { size: 3_000_000, digest: digest('delta base') },
  target: { size: 3 * 1_048_576 + 500_000 + 77, digest: digest('delta target') },
  transforms: ['example-1'],
  windows: [
    { length: 1_048_576, check: tag('check 0').slice(0, 8), source: { kind: 'copy', from: 1_951_424 } },
    { length: 1_048_576, check: undefined, source: { kind: 'zero' } },
    { length: 1_048_576, check: tag('check 2').slice(0, 8), source: { kind: 'copy', from: 0 } },
    {
      length: 500_000,
      check: tag('check 3').slice(0, 8),
      source: { kind: 'coded', transform: 0, payload: { length: 400, tag: tag('payload 3') } },
    },
    { length: 7, check: undefined, source: { kind: 'none' } },
    {
      length: 70,
      check: tag('check 5').slice(0, 8),
      source: { kind: 'coded', transform: 1, payload: { length: 33, tag: tag('payload 5') } },
    },
  ],
};
