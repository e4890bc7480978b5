/**
 * The Base as the codec sees it: bytes at random places, read synchronously; `SourceFile` is one.
 *
 * @module
 */
export interface BaseReader {
  readonly size: number;
  /** Reads at `at`; fewer bytes than asked for only at the end. */
  read(at: number, into: Uint8Array): number;
}

/** Fills `into` with the bytes of the Base from `at` on, which may be negative; zeros outside the Base. */
export function readAround(base: BaseReader, at: number, into: Uint8Array): void {
  const skipped = Math.min(into.length, Math.max(0, -at));
  into.fill(0, 0, skipped);
  const wanted = Math.max(0, Math.min(into.length - skipped, base.size - (at + skipped)));
  const count = wanted === 0 ? 0 : base.read(at + skipped, into.subarray(skipped, skipped + wanted));
  into.fill(0, skipped + count);
}

/** The first `size` bytes of `base`: a block device is often larger than the image on it. */
export function firstBytes(base: BaseReader, size: number): BaseReader {
  const read = (at: number, into: Uint8Array): number => {
    const count = Math.max(0, Math.min(into.length, size - at));
    return count === 0 ? 0 : base.read(at, into.subarray(0, count));
  };
  return { size: Math.min(size, base.size), read };
}
