/**
 * Certificates as they come from files: PEM bundles with caps, each certificate read once and kept with its
 * bytes. What a certificate may do is the business of `certificate-path.ts`.
 *
 * @module
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { Certificate as ParsedCertificate } from 'pkijs';
import { equalBytes } from '../../core/bytes.ts';
import { SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { childrenOf, contentOf, DerError, type DerValue, readDer, TAG } from './der.ts';

/** PEM of a bundle, in characters. */
export const MAX_PEM: number = 256 * KiB;
/** Certificates of a bundle. */
export const MAX_CERTIFICATES = 16;

export interface Certificate {
  readonly der: Uint8Array;
  /** Its parts as they are encoded: names are compared byte by byte. */
  readonly serial: Uint8Array;
  readonly issuerName: Uint8Array;
  readonly subjectName: Uint8Array;
  readonly signed: SignedPart;
  readonly parsed: ParsedCertificate;
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Subject for people, on one line. */
  readonly subject: string;
}

/** What certificates and revocation lists have in common: signed bytes and their signature. */
export interface SignedPart {
  readonly bytes: Uint8Array;
  readonly fields: readonly DerValue[];
  /** AlgorithmIdentifier, as encoded. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** [0] EXPLICIT. */
const VERSION_FIELD = 0xa0;

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

/**
 * The certificates of a PEM bundle, in their order. Text between them is allowed; other blocks are not, so that
 * no private key lies where it does not belong.
 *
 * @param what for messages, such as "the anchors"
 * @throws SiltError KEY_UNUSABLE for none, too many, or anything else than certificates
 */
export function parseCertificates(pem: string, what: string): Certificate[] {
  if (pem.length > MAX_PEM) {
    throw unusable(`expected at most ${MAX_PEM} characters of PEM in ${what}, found ${pem.length}`);
  }
  const blocks = [...pem.matchAll(BLOCK)];
  const other = blocks.find(([, label]) => label !== 'CERTIFICATE')?.[1];
  if (other !== undefined) throw unusable(`expected only certificates in ${what}, found a block "${other}"`);
  if (blocks.length === 0) throw unusable(`expected a certificate in ${what} (PEM), found none`);
  if (blocks.length > MAX_CERTIFICATES) {
    throw unusable(`expected at most ${MAX_CERTIFICATES} certificates in ${what}, found ${blocks.length}`);
  }
  return blocks.map(([, , base64 = '']) => {
    const certificate = readCertificate(Buffer.from(base64, 'base64'));
    if (certificate === undefined) throw unusable(`a certificate in ${what} is damaged; export it again`);
    return certificate;
  });
}

function unusable(message: string): SiltError {
  return new SiltError('KEY_UNUSABLE', message);
}

/** A certificate, DER; `undefined` when it is none, or something follows it. */
export function readCertificate(der: Uint8Array): Certificate | undefined {
  try {
    const signed = readSigned(der);
    // RFC 5280, §4.1: version, serial number, algorithm, issuer, validity, subject; a v1 has no version field.
    const fields = signed.fields[0]?.tag === VERSION_FIELD ? signed.fields.slice(1) : signed.fields;
    const [serial, algorithm, issuer, , subject] = fields;
    contentOf(serial, TAG.integer);
    for (const name of [issuer, subject]) contentOf(name, TAG.sequence);
    if (!serial || !issuer || !subject || !algorithm) return undefined;
    if (!equalBytes(algorithm.whole, signed.algorithm)) return undefined;
    const node = new X509Certificate(der);
    const parsed = ParsedCertificate.fromBER(der.slice());
    return {
      der,
      serial: serial.whole,
      issuerName: issuer.whole,
      subjectName: subject.whole,
      signed,
      parsed,
      publicKey: node.publicKey,
      notBefore: parsed.notBefore.value,
      notAfter: parsed.notAfter.value,
      subject: node.subject.replaceAll('\n', ', '),
    };
  } catch {
    return undefined;
  }
}

/** SEQUENCE { to be signed, algorithm, signature } (RFC 5280, §4.1 and §5.1). @throws DerError */
export function readSigned(der: Uint8Array): SignedPart {
  const [signed, algorithm, signature, ...rest] = childrenOf(readDer(der), TAG.sequence);
  const bits = contentOf(signature, TAG.bitString);
  if (!signed || !algorithm || rest.length > 0 || bits[0] !== 0) throw new DerError('expected a signature');
  return {
    bytes: signed.whole,
    fields: childrenOf(signed, TAG.sequence),
    algorithm: algorithm.whole,
    signature: bits.subarray(1),
  };
}
