/**
 * SHA-256 (FIPS 180-4) as silt uses it: whole digests name objects, windows and chunks; truncated ones
 * only decide what is looked at next and never what is trusted (docs/format/README.md, "Digests").
 *
 * @module
 */
import { createHash, type Hash, hash } from 'node:crypto';

/** Bytes of a SHA-256 digest. */
export const DIGEST_BYTES = 32;

const HEX_DIGEST = /^[0-9a-f]{64}$/;

/** SHA-256 of `bytes`, 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** SHA-256 of `bytes` in lower-case hexadecimal: the name of an immutable object. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

/**
 * SHA-256 of `bytes` as a string of 32 characters, one a byte: for those who hash chunks by the hundred
 * thousand and look at a few bytes of each, since a string costs neither a buffer nor its finalisation.
 */
export function sha256Text(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'binary');
}

/** A running SHA-256. */
export function createSha256(): Hash {
  return createHash('sha256');
}

/** Lower-case hexadecimal of `digest`. */
export function toHex(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).toString('hex');
}

/** True when `text` is a SHA-256 digest in lower-case hexadecimal. */
export function isHexDigest(text: string): boolean {
  return HEX_DIGEST.test(text);
}
