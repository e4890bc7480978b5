/**
 * Revocation lists (RFC 5280, §5 and §6.3): complete lists that the issuer of a certificate made itself. Where
 * any list is configured, every certificate below the anchor needs one that holds now.
 *
 * @module
 */
import { CertificateRevocationList } from 'pkijs';
import { equalBytes } from '../../core/bytes.ts';
import { SiltError } from '../../core/errors.ts';
import { MiB } from '../../core/sizes.ts';
import { KEY_USAGE, readExtensions } from './certificate-extensions.ts';
import { type Certificate, readSigned, type SignedPart } from './certificates.ts';
import { TAG } from './der.ts';
import { checkSignature } from './signature-algorithms.ts';

/** Bytes of a list. */
export const MAX_CRL: number = 1 * MiB;
/** Lists of a policy. */
const MAX_CRLS = 32;

export interface RevocationList {
  readonly issuerName: Uint8Array;
  readonly signed: SignedPart;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Serial numbers, DER in hexadecimal. */
  readonly revoked: ReadonlySet<string>;
}

/**
 * The lists of a policy, each DER or PEM.
 *
 * @throws SiltError CRL_INVALID for one that is damaged, too large, without an end, or no complete list
 */
export function readLists(lists: readonly Uint8Array[]): RevocationList[] {
  if (lists.length > MAX_CRLS) throw invalid(`expected at most ${MAX_CRLS} lists, found ${lists.length}`);
  return lists.map((bytes) => {
    if (bytes.length > MAX_CRL) throw invalid(`expected at most ${MAX_CRL} bytes, found ${bytes.length}`);
    try {
      return readList(withoutArmour(bytes));
    } catch (cause) {
      if (cause instanceof SiltError) throw cause;
      throw invalid('it is damaged; download it again', cause);
    }
  });
}

const PEM = /^\s*-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]*)-----END X509 CRL-----\s*$/;

function withoutArmour(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === TAG.sequence) return bytes;
  const base64 = PEM.exec(Buffer.from(bytes).toString('latin1'))?.[1];
  return base64 === undefined ? bytes : Buffer.from(base64, 'base64');
}

const KNOWN_CRITICAL: ReadonlySet<string> = new Set(['2.5.29.20', '2.5.29.35']);

function readList(der: Uint8Array): RevocationList {
  const signed = readSigned(der);
  const parsed = CertificateRevocationList.fromBER(der.slice());
  const { nextUpdate, revokedCertificates: entries = [] } = parsed;
  if (nextUpdate === undefined) throw invalid('it does not say until when it holds');
  const extensions = [
    ...(parsed.crlExtensions?.extensions ?? []),
    ...entries.flatMap((entry) => entry.crlEntryExtensions?.extensions ?? []),
  ];
  // A list of a part, of changes, or of certificates of other issuers says so in a critical extension.
  const unknown = extensions.find(({ critical, extnID }) => critical && !KNOWN_CRITICAL.has(extnID));
  if (unknown) throw invalid(`it has the critical extension ${unknown.extnID}; use a complete list`);
  // Version, when it is there, then the algorithm and the issuer.
  const [, issuer] = signed.fields[0]?.tag === TAG.integer ? signed.fields.slice(1) : signed.fields;
  const [, algorithm] = signed.fields[0]?.tag === TAG.integer ? signed.fields : [undefined, signed.fields[0]];
  if (!issuer || !algorithm || !equalBytes(algorithm.whole, signed.algorithm)) throw invalid('it is damaged');
  return {
    issuerName: issuer.whole,
    signed,
    thisUpdate: parsed.thisUpdate.value,
    nextUpdate: nextUpdate.value,
    revoked: new Set(entries.map(({ userCertificate }) => hex(new Uint8Array(userCertificate.toBER())))),
  };
}

/**
 * Holds `certificate` to the lists of its issuer.
 *
 * @throws SiltError CERT_REVOKED, CRL_INVALID when no list of the issuer holds at `time`
 */
export function checkNotRevoked(
  certificate: Certificate,
  issuer: Certificate,
  lists: readonly RevocationList[],
  time: Date,
): void {
  const { subject } = certificate;
  const details = { certificate: subject, issuer: issuer.subject };
  const { keyUsage } = readExtensions(issuer);
  const maySign = keyUsage === undefined || (keyUsage & KEY_USAGE.cRLSign) !== 0;
  const own = lists.filter(
    ({ issuerName, signed }) =>
      equalBytes(issuerName, certificate.issuerName) &&
      maySign &&
      checkSignature(issuer.publicKey, signed.bytes, {
        algorithm: signed.algorithm,
        value: signed.signature,
      }) === 'good',
  );
  // Also by a list that is out of date: nobody comes back from it.
  if (own.some(({ revoked }) => revoked.has(hex(certificate.serial)))) {
    throw new SiltError('CERT_REVOKED', `the certificate ${subject} was revoked by ${issuer.subject}`, {
      details,
    });
  }
  if (own.some(({ thisUpdate, nextUpdate }) => thisUpdate <= time && time <= nextUpdate)) return;
  const [found] = own;
  if (found === undefined) {
    const why = `expected a revocation list that ${issuer.subject} has signed, found none; give it with --crl`;
    throw new SiltError('CRL_INVALID', why, { details });
  }
  const span = `${found.thisUpdate.toISOString()} to ${found.nextUpdate.toISOString()}`;
  const why = `the revocation list of ${issuer.subject} holds from ${span}, not at ${time.toISOString()}; download a new one`;
  throw new SiltError('CRL_INVALID', why, { details });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function invalid(why: string, cause?: unknown): SiltError {
  return new SiltError('CRL_INVALID', `a revocation list cannot be used: ${why}`, {
    ...(cause !== undefined && { cause }),
  });
}
