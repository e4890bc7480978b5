/**
 * CMS SignedData (RFC 5652, §5) as it arrives: detached, DER, over plain data. Only its envelope is read here;
 * who signed, and whether the signature holds, is decided by `verify-cms.ts`.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { type Certificate, MAX_CERTIFICATES, readCertificate } from './certificates.ts';
import { checkDer, childrenOf, contentOf, type DerValue, readDer, TAG, writeDer, writeOid } from './der.ts';
import { type Hash, hashOf } from './signature-algorithms.ts';

/** Bytes of a signature with the certificates in it. */
export const MAX_CMS: number = 64 * KiB;
const MAX_SIGNERS = 16;

export const DATA = '1.2.840.113549.1.7.1';
export const SIGNED_DATA = '1.2.840.113549.1.7.2';
export const CONTENT_TYPE = '1.2.840.113549.1.9.3';
export const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';

export interface SignerEntry {
  readonly id: SignerId;
  readonly digest: Hash;
  /** What was signed instead of the content, as the SET that it was signed as; absent where there is none. */
  readonly attributes?: { readonly signed: Uint8Array; readonly messageDigest: Uint8Array };
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** A certificate, by issuer and serial number (DER each) or by its key identifier. */
export type SignerId =
  | { readonly issuerName: Uint8Array; readonly serial: Uint8Array }
  | { readonly keyId: Uint8Array };

export interface SignedData {
  readonly certificates: readonly Certificate[];
  readonly signers: readonly SignerEntry[];
}

/**
 * Reads a detached SignedData.
 *
 * @throws SiltError CMS_INVALID for anything else, and for what exceeds its caps
 */
export function readSignedData(cms: Uint8Array): SignedData {
  if (cms.length > MAX_CMS) throw invalid(`expected at most ${MAX_CMS} bytes, found ${cms.length}`);
  try {
    checkDer(cms);
    return readContentInfo(cms);
  } catch (cause) {
    if (cause instanceof SiltError) throw cause;
    throw invalid('expected CMS SignedData in DER, found something else', cause);
  }
}

/** The error of a signature that cannot be used, and why. */
export function invalid(why: string, cause?: unknown): SiltError {
  return new SiltError('CMS_INVALID', `the CMS signature does not hold: ${why}`, {
    ...(cause !== undefined && { cause }),
  });
}

function readContentInfo(cms: Uint8Array): SignedData {
  const [type, content, ...rest] = childrenOf(readDer(cms), TAG.sequence);
  if (!isOid(type, SIGNED_DATA) || rest.length > 0) throw invalid('expected SignedData');
  const fields = childrenOf(readDer(contentOf(content, 0xa0)), TAG.sequence);
  const [version, digests, encapsulated, ...optional] = fields;
  if (!version || !digests || !encapsulated) throw invalid('it is incomplete');
  const [eContentType, eContent] = childrenOf(encapsulated, TAG.sequence);
  if (!isOid(eContentType, DATA)) throw invalid('expected a signature of plain data');
  if (eContent !== undefined) throw invalid('expected a detached signature, found one with the data in it');
  const certificates = optional[0]?.tag === 0xa0 ? optional.shift() : undefined;
  // Revocation lists come from the configuration, like intermediates; those in here say nothing.
  if (optional[0]?.tag === 0xa1) optional.shift();
  const [signers, ...more] = optional;
  if (!signers || more.length > 0) throw invalid('it is incomplete');
  const entries = childrenOf(signers, TAG.set);
  if (entries.length === 0) throw invalid('nobody has signed it');
  if (entries.length > MAX_SIGNERS) throw invalid(`expected at most ${MAX_SIGNERS} signers`);
  const named = childrenOf(digests, TAG.set).map((digest) => hashOf(digest.whole));
  const read = entries.map((entry) => readSigner(entry, named));
  // RFC 5652, §5.1: 3 where a signer is named by its key identifier, else 1.
  const expected = read.some(({ id }) => 'keyId' in id) ? 3 : 1;
  if (numberOf(version) !== expected) throw invalid(`expected version ${expected}`);
  return { certificates: readCertificates(certificates), signers: read };
}

function readCertificates(set: DerValue | undefined): Certificate[] {
  const values = set === undefined ? [] : childrenOf(set, 0xa0);
  if (values.length > MAX_CERTIFICATES) throw invalid(`expected at most ${MAX_CERTIFICATES} certificates`);
  return values.map(({ whole }) => {
    const certificate = readCertificate(whole);
    if (certificate === undefined) throw invalid('a certificate in it is damaged');
    return certificate;
  });
}

function readSigner(entry: DerValue, named: readonly (Hash | undefined)[]): SignerEntry {
  const fields = childrenOf(entry, TAG.sequence);
  const [version, sid, digestAlgorithm, ...optional] = fields;
  const attributes = optional[0]?.tag === 0xa0 ? optional.shift() : undefined;
  const [algorithm, signature, unsigned, ...rest] = optional;
  if (!version || !sid || !digestAlgorithm || !algorithm) throw invalid('a signer is incomplete');
  if (rest.length > 0 || (unsigned !== undefined && unsigned.tag !== 0xa1))
    throw invalid('a signer is damaged');
  const digest = hashOf(digestAlgorithm.whole);
  if (digest === undefined || !named.includes(digest)) {
    throw invalid('expected SHA-256, SHA-384 or SHA-512, found another digest');
  }
  const id = readId(sid);
  if (numberOf(version) !== ('keyId' in id ? 3 : 1)) throw invalid('the version of a signer is wrong');
  return {
    id,
    digest,
    ...(attributes && { attributes: readAttributes(attributes) }),
    algorithm: algorithm.whole,
    signature: contentOf(signature, TAG.octetString),
  };
}

function readId(sid: DerValue): SignerId {
  if (sid.tag === 0x80) return { keyId: sid.content };
  const [issuer, serial, ...rest] = childrenOf(sid, TAG.sequence);
  if (!issuer || !serial || rest.length > 0) throw invalid('a signer is not named');
  return { issuerName: issuer.whole, serial: serial.whole };
}

/** RFC 5652, §5.3 and §11: both attributes are there once, with one value each. */
function readAttributes(attributes: DerValue): NonNullable<SignerEntry['attributes']> {
  const all = childrenOf(attributes, 0xa0).map((attribute) => childrenOf(attribute, TAG.sequence));
  const onlyValue = (oid: string): DerValue => {
    const found = all.filter(([type]) => isOid(type, oid));
    const values = found[0]?.[1] && childrenOf(found[0][1], TAG.set);
    if (found.length !== 1 || found[0]?.length !== 2 || values?.length !== 1 || !values[0]) {
      throw invalid('a signer has not signed what belongs into a signature');
    }
    return values[0];
  };
  if (!isOid(onlyValue(CONTENT_TYPE), DATA)) throw invalid('expected a signature of plain data');
  return {
    // They are signed as a SET, not with the tag that they have here (RFC 5652, §5.4).
    signed: writeDer(TAG.set, attributes.content),
    messageDigest: contentOf(onlyValue(MESSAGE_DIGEST), TAG.octetString),
  };
}

function isOid(value: DerValue | undefined, oid: string): boolean {
  return value !== undefined && Buffer.compare(value.whole, writeOid(oid)) === 0;
}

function numberOf(value: DerValue): number | undefined {
  return value.tag === TAG.integer && value.content.length === 1 ? value.content[0] : undefined;
}
