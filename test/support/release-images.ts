/**
 * Two images as releases make them: the second is the first with a piece put in, a piece changed and a piece
 * more; both have zeros and repeats.
 *
 * @module
 */
import { KiB } from '../../src/core/sizes.ts';
import { seededBytes } from './seeded-bytes.ts';

const repeated = seededBytes('repeated', 300 * KiB);

/** Bytes of the first image that have to be fetched for a first install. */
export const OLD_DATA = 2600 * KiB;
export const oldImage: Buffer = Buffer.concat([
  seededBytes('release a', 1000 * KiB),
  Buffer.alloc(600 * KiB),
  repeated,
  seededBytes('release b', 700 * KiB),
  repeated,
  seededBytes('release c', 600 * KiB),
]);

/** Bytes of the second image that the first does not have. */
export const NEW_DATA = 150 * KiB;
export const newImage: Buffer = Buffer.concat([
  oldImage.subarray(0, 400 * KiB),
  seededBytes('release inserted', 20 * KiB),
  oldImage.subarray(400 * KiB, 2000 * KiB),
  seededBytes('release changed', 100 * KiB),
  oldImage.subarray(2100 * KiB),
  seededBytes('release added', 30 * KiB),
]);
