/**
 * Public keys as TUF writes them (TUF 1.0, §4.2), and signatures checked with them.
 *
 * @module
 */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { sha256Hex } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import type { PublicKey, SignatureScheme } from './signer.ts';
import { signingForm } from './signing-form.ts';

/** A key in the `keys` of root or of a delegation. */
export type TufKey = {
  readonly keytype: 'ed25519' | 'ecdsa' | 'rsa';
  readonly scheme: SignatureScheme;
  readonly keyval: { readonly public: string };
};

/** A shorter modulus can be factored with enough money (NIST SP 800-57 part 1, table 2). */
const LEAST_RSA_BITS = 2048;
const MOST_RSA_BITS = 8192;

const ED25519_BYTES = 32;

const keyTypes = {
  ed25519: 'ed25519',
  'ecdsa-sha2-nistp256': 'ecdsa',
  'rsassa-pss-sha256': 'rsa',
} as const satisfies Record<SignatureScheme, TufKey['keytype']>;

/**
 * What TUF calls this key.
 *
 * @param key a public key, or a private one whose public half is meant
 * @param where for the message: the file it came from
 * @throws SiltError KEY_UNUSABLE unless it is Ed25519, ECDSA on P-256, or RSA of 2048 to 8192 bits
 */
export function publicKeyOf(key: KeyObject, where: string): PublicKey {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  const scheme = schemeOf(half, where);
  const pem = half.export({ type: 'spki', format: 'pem' }).toString();
  return { keyId: keyIdOf(tufKey({ scheme, pem })), scheme, pem };
}

function schemeOf(key: KeyObject, where: string): SignatureScheme {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  if (type === 'ed25519') return 'ed25519';
  if (type === 'ec' && details.namedCurve === 'prime256v1') return 'ecdsa-sha2-nistp256';
  const bits = details.modulusLength ?? 0;
  if (type === 'rsa' && bits >= LEAST_RSA_BITS && bits <= MOST_RSA_BITS) return 'rsassa-pss-sha256';
  const found =
    type === 'rsa' ? `RSA of ${bits} bits` : type === 'ec' ? `EC on ${details.namedCurve}` : `${type}`;
  throw new SiltError(
    'KEY_UNUSABLE',
    `${where}: expected a key of kind Ed25519, ECDSA P-256 or RSA of ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} bits, found ${found}`,
    { details: { path: where, found } },
  );
}

/** The key as a member of `keys`. */
export function tufKey({ scheme, pem }: Pick<PublicKey, 'scheme' | 'pem'>): TufKey {
  const value = scheme === 'ed25519' ? rawEd25519(pem) : pem;
  return { keytype: keyTypes[scheme], scheme, keyval: { public: value } };
}

/** The key id: what every member of the key takes part in. */
export function keyIdOf({ keytype, scheme, keyval }: TufKey): string {
  return sha256Hex(signingForm({ keytype, scheme, keyval: { public: keyval.public } }));
}

/** The last 32 bytes of an Ed25519 SubjectPublicKeyInfo are the key (RFC 8410, §4). */
function rawEd25519(pem: string): string {
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return der.subarray(-ED25519_BYTES).toString('hex');
}

/** True when `signature` is one of `bytes` by this key: Ed25519 raw, ECDSA in DER, RSA with PSS. */
export function isSignature({ scheme, pem }: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  const algorithm = scheme === 'ed25519' ? null : 'sha256';
  const padding = scheme === 'rsassa-pss-sha256' ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
  return verify(algorithm, bytes, { key: pem, ...padding }, signature);
}
