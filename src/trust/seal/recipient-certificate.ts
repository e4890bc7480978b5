/**
 * Who may receive a content key: the holder of a certificate with a key that is strong enough. Whether it has
 * expired is not asked: that is between the publisher, who lists the recipients, and a device that needs updates.
 *
 * @module
 */
import { sha256Hex } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import { type Certificate, parseCertificates } from '../x509/certificates.ts';
import { TAG, writeDer } from '../x509/der.ts';
import { isStrongKey } from '../x509/signature-algorithms.ts';

/** The error of a certificate or a key that cannot be used. */
export function unusable(message: string, cause?: unknown): SiltError {
  return new SiltError('KEY_UNUSABLE', message, { ...(cause !== undefined && { cause }) });
}

/**
 * The certificate of a recipient, PEM; the first one of a bundle.
 *
 * @throws SiltError KEY_UNUSABLE for what is no certificate, or one whose key cannot receive
 */
export function recipientCertificate(pem: string): Certificate {
  const [certificate] = parseCertificates(pem, 'the certificate of a recipient') as [Certificate];
  if (isStrongKey(certificate.publicKey)) return certificate;
  throw unusable(
    `expected a recipient with an RSA key of 2048 bits and more, or an elliptic curve key (P-256, P-384), found ${certificate.subject}`,
  );
}

/** What CMS calls a recipient by, DER (RFC 5652, §10.2.4). */
export function issuerAndSerialOf({ issuerName, serial }: Certificate): Uint8Array {
  return writeDer(TAG.sequence, issuerName, serial);
}

/** SHA-256 of the issuer and serial number of `certificate`, in hexadecimal. */
export function recipientId(certificate: Certificate): string {
  return sha256Hex(issuerAndSerialOf(certificate));
}
