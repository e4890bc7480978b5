/**
 * Which signatures of certificates, revocation lists and CMS are taken: RSA of 2048 bits and more (PKCS #1 v1.5
 * or PSS) and ECDSA on P-256 and P-384, over SHA-256, SHA-384 or SHA-512. Nothing else: no SHA-1, no MD5.
 * RFC 5754 (CMS), RFC 4055 (RSA), RFC 5758 (ECDSA).
 *
 * @module
 */
import { constants, type KeyObject, verify } from 'node:crypto';
import { equalBytes } from '../../core/bytes.ts';
import { childrenOf, contentOf, type DerValue, readDer, TAG, writeDer, writeOid } from './der.ts';

export type Hash = 'sha256' | 'sha384' | 'sha512';

/** Object identifiers (RFC 5754, §2). */
export const hashOids: Readonly<Record<Hash, string>> = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};
const HASHES = ['sha256', 'sha384', 'sha512'] as const;
const hashLengths: Readonly<Record<Hash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

const NULL = writeDer(TAG.null);

/** AlgorithmIdentifier: `oid` and its parameters, if any. */
export function writeAlgorithm(oid: string, ...parameters: readonly Uint8Array[]): Uint8Array {
  return writeDer(TAG.sequence, writeOid(oid), ...parameters);
}

/** AlgorithmIdentifier of a hash, without parameters as RFC 5754 §2 wants it. */
export function hashAlgorithm(hash: Hash): Uint8Array {
  return writeAlgorithm(hashOids[hash]);
}

/** AlgorithmIdentifier of RSASSA-PSS: the same hash in MGF1, the salt as long as the hash (RFC 4055, §3.1). */
export function pssAlgorithm(hash: Hash): Uint8Array {
  const mgf = writeAlgorithm(MGF1, hashAlgorithm(hash));
  const parameters = [hashAlgorithm(hash), mgf, writeDer(TAG.integer, Uint8Array.of(hashLengths[hash]))];
  return writeAlgorithm(
    RSA_PSS,
    writeDer(TAG.sequence, ...parameters.map((one, n) => writeDer(0xa0 + n, one))),
  );
}

const RSA = '1.2.840.113549.1.1.1';
const RSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';

/** AlgorithmIdentifiers without a choice in them, in hexadecimal. */
const fixed: ReadonlyMap<string, Scheme> = new Map(
  HASHES.flatMap((hash, index): [string, Scheme][] => [
    [hex(writeAlgorithm(`1.2.840.113549.1.1.${11 + index}`, NULL)), { kind: 'rsa', hash }],
    [hex(writeAlgorithm(`1.2.840.10045.4.3.${2 + index}`)), { kind: 'ec', hash }],
  ]),
);
const rsaKeyOnly = hex(writeAlgorithm(RSA, NULL));

const hashes: ReadonlyMap<string, Hash> = new Map(
  HASHES.flatMap((hash) => [
    [hex(hashAlgorithm(hash)), hash] as const,
    [hex(writeAlgorithm(hashOids[hash], NULL)), hash] as const,
  ]),
);

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The hash that an AlgorithmIdentifier stands for; `undefined` for one that is not taken. */
export function hashOf(algorithm: Uint8Array): Hash | undefined {
  return hashes.get(hex(algorithm));
}

interface Scheme {
  readonly kind: 'rsa' | 'ec' | 'pss';
  readonly hash: Hash;
  readonly saltLength?: number;
}

/** @param digest of a CMS, which may leave the hash out of the name of the signature (RFC 5754, §3.2) */
function schemeOf(algorithm: Uint8Array, digest: Hash | undefined): Scheme | undefined {
  const name = hex(algorithm);
  if (name === rsaKeyOnly) return digest && { kind: 'rsa', hash: digest };
  return fixed.get(name) ?? pssOf(algorithm);
}

/** RFC 4055, §3.1; the defaults stand for SHA-1, so nothing may be left out. */
function pssOf(algorithm: Uint8Array): Scheme | undefined {
  const [oid, parameters, ...rest] = childrenOf(readDer(algorithm), TAG.sequence);
  if (!oid || !parameters || rest.length > 0 || !equalBytes(oid.whole, writeOid(RSA_PSS))) return undefined;
  const [hashField, mgfField, saltField, ...more] = childrenOf(parameters, TAG.sequence);
  const hash = hashField && hashOf(onlyChild(hashField, 0xa0).whole);
  if (!hash || !mgfField || !saltField || more.length > 0) return undefined;
  const [mgf, mgfHash] = childrenOf(onlyChild(mgfField, 0xa1), TAG.sequence);
  if (!mgf || !mgfHash || !equalBytes(mgf.whole, writeOid(MGF1))) return undefined;
  if (hashOf(mgfHash.whole) !== hash) return undefined;
  // OpenSSL fills the room there is, so a salt may be longer than the hash.
  const salt = contentOf(onlyChild(saltField, 0xa2), TAG.integer);
  const saltLength = salt.reduce((sum, byte) => sum * 256 + byte, 0);
  if (salt.length > 2 || (salt[0] ?? 0x80) >= 0x80) return undefined;
  return { kind: 'pss', hash, saltLength };
}

function onlyChild(value: DerValue, tag: number): DerValue {
  return readDer(contentOf(value, tag));
}

const MIN_RSA_BITS = 2048;
/** A larger one would take a device longer than it is worth. */
const MAX_RSA_BITS = 8192;
const CURVES: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1']);

/** Whether signatures by this key are taken at all. */
export function isStrongKey(key: KeyObject): boolean {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType;
  if (type === 'ec') return CURVES.has(namedCurve);
  return (
    (type === 'rsa' || type === 'rsa-pss') && modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS
  );
}

export interface Signature {
  /** AlgorithmIdentifier, as encoded. */
  readonly algorithm: Uint8Array;
  readonly value: Uint8Array;
  /** Of a CMS: the hash it says was used. */
  readonly digest?: Hash;
}

/**
 * Whether `signature` is one of `bytes` by `key`, made in a way that is taken.
 *
 * @returns `unsupported` where the algorithm or the key is not taken
 */
export function checkSignature(
  key: KeyObject,
  bytes: Uint8Array,
  { algorithm, value, digest }: Signature,
): 'good' | 'bad' | 'unsupported' {
  try {
    const scheme = schemeOf(algorithm, digest);
    if (scheme === undefined || !isStrongKey(key)) return 'unsupported';
    const { kind, hash, saltLength } = scheme;
    if (digest !== undefined && digest !== hash) return 'unsupported';
    const type = key.asymmetricKeyType;
    const suits = kind === 'pss' ? type === 'rsa' || type === 'rsa-pss' : type === kind;
    if (!suits) return 'unsupported';
    const padding = kind === 'pss' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
    const options =
      kind === 'ec' ? { key } : { key, padding, ...(saltLength !== undefined && { saltLength }) };
    return verify(hash, bytes, options, value) ? 'good' : 'bad';
  } catch {
    // OpenSSL throws for a value that cannot be a signature.
    return 'bad';
  }
}
