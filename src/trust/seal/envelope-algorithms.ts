/**
 * How a content encryption key may be wrapped for a recipient: RSA-OAEP (RFC 4055, §4.1) and ECDH with AES key
 * wrap (RFC 5753, §7.1). What is not in these tables is not opened, PKCS #1 v1.5 first of all.
 *
 * @module
 */
import { TAG, writeDer } from '../x509/der.ts';
import { hashOids, writeAlgorithm } from '../x509/signature-algorithms.ts';
import { AES256_WRAP, KDF_SCHEMES, type KdfHash } from './key-agreement.ts';

const NULL = writeDer(TAG.null);
const RSAES_OAEP = '1.2.840.113549.1.1.7';
const MGF1 = '1.2.840.113549.1.1.8';

type OaepHash = 'sha256' | 'sha384' | 'sha512';

/** RFC 4055, §4.1, with and without the NULL that some put behind a hash. */
function oaepParameters(hash: OaepHash, ...parameters: readonly Uint8Array[]): Uint8Array {
  const named = writeAlgorithm(hashOids[hash], ...parameters);
  const mgf = writeAlgorithm(MGF1, named);
  return writeAlgorithm(RSAES_OAEP, writeDer(TAG.sequence, writeDer(0xa0, named), writeDer(0xa1, mgf)));
}

/** The hash of an OAEP, by its AlgorithmIdentifier in hexadecimal. */
export const oaepHashes: ReadonlyMap<string, string> = new Map([
  // Without parameters it is SHA-1, in which nothing is wrong for OAEP.
  [hex(writeAlgorithm(RSAES_OAEP, writeDer(TAG.sequence))), 'sha1'],
  ...(['sha256', 'sha384', 'sha512'] as const).flatMap((hash): [string, string][] => [
    [hex(oaepParameters(hash, NULL)), hash],
    [hex(oaepParameters(hash)), hash],
  ]),
]);

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The hash of the KDF of a key agreement, by its AlgorithmIdentifier in hexadecimal. */
export const agreementHashes: ReadonlyMap<string, KdfHash> = new Map(
  (Object.keys(KDF_SCHEMES) as KdfHash[]).map((hash) => [
    hex(writeAlgorithm(KDF_SCHEMES[hash], AES256_WRAP)),
    hash,
  ]),
);

/** What silt writes. */
export const OAEP_SHA256: Uint8Array = oaepParameters('sha256', NULL);
export const AGREEMENT_SHA256: Uint8Array = writeAlgorithm(KDF_SCHEMES.sha256, AES256_WRAP);
