/**
 * CMS EnvelopedData (RFC 5652, §6) as it is read: DER, AES-256-CBC, and of all recipients only what names them,
 * so that an envelope for thousands costs a device little.
 *
 * @module
 */
import { MAX_ENVELOPE } from '../../format/limits.ts';
import {
  checkDer,
  childrenOf,
  contentOf,
  DerError,
  type DerValue,
  readDer,
  TAG,
  writeOid,
} from '../x509/der.ts';

export const DATA = '1.2.840.113549.1.7.1';
export const ENVELOPED_DATA = '1.2.840.113549.1.7.3';
export const AES256_CBC = '2.16.840.1.101.3.4.1.42';
export const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

/** Whom a recipient is: by issuer and serial number, the SEQUENCE of both; or by key identifier. */
export type RecipientName = { readonly issuerAndSerial: Uint8Array } | { readonly keyId: Uint8Array };

/** One wrapped key, and all that is said about how it was wrapped. */
export interface Recipient {
  readonly name: RecipientName;
  /** AlgorithmIdentifier, as encoded. */
  readonly algorithm: Uint8Array;
  readonly encryptedKey: Uint8Array;
  /** Of a key agreement. */
  readonly agreement?: {
    /** An uncompressed point. */
    readonly ephemeral: Uint8Array;
    readonly userKeyingMaterial?: Uint8Array;
  };
}

export interface EnvelopedData {
  /** Read one after another; those that silt does not know are left out. */
  recipients(): Generator<Recipient>;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** @throws DerError for anything else */
export function readEnvelopedData(bytes: Uint8Array): EnvelopedData {
  if (bytes.length > MAX_ENVELOPE) throw new DerError(`expected at most ${MAX_ENVELOPE} bytes`);
  checkDer(bytes);
  const [type, content, ...rest] = childrenOf(readDer(bytes), TAG.sequence);
  if (!isOid(type, ENVELOPED_DATA) || rest.length > 0) throw new DerError('expected EnvelopedData');
  const [version, infos, encrypted, ...more] = childrenOf(readDer(contentOf(content, 0xa0)), TAG.sequence);
  const recipients = childrenOf(infos ?? missing(), TAG.set);
  // RFC 5652, §6.1, without originator and attributes, which nobody needs here.
  const expected = recipients.every(isOldest) ? 0 : 2;
  if (numberOf(version) !== expected || more.length > 0) throw new DerError(`expected version ${expected}`);
  const [contentType, cipher, ciphertext] = childrenOf(encrypted ?? missing(), TAG.sequence);
  const [cipherId, iv, ...others] = childrenOf(cipher ?? missing(), TAG.sequence);
  if (!isOid(contentType, DATA)) throw new DerError('expected plain data inside');
  if (!isOid(cipherId, AES256_CBC) || others.length > 0) throw new DerError('expected AES-256-CBC');
  return {
    *recipients() {
      for (const info of recipients) yield* recipientsOf(info);
    },
    iv: contentOf(iv, TAG.octetString),
    ciphertext: contentOf(ciphertext, 0x80),
  };
}

/** An RSA recipient, named by issuer and serial number. */
function isOldest(info: DerValue): boolean {
  return info.tag === TAG.sequence && numberOf(childrenOf(info, TAG.sequence)[0]) === 0;
}

function* recipientsOf(info: DerValue): Generator<Recipient> {
  if (info.tag === TAG.sequence) {
    const [version, name, algorithm, key, ...rest] = childrenOf(info, TAG.sequence);
    if (!algorithm || rest.length > 0) throw new DerError('expected a recipient');
    // RFC 5652, §6.2.1: 0 where it is named by issuer and serial number, else 2.
    const named = nameOf(name, 0x80, (value) => value.content);
    if (numberOf(version) !== ('keyId' in named ? 2 : 0)) throw new DerError('expected version 0 or 2');
    yield {
      name: named,
      algorithm: algorithm.whole,
      encryptedKey: contentOf(key, TAG.octetString),
    };
  } else if (info.tag === 0xa1) {
    yield* agreedRecipientsOf(childrenOf(info, 0xa1));
  }
}

/** RFC 5652, §6.2.2: one ephemeral key for one recipient or several. */
function* agreedRecipientsOf([version, originator, ...fields]: readonly DerValue[]): Generator<Recipient> {
  const ukm = fields[0]?.tag === 0xa1 ? fields.shift() : undefined;
  const [algorithm, keys, ...rest] = fields;
  if (numberOf(version) !== 3 || !algorithm || !keys || rest.length > 0)
    throw new DerError('expected version 3');
  const [id, point] = childrenOf(readDer(contentOf(originator, 0xa0)), 0xa1);
  const [curve] = childrenOf(id ?? missing(), TAG.sequence);
  if (!isOid(curve, EC_PUBLIC_KEY)) throw new DerError('expected an elliptic curve key');
  const bits = contentOf(point, TAG.bitString);
  if (bits[0] !== 0) throw new DerError('expected whole bytes');
  const agreement = {
    ephemeral: bits.subarray(1),
    ...(ukm && { userKeyingMaterial: contentOf(readDer(ukm.content), TAG.octetString) }),
  };
  for (const entry of childrenOf(keys, TAG.sequence)) {
    const [name, key, ...others] = childrenOf(entry, TAG.sequence);
    if (others.length > 0) throw new DerError('expected a recipient');
    yield {
      name: nameOf(name, 0xa0, (value) => contentOf(childrenOf(value, 0xa0)[0], TAG.octetString)),
      algorithm: algorithm.whole,
      encryptedKey: contentOf(key, TAG.octetString),
      agreement,
    };
  }
}

function nameOf(
  value: DerValue | undefined,
  keyIdTag: number,
  keyId: (value: DerValue) => Uint8Array,
): RecipientName {
  if (value?.tag === keyIdTag) return { keyId: keyId(value) };
  contentOf(value, TAG.sequence);
  return { issuerAndSerial: (value ?? missing()).whole };
}

function isOid(value: DerValue | undefined, oid: string): boolean {
  return value !== undefined && Buffer.compare(value.whole, writeOid(oid)) === 0;
}

function numberOf(value: DerValue | undefined): number {
  const content = contentOf(value, TAG.integer);
  return content.length === 1 ? (content[0] ?? -1) : -1;
}

function missing(): never {
  throw new DerError('the envelope is incomplete');
}
