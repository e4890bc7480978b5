/**
 * Opening an envelope, on a device: its recipient is found by certificate, and only ways of wrapping that are
 * safe are followed. See `envelope.ts`.
 *
 * @module
 */
import {
  constants,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  type JsonWebKeyInput,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto';
import { equalBytes } from '../../core/bytes.ts';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { readExtensions } from '../x509/certificate-extensions.ts';
import type { Certificate } from '../x509/certificates.ts';
import { agreementHashes, oaepHashes } from './envelope-algorithms.ts';
import { type Recipient, readEnvelopedData } from './enveloped-data.ts';
import { unwrapByAgreement } from './key-agreement.ts';
import { issuerAndSerialOf, recipientCertificate, unusable } from './recipient-certificate.ts';

/** Bytes of a content key. */
export const KEY_BYTES = 32;

/**
 * The key in an envelope, by the private key of one of its recipients.
 *
 * @param der what `wrapContentKey` makes, or `openssl cms -encrypt -aes256` of 32 bytes
 * @throws SiltError SEAL_NOT_RECIPIENT, SEAL_BROKEN for what does not open, KEY_UNUSABLE for a certificate or a
 *   private key that cannot be read, or that do not belong together
 */
export async function unwrapContentKey(
  der: Uint8Array,
  own: { readonly certificate: string; readonly privateKey: string | KeyObject },
): Promise<Uint8Array> {
  const certificate = recipientCertificate(own.certificate);
  const privateKey = privateKeyOf(own.privateKey, certificate);
  try {
    const { recipients, iv, ciphertext } = readEnvelopedData(der);
    const names = [issuerAndSerialOf(certificate), readExtensions(certificate).keyId] as const;
    for (const recipient of recipients()) {
      if (!isNamed(recipient.name, ...names)) continue;
      const cek = unwrap(recipient, privateKey);
      const decipher = createDecipheriv('aes-256-cbc', cek, iv);
      const key = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
      if (key.length !== KEY_BYTES) throw broken(`expected a key of ${KEY_BYTES} bytes, found ${key.length}`);
      return key;
    }
  } catch (cause) {
    if (isSiltError(cause)) throw cause;
    throw broken('it was altered, or made for another key', cause);
  }
  throw new SiltError(
    'SEAL_NOT_RECIPIENT',
    `the release is sealed, and ${certificate.subject} is none of its recipients; ask its publisher to include this certificate`,
    { details: { certificate: certificate.subject } },
  );
}

function privateKeyOf(key: string | KeyObject, { publicKey, subject }: Certificate): KeyObject {
  let found: KeyObject;
  try {
    found = typeof key === 'string' ? createPrivateKey(key) : key;
  } catch (cause) {
    throw unusable(
      'expected the private key of the recipient in PEM, unencrypted; found something else',
      cause,
    );
  }
  if (found.type === 'private' && createPublicKey(found).equals(publicKey)) return found;
  throw unusable(
    `the private key does not belong to the certificate ${subject}; give both of the same recipient`,
  );
}

function isNamed(
  name: Recipient['name'],
  issuerAndSerial: Uint8Array,
  keyId: Uint8Array | undefined,
): boolean {
  if ('issuerAndSerial' in name) return equalBytes(name.issuerAndSerial, issuerAndSerial);
  return keyId !== undefined && equalBytes(name.keyId, keyId);
}

function unwrap({ algorithm, encryptedKey, agreement }: Recipient, privateKey: KeyObject): Uint8Array {
  const name = hex(algorithm);
  if (agreement === undefined) {
    const oaepHash = oaepHashes.get(name);
    if (oaepHash === undefined)
      throw broken('expected RSA-OAEP, found another way to wrap a key, which is not safe');
    return privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash },
      encryptedKey,
    );
  }
  const hash = agreementHashes.get(name);
  if (hash === undefined) throw broken('expected ECDH with AES-256 key wrap, found another key agreement');
  const { ephemeral, userKeyingMaterial } = agreement;
  const publicKey = publicKeyAt(ephemeral, privateKey);
  return unwrapByAgreement(encryptedKey, {
    privateKey,
    publicKey,
    hash,
    ...(userKeyingMaterial && { userKeyingMaterial }),
  });
}

/** The key at an uncompressed point of the curve of `own`. @throws Error when there is no such point */
function publicKeyAt(point: Uint8Array, own: KeyObject): KeyObject {
  const { crv } = own.export({ format: 'jwk' });
  const half = (point.length - 1) / 2;
  if (point[0] !== 4 || crv === undefined) throw broken('expected an uncompressed point of a curve');
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)].map((part) =>
    Buffer.from(part).toString('base64url'),
  );
  return createPublicKey({ key: { kty: 'EC', crv, x, y }, format: 'jwk' } as JsonWebKeyInput);
}

/** The error of an envelope that does not open, and why. */
export function broken(why: string, cause?: unknown): SiltError {
  return new SiltError('SEAL_BROKEN', `the envelope of the content key does not open: ${why}`, {
    ...(cause !== undefined && { cause }),
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
