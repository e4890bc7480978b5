/**
 * Where the bytes of an image came from, as it is put together.
 *
 * @module
 */

/** Bytes of the image by where they came from. */
export interface AssemblyTotals {
  bytesFromSeeds: number;
  bytesFromDelta: number;
  bytesFromTarget: number;
  bytesFromPacks: number;
  bytesZero: number;
  bytesWritten: number;
  repaired: number;
}

/** The totals of nothing done. */
export function noTotals(): AssemblyTotals {
  return {
    bytesFromSeeds: 0,
    bytesFromDelta: 0,
    bytesFromTarget: 0,
    bytesFromPacks: 0,
    bytesZero: 0,
    bytesWritten: 0,
    repaired: 0,
  };
}
