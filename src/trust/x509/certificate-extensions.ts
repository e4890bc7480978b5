/**
 * What the extensions of a certificate say (RFC 5280, §4.2), and nothing that they do not: an extension that is
 * critical and not understood makes the certificate unusable, as does one that comes twice or is damaged.
 *
 * @module
 */
import type { BitString, OctetString } from 'asn1js';
import type { AuthorityKeyIdentifier, BasicConstraints, Extension, ExtKeyUsage } from 'pkijs';
import { SiltError } from '../../core/errors.ts';
import type { Certificate } from './certificates.ts';

export interface Extensions {
  readonly ca: boolean;
  /** Certificates of CAs that may come below this one; no limit where it is absent. */
  readonly pathLength?: number;
  /** The first byte of the bits; absent where there is no restriction. */
  readonly keyUsage?: number;
  /** Object identifiers; absent where there is no restriction. */
  readonly purposes?: readonly string[];
  readonly keyId?: Uint8Array;
  readonly issuerKeyId?: Uint8Array;
}

/** Bits of KeyUsage (RFC 5280, §4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04, cRLSign: 0x02 } as const;

const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE_ID = '2.5.29.15';
const PURPOSES = '2.5.29.37';
const KEY_ID = '2.5.29.14';
const ISSUER_KEY_ID = '2.5.29.35';
/** It takes names away from a CA; silt judges no names, so it can only refuse. */
const NAME_CONSTRAINTS = '2.5.29.30';

/** Critical or not, these are understood: the other two are names and policies, of which any will do. */
const KNOWN: ReadonlySet<string> = new Set([
  BASIC_CONSTRAINTS,
  KEY_USAGE_ID,
  PURPOSES,
  KEY_ID,
  ISSUER_KEY_ID,
  '2.5.29.17',
  '2.5.29.32',
]);

/**
 * What the extensions of `certificate` say.
 *
 * @throws SiltError CERT_UNTRUSTED for one that is critical and unknown, comes twice or cannot be read
 */
export function readExtensions(certificate: Certificate): Extensions {
  const all = certificate.parsed.extensions ?? [];
  const seen = new Map<string, Extension>();
  for (const extension of all) {
    const { extnID: id } = extension;
    const problem = seen.has(id)
      ? `has the extension ${id} twice`
      : (extension.critical && !KNOWN.has(id)) || id === NAME_CONSTRAINTS
        ? `has the critical extension ${id}, which silt does not know`
        : KNOWN.has(id) && !isReadable(extension)
          ? `has a damaged extension ${id}`
          : undefined;
    if (problem !== undefined) {
      throw new SiltError('CERT_UNTRUSTED', `the certificate ${certificate.subject} ${problem}`, {
        details: { certificate: certificate.subject, extension: id },
      });
    }
    seen.set(id, extension);
  }
  const basic = parsedOf<BasicConstraints>(seen, BASIC_CONSTRAINTS);
  const keyUsage = parsedOf<BitString>(seen, KEY_USAGE_ID)?.valueBlock.valueHexView?.[0];
  const purposes = parsedOf<ExtKeyUsage>(seen, PURPOSES)?.keyPurposes;
  const keyId = parsedOf<OctetString>(seen, KEY_ID)?.valueBlock.valueHexView;
  const issuerKeyId = parsedOf<AuthorityKeyIdentifier>(seen, ISSUER_KEY_ID)?.keyIdentifier?.valueBlock
    .valueHexView;
  return {
    ca: basic?.cA ?? false,
    ...(basic?.pathLenConstraint !== undefined && { pathLength: pathLengthOf(basic) }),
    // An extension without a bit in it permits nothing.
    ...(seen.has(KEY_USAGE_ID) && { keyUsage: keyUsage ?? 0 }),
    ...(purposes !== undefined && { purposes }),
    ...(keyId !== undefined && { keyId }),
    ...(issuerKeyId !== undefined && { issuerKeyId }),
  };
}

/** The parser leaves a value out, or leaves a note in it. */
function isReadable({ parsedValue }: Extension): boolean {
  return parsedValue instanceof Object && !('parsingError' in parsedValue && parsedValue.parsingError);
}

function parsedOf<T>(seen: ReadonlyMap<string, Extension>, id: string): T | undefined {
  return seen.get(id)?.parsedValue as T | undefined;
}

/** A number too long for one is no limit that a path could reach; a negative one lets nothing through. */
function pathLengthOf({ pathLenConstraint: limit }: BasicConstraints): number {
  return typeof limit === 'number' ? limit : Number.MAX_SAFE_INTEGER;
}
