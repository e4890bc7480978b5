/**
 * From a signer's certificate to an anchor (RFC 5280, §6.1), over configured certificates and no others: what a
 * signature brings along cannot widen whom a device trusts.
 *
 * An anchor is trusted because it is configured: its own signature is not looked at, and it need not be a root;
 * a signer's certificate may itself be an anchor. Validity, purpose and path length hold for anchors as well.
 *
 * @module
 */
import { equalBytes } from '../../core/bytes.ts';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { type Extensions, KEY_USAGE, readExtensions } from './certificate-extensions.ts';
import type { Certificate } from './certificates.ts';
import { checkNotRevoked, type RevocationList } from './revocation.ts';
import { checkSignature } from './signature-algorithms.ts';

export type Purpose = 'codeSigning' | 'emailProtection' | 'any';

/** A policy, read. */
export interface PathPolicy {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** Without any, revocation is not asked about. */
  readonly lists: readonly RevocationList[];
  readonly purpose: Purpose;
}

const purposes = {
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
} as const satisfies Record<Exclude<Purpose, 'any'>, string>;
/** A CA may be for any purpose; a signer has to name it. */
const ANY_PURPOSE = '2.5.29.37.0';

/** Certificates of a path, the signer's and the anchor included. */
const MAX_PATH = 8;
/** Signatures checked on the way: cross-signed CAs multiply the ways, and no fleet needs so many. */
const MAX_CHECKS = 64;

/**
 * Holds `signer` to the policy at `time`. Where several paths lead to an anchor, one that holds is enough.
 *
 * @throws SiltError CERT_UNTRUSTED, CERT_EXPIRED, CERT_NOT_YET_VALID, CERT_PURPOSE, CERT_REVOKED, CRL_INVALID
 */
export function checkPath(signer: Certificate, policy: PathPolicy, time: Date): void {
  let first: unknown;
  for (const path of pathsOf([signer], policy, { left: MAX_CHECKS })) {
    try {
      checkWholePath(path, policy, time);
      return;
    } catch (error) {
      if (!isSiltError(error)) throw error;
      first ??= error;
    }
  }
  throw first ?? untrusted(signer, policy);
}

function untrusted({ subject }: Certificate, { anchors }: PathPolicy): SiltError {
  const names = anchors.map((anchor) => anchor.subject).join('; ');
  return new SiltError(
    'CERT_UNTRUSTED',
    `expected a certificate that leads to one of the anchors (${names}) over configured intermediates, found ${subject}; intermediates inside of a signature do not count`,
    { details: { certificate: subject } },
  );
}

/** Every way from the last certificate of `path` up to an anchor, each link with its signature checked. */
function* pathsOf(
  path: readonly Certificate[],
  policy: PathPolicy,
  budget: { left: number },
): Generator<readonly Certificate[]> {
  const last = path.at(-1) as Certificate;
  if (policy.anchors.some((anchor) => equalBytes(anchor.der, last.der))) {
    yield path;
    return;
  }
  if (path.length === MAX_PATH) return;
  for (const issuer of [...policy.anchors, ...policy.intermediates]) {
    if (path.some((one) => equalBytes(one.der, issuer.der)) || !mayHaveIssued(issuer, last)) continue;
    if (budget.left === 0) return;
    budget.left -= 1;
    const { bytes, algorithm, signature } = last.signed;
    if (checkSignature(issuer.publicKey, bytes, { algorithm, value: signature }) !== 'good') continue;
    yield* pathsOf([...path, issuer], policy, budget);
  }
}

/** By name, and by key identifier where both have one (RFC 5280, §4.2.1.1). */
function mayHaveIssued(issuer: Certificate, subject: Certificate): boolean {
  if (!equalBytes(issuer.subjectName, subject.issuerName)) return false;
  const [{ keyId }, { issuerKeyId }] = [readExtensions(issuer), readExtensions(subject)];
  return keyId === undefined || issuerKeyId === undefined || equalBytes(keyId, issuerKeyId);
}

function checkWholePath(path: readonly Certificate[], policy: PathPolicy, time: Date): void {
  for (const [place, certificate] of path.entries()) {
    const extensions = readExtensions(certificate);
    checkValidity(certificate, time);
    if (place === 0) checkSigner(certificate, extensions, policy.purpose);
    else checkAuthority(certificate, extensions, policy.purpose, place - 1);
    const issuer = path[place + 1];
    if (issuer && policy.lists.length > 0) checkNotRevoked(certificate, issuer, policy.lists, time);
  }
}

function checkValidity({ notBefore, notAfter, subject }: Certificate, time: Date): void {
  const now = time.toISOString();
  const details = { certificate: subject, time: now };
  // Written so that a date that is none is refused as well.
  if (!(notBefore <= time)) {
    const message = `the certificate ${subject} is valid from ${dateOf(notBefore)}, but it is ${now}; check the clock`;
    throw new SiltError('CERT_NOT_YET_VALID', message, { details });
  }
  if (!(time <= notAfter)) {
    const message = `the certificate ${subject} expired at ${dateOf(notAfter)}, it is ${now}; sign with a valid one, or check the clock`;
    throw new SiltError('CERT_EXPIRED', message, { details });
  }
}

function dateOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'no date' : date.toISOString();
}

function checkSigner(certificate: Certificate, extensions: Extensions, purpose: Purpose): void {
  const { keyUsage } = extensions;
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE.digitalSignature) === 0) {
    throw wrongPurpose(certificate, 'has a key that is not for digital signatures (key usage)');
  }
  if (purpose !== 'any' && !extensions.purposes?.includes(purposes[purpose])) {
    throw wrongPurpose(certificate, `is not for ${purpose} (extended key usage)`);
  }
}

/** @param below certificates of CAs between this one and the signer's; RFC 5280, §6.1.4 (k) to (n) */
function checkAuthority(
  certificate: Certificate,
  extensions: Extensions,
  purpose: Purpose,
  below: number,
): void {
  const { ca, keyUsage, pathLength, purposes: own } = extensions;
  if (!ca) throw wrongPurpose(certificate, 'is not that of a CA (basic constraints)');
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE.keyCertSign) === 0) {
    throw wrongPurpose(certificate, 'has a key that may not sign certificates (key usage)');
  }
  if (pathLength !== undefined && below > pathLength) {
    throw wrongPurpose(certificate, `allows ${pathLength} CAs below it, found ${below}`);
  }
  if (purpose === 'any' || own === undefined) return;
  if (own.includes(purposes[purpose]) || own.includes(ANY_PURPOSE)) return;
  throw wrongPurpose(certificate, `may not issue certificates for ${purpose} (extended key usage)`);
}

function wrongPurpose({ subject }: Certificate, why: string): SiltError {
  return new SiltError('CERT_PURPOSE', `the certificate ${subject} ${why}`, {
    details: { certificate: subject },
  });
}
