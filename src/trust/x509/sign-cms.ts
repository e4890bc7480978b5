/**
 * Makes the detached CMS signature (RFC 5652) of a manifest, as `openssl cms -verify` and other tools check it.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { SiltError } from '../../core/errors.ts';
import { type Certificate, parseCertificates } from './certificates.ts';
import type { CmsSigner } from './cms-signer.ts';
import { sortedForSet, TAG, writeDer, writeOid } from './der.ts';
import {
  checkSignature,
  type Hash,
  hashAlgorithm,
  pssAlgorithm,
  writeAlgorithm,
} from './signature-algorithms.ts';
import { CONTENT_TYPE, DATA, MAX_CMS, MESSAGE_DIGEST, SIGNED_DATA } from './signed-data.ts';

export interface SignOptions {
  /** PEM: that of the signer first; the others are embedded for tools that build a chain from them. */
  readonly certificates: string;
  readonly signer: CmsSigner;
}

interface Scheme {
  readonly hash: Hash;
  readonly algorithm: Uint8Array;
}

const NULL = writeDer(TAG.null);

/** AlgorithmIdentifiers of RFC 5754, §3, and RFC 4056 for PSS. */
const schemes: ReadonlyMap<CmsSigner['scheme'], Scheme> = new Map([
  ['ecdsa-sha2-nistp256', { hash: 'sha256', algorithm: writeAlgorithm('1.2.840.10045.4.3.2') }],
  ['ecdsa-sha2-nistp384', { hash: 'sha384', algorithm: writeAlgorithm('1.2.840.10045.4.3.3') }],
  ['rsassa-pss-sha256', { hash: 'sha256', algorithm: pssAlgorithm('sha256') }],
  ['rsa-pkcs1v15-sha256', { hash: 'sha256', algorithm: writeAlgorithm('1.2.840.113549.1.1.11', NULL) }],
]);

const VERSION_1 = writeDer(TAG.integer, Uint8Array.of(1));

/**
 * The signature of `content`, DER.
 *
 * @throws SiltError KEY_UNUSABLE for certificates that cannot be read and keys that CMS cannot use,
 *   SIGNER_FAILED when what the signer returns is no signature by the key in its certificate
 */
export async function signDetached(content: Uint8Array, options: SignOptions): Promise<Uint8Array> {
  const certificates = parseCertificates(options.certificates, 'the certificates of the signer');
  const scheme = schemes.get(options.signer.scheme);
  if (scheme === undefined) {
    throw new SiltError(
      'KEY_UNUSABLE',
      `expected a key for CMS (ECDSA P-256 or RSA), found one for ${options.signer.scheme}; use another key`,
    );
  }
  const [own] = certificates as [Certificate];
  const digest = createHash(scheme.hash).update(content).digest();
  const attributes = sortedForSet([
    attribute(CONTENT_TYPE, writeOid(DATA)),
    attribute(MESSAGE_DIGEST, writeDer(TAG.octetString, digest)),
  ]);
  const signed = writeDer(TAG.set, ...attributes);
  const signature = await options.signer.sign(signed);
  const made = { algorithm: scheme.algorithm, value: signature, digest: scheme.hash };
  if (checkSignature(own.publicKey, signed, made) !== 'good') {
    const message = `the signature does not fit the certificate ${own.subject}; use the private key that belongs to it`;
    throw new SiltError('SIGNER_FAILED', message, { details: { certificate: own.subject } });
  }
  const signerInfo = writeDer(
    TAG.sequence,
    VERSION_1,
    writeDer(TAG.sequence, own.issuerName, own.serial),
    hashAlgorithm(scheme.hash),
    writeDer(0xa0, ...attributes),
    scheme.algorithm,
    writeDer(TAG.octetString, signature),
  );
  const signedData = writeDer(
    TAG.sequence,
    VERSION_1,
    writeDer(TAG.set, hashAlgorithm(scheme.hash)),
    writeDer(TAG.sequence, writeOid(DATA)),
    writeDer(0xa0, ...sortedForSet(certificates.map(({ der }) => der))),
    writeDer(TAG.set, signerInfo),
  );
  const cms = writeDer(TAG.sequence, writeOid(SIGNED_DATA), writeDer(0xa0, signedData));
  if (cms.length <= MAX_CMS) return cms;
  const message = `expected a CMS signature of at most ${MAX_CMS} bytes, found ${cms.length}; embed fewer certificates`;
  throw new SiltError('KEY_UNUSABLE', message);
}

function attribute(oid: string, value: Uint8Array): Uint8Array {
  return writeDer(TAG.sequence, writeOid(oid), writeDer(TAG.set, value));
}
