/**
 * What seals a release: a content key, and the seals of single objects derived from it. docs/format/sealing.md §2.
 *
 * The key of an object follows from the content key, the kind of the object and a salt that stands for all of
 * its content. So an object key meets one content only, and sealing is a pure function: what is the same before
 * it is the same afterwards, and need not be stored twice.
 *
 * @module
 */
import { createHmac, hkdfSync } from 'node:crypto';
import { SiltError } from '../../core/errors.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { MetadataReader } from '../releases.ts';
import { AesGcmSeal } from './object-seal.ts';

export type SealedKind = 'index' | 'pack' | 'delta';

/** Bytes by which a sealed segment is longer than its plain text: the tag of AES-GCM. */
export const SEAL_OVERHEAD = 16;

/** Bytes of a content key, and of a master secret. */
export const CONTENT_KEY_BYTES = 32;

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
  /** The object salt of an index or a delta. @param digest SHA-256 of all of its plain bytes */
  saltOf(kind: SealedKind, digest: Uint8Array): Uint8Array;
  /**
   * @param salt 32 bytes that stand for the content of the object: equal only where all of the content is
   * @param name what errors call the object; default: its kind
   */
  objectSeal(kind: SealedKind, salt: Uint8Array, name?: string): ObjectSeal;
}

/**
 * Finds the content key of a sealed release; how is what makes a device one of its recipients.
 *
 * @param store what the envelope is read from, so that it counts; default: what the opener was made with
 * @throws SiltError SEAL_NOT_RECIPIENT, SEAL_BROKEN; OBJECT_MISSING and the like for the envelope
 */
export type OpenContentKey = (manifest: Manifest, store?: MetadataReader) => Promise<ContentKey>;

/** The content key of these 32 bytes. @throws SiltError SEAL_BROKEN for another number of them */
export function contentKeyOf(bytes: Uint8Array): ContentKey {
  if (bytes.length !== CONTENT_KEY_BYTES) {
    throw new SiltError(
      'SEAL_BROKEN',
      `expected a content key of ${CONTENT_KEY_BYTES} bytes, found ${bytes.length}; publish the release again`,
    );
  }
  return {
    id: createHmac('sha256', bytes).update('silt content key id 1').digest('hex').slice(0, 32),
    saltOf: (kind, digest) =>
      createHmac('sha256', bytes).update(`silt seal salt 1 ${kind}\0`).update(digest).digest(),
    objectSeal: (kind, salt, name = kind) => new AesGcmSeal(derive(bytes, salt, `silt seal 1 ${kind}`), name),
  };
}

/** 32 bytes by HKDF-SHA256 (RFC 5869). */
export function derive(secret: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, CONTENT_KEY_BYTES));
}

/**
 * The content key of a release: `undefined` for one that is not sealed.
 *
 * @throws SiltError SEAL_KEY_REQUIRED when it is and there is nothing to open it with; what `open` throws
 */
export async function contentKeyFor(
  manifest: Manifest,
  open: OpenContentKey | undefined,
  store?: MetadataReader,
): Promise<ContentKey | undefined> {
  if (manifest.sealing === undefined) return undefined;
  if (open !== undefined) return await open(manifest, store);
  const { product, version } = manifest;
  throw new SiltError(
    'SEAL_KEY_REQUIRED',
    `${product} ${version} is sealed: expected a key of one of its recipients, found none; ` +
      'name --recipient-cert and --recipient-key, or the master secret with --seal',
    { details: { product, version, keyId: manifest.sealing.keyId } },
  );
}
