/**
 * Small questions about bytes that every layer asks.
 *
 * @module
 */

/** True when both hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && Buffer.compare(a, b) === 0;
}

/** The bytes of `chunks`, joined, as one array; throws nothing, copies once. */
export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(chunks);
}

const zeros = new Uint8Array(64 * 1024);

/** True when every byte is zero. Compares in blocks of 64 KiB, at memory speed. */
export function isZero(bytes: Uint8Array): boolean {
  // Most data fails on its first byte or its last; ask those before comparing anything.
  if (bytes.length === 0) return true;
  if (bytes[0] !== 0 || bytes[bytes.length - 1] !== 0) return false;
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length);
    if (Buffer.compare(part, part.length === zeros.length ? zeros : zeros.subarray(0, part.length)) !== 0) {
      return false;
    }
  }
  return true;
}
