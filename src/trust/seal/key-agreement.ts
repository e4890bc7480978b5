/**
 * Wrapping a key for the holder of an elliptic curve key: ephemeral-static ECDH, the KDF of X9.63 and AES key
 * wrap, as CMS uses them (RFC 5753, §7; RFC 3394).
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, diffieHellman, type KeyObject } from 'node:crypto';
import { TAG, writeDer, writeOid } from '../x509/der.ts';

/** AlgorithmIdentifier of id-aes256-wrap. */
export const AES256_WRAP: Uint8Array = writeDer(TAG.sequence, writeOid('2.16.840.1.101.3.4.1.45'));

export type KdfHash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** The schemes of RFC 5753, §7.1.4, by the hash of their KDF. That of OpenSSL's default is SHA-1, which does here. */
export const KDF_SCHEMES: Readonly<Record<KdfHash, string>> = {
  sha1: '1.3.133.16.840.63.0.2',
  sha256: '1.3.132.1.11.1',
  sha384: '1.3.132.1.11.2',
  sha512: '1.3.132.1.11.3',
};

/** Both sides of the agreement: one's private and the other's public key. */
export interface Agreement {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly hash: KdfHash;
  /** What the sender added, if anything. */
  readonly userKeyingMaterial?: Uint8Array;
}

const KEY_BYTES = 32;
/** RFC 3394, §2.2.3.1. */
const WRAP_IV = Buffer.alloc(8, 0xa6);

/** `key` wrapped by what is agreed on. */
export function wrapByAgreement(key: Uint8Array, agreement: Agreement): Uint8Array {
  const cipher = createCipheriv('id-aes256-wrap', agreedKey(agreement), WRAP_IV);
  return Buffer.concat([cipher.update(key), cipher.final()]);
}

/** @throws Error when `wrapped` was not made for this agreement, or was altered */
export function unwrapByAgreement(wrapped: Uint8Array, agreement: Agreement): Uint8Array {
  const decipher = createDecipheriv('id-aes256-wrap', agreedKey(agreement), WRAP_IV);
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}

/** ANSI X9.63, §5.6.3: hash of secret, counter and ECC-CMS-SharedInfo (RFC 5753, §7.2). */
function agreedKey({ privateKey, publicKey, hash, userKeyingMaterial }: Agreement): Uint8Array {
  const secret = diffieHellman({ privateKey, publicKey });
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(KEY_BYTES * 8);
  const sharedInfo = writeDer(
    TAG.sequence,
    AES256_WRAP,
    ...(userKeyingMaterial ? [writeDer(0xa0, writeDer(TAG.octetString, userKeyingMaterial))] : []),
    writeDer(0xa2, writeDer(TAG.octetString, bits)),
  );
  const blocks: Buffer[] = [];
  const counter = Buffer.alloc(4);
  for (let made = 0; made < KEY_BYTES; made += (blocks.at(-1) as Buffer).length) {
    counter.writeUInt32BE(blocks.length + 1);
    blocks.push(createHash(hash).update(secret).update(counter).update(sharedInfo).digest());
  }
  return Buffer.concat(blocks).subarray(0, KEY_BYTES);
}
