/**
 * Whether a detached CMS signature (RFC 5652) over a manifest comes from somebody whom the policy of a device
 * trusts. The signer's path is checked first, so that no key is used before it is known to be one of ours.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { equalBytes } from '../../core/bytes.ts';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { readExtensions } from './certificate-extensions.ts';
import { checkPath, type PathPolicy, type Purpose } from './certificate-path.ts';
import { type Certificate, parseCertificates } from './certificates.ts';
import { readLists } from './revocation.ts';
import { checkSignature } from './signature-algorithms.ts';
import { invalid, readSignedData, type SignerEntry, type SignerId } from './signed-data.ts';

/** Whom a device trusts. */
export interface CertificatePolicy {
  /** PEM: trusted as they are, roots or not. */
  readonly anchors: string;
  /** PEM: may stand between a signer and an anchor; nothing else may. */
  readonly intermediates?: string;
  /** Revocation lists, DER or PEM; when there is one, every certificate below an anchor needs one. */
  readonly crls?: readonly Uint8Array[];
  /** What the certificate of a signer must name as its extended key usage. */
  readonly purpose: Purpose;
}

/** Who has signed. */
export interface VerifiedSigner {
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * Verifies the signature `cms` (DER) of `content` against `policy` at `time`. One signer that fully verifies
 * is enough.
 *
 * @throws SiltError CMS_INVALID, CERT_UNTRUSTED, CERT_EXPIRED, CERT_NOT_YET_VALID, CERT_PURPOSE, CERT_REVOKED,
 *   CRL_INVALID; KEY_UNUSABLE for a policy that cannot be read
 */
export async function verifyDetached(
  cms: Uint8Array,
  content: Uint8Array,
  policy: CertificatePolicy,
  time: Date,
): Promise<VerifiedSigner> {
  const paths: PathPolicy = {
    anchors: parseCertificates(policy.anchors, 'the anchors'),
    intermediates: policy.intermediates ? parseCertificates(policy.intermediates, 'the intermediates') : [],
    lists: readLists(policy.crls ?? []),
    purpose: policy.purpose,
  };
  const { certificates, signers } = readSignedData(cms);
  const known = [...certificates, ...paths.anchors, ...paths.intermediates];
  const problems: SiltError[] = [];
  for (const signer of signers) {
    const candidates = distinct(known.filter((certificate) => isNamedBy(certificate, signer.id)));
    if (candidates.length === 0) {
      problems.push(untrusted('expected the certificate of the signer in the CMS signature, found none'));
    }
    for (const certificate of candidates) {
      try {
        checkPath(certificate, paths, time);
        checkSigner(certificate, signer, content);
        const { subject, notBefore, notAfter } = certificate;
        return { subject, notBefore, notAfter };
      } catch (error) {
        if (!isSiltError(error)) throw error;
        problems.push(error);
      }
    }
  }
  // Of several, strangers say least.
  throw (
    problems.find(({ code }) => code !== 'CERT_UNTRUSTED') ?? problems[0] ?? invalid('nobody has signed it')
  );
}

function untrusted(message: string): SiltError {
  return new SiltError('CERT_UNTRUSTED', message);
}

function distinct(certificates: readonly Certificate[]): Certificate[] {
  const byBytes = new Map(certificates.map((one) => [Buffer.from(one.der).toString('latin1'), one]));
  return [...byBytes.values()];
}

function isNamedBy(certificate: Certificate, id: SignerId): boolean {
  if ('keyId' in id) {
    const { keyId } = readExtensions(certificate);
    return keyId !== undefined && equalBytes(keyId, id.keyId);
  }
  return equalBytes(certificate.issuerName, id.issuerName) && equalBytes(certificate.serial, id.serial);
}

/** A SET begins so, and a manifest never does. */
const SET_TAG = 0x31;

/** @throws SiltError CMS_INVALID unless `signer` has signed `content` with the key of `certificate` */
function checkSigner({ publicKey, subject }: Certificate, signer: SignerEntry, content: Uint8Array): void {
  const { attributes, algorithm, signature, digest } = signer;
  if (attributes !== undefined) {
    const found = createHash(digest).update(content).digest();
    if (!equalBytes(attributes.messageDigest, found)) {
      throw invalid(`what ${subject} has signed is not this manifest; one of the two was altered`);
    }
  } else if (content[0] === SET_TAG) {
    // Signed attributes taken for the content of a signature without any (RFC 5652, §5.4, signs both alike).
    throw invalid('what is signed are attributes of another signature');
  }
  const result = checkSignature(publicKey, attributes?.signed ?? content, {
    algorithm,
    value: signature,
    digest,
  });
  if (result === 'unsupported') {
    throw invalid(
      `expected RSA of 2048 bits and more, or ECDSA P-256 or P-384, over SHA-256 or more, found another signature by ${subject}`,
    );
  }
  if (result === 'bad') throw invalid(`its bytes, or the manifest, were altered after ${subject} signed`);
}
