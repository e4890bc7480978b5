/**
 * Seals segments with AES-256-GCM (NIST SP 800-38D), each bound to its place: the nonce is the offset at which
 * the segment begins in the sealed object, so it opens nowhere else. docs/format/sealing.md §2.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { SiltError } from '../../core/errors.ts';
import type { ObjectSeal } from './content-key.ts';

const CIPHER = 'aes-256-gcm';
const TAG_BYTES = 16;
const NONCE_BYTES = 12;

export class AesGcmSeal implements ObjectSeal {
  readonly #key: KeyObject;
  readonly #name: string;

  /**
   * @param key 32 bytes that seal one object and no other
   * @param name what errors call it
   */
  constructor(key: Uint8Array, name: string) {
    this.#key = createSecretKey(key);
    this.#name = name;
  }

  seal(offset: number, plain: Uint8Array): Uint8Array {
    const cipher = createCipheriv(CIPHER, this.#key, nonceOf(offset), { authTagLength: TAG_BYTES });
    const text = cipher.update(plain);
    return Buffer.concat([text, cipher.final(), cipher.getAuthTag()]);
  }

  open(offset: number, sealed: Uint8Array): Uint8Array {
    const end = sealed.length - TAG_BYTES;
    if (end < 0) throw this.#broken(offset, sealed.length);
    const decipher = createDecipheriv(CIPHER, this.#key, nonceOf(offset), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(sealed.subarray(end));
    const plain = decipher.update(sealed.subarray(0, end));
    try {
      // Nothing of it is given away before this has compared the tag.
      decipher.final();
    } catch (cause) {
      throw this.#broken(offset, sealed.length, cause);
    }
    return plain;
  }

  #broken(offset: number, length: number, cause?: unknown): SiltError {
    return new SiltError(
      'SEAL_BROKEN',
      `${this.#name}: the ${length} sealed bytes at ${offset} were altered, cut or moved, or sealed with another key; ` +
        'the object or a cache on the way to it is damaged',
      { details: { object: this.#name, offset, length }, cause },
    );
  }
}

/** The offset as a `u64`, little-endian, and four bytes of zeros. */
function nonceOf(offset: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setBigUint64(0, BigInt(offset), true);
  return nonce;
}
