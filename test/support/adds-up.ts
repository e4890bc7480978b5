/**
 * Holding a report to its own words.
 *
 * @module
 */
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';

/** True when every byte of the image came from somewhere, and is counted once. */
export function addsUp(report: FetchReport): boolean {
  const { bytesFromSeeds, bytesFromDelta, bytesFromTarget, bytesZero, bytesKept, bytesFromPacks } = report;
  const image = bytesFromSeeds + bytesFromDelta + bytesFromTarget + bytesZero + bytesKept + bytesFromPacks;
  const { total, kept, zero, copied, delta, rebuilt } = report.windows;
  const { metadataBytes, indexBytes, deltaBytes, dataBytes } = report;
  return (
    image === report.imageSize &&
    kept + zero + copied + delta + rebuilt === total &&
    metadataBytes + indexBytes + deltaBytes + dataBytes === report.bytesFetched
  );
}
