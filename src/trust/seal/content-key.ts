/**
 * What seals a release: a content key, and the seals of single objects derived from it. docs/format/sealing.md.
 *
 * @module
 */

export type SealedKind = 'index' | 'pack' | 'delta';

/** Bytes by which a sealed segment is longer than its plain text: the tag of AES-GCM. */
export const SEAL_OVERHEAD = 16;

/** Seals and opens the segments of one object. */
export interface ObjectSeal {
  /**
   * @param offset of the segment in the sealed object; no two segments of an object begin at the same place
   * @returns ciphertext and tag
   */
  seal(offset: number, plain: Uint8Array): Uint8Array;
  /** @throws SiltError SEAL_BROKEN unless `sealed` was made for this place of this object */
  open(offset: number, sealed: Uint8Array): Uint8Array;
}

export interface ContentKey {
  /** What a manifest says of it, 32 hexadecimal digits. */
  readonly id: string;
  /** @param salt 32 bytes that stand for the content of the object: equal only where all of the content is */
  objectSeal(kind: SealedKind, salt: Uint8Array): ObjectSeal;
}
