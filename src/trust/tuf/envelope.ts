/**
 * A metadata file as it arrives: what is signed, still unread, and the signatures (TUF 1.0, §4.2). Nothing
 * here believes anything of what is signed.
 *
 * @module
 */
import { MAX_NAME, MAX_SIGNATURES } from './limits.ts';
import { isJsonObject, type JsonObject, malformed, parseStrictJson } from './strict-json.ts';

export interface EnvelopeSignature {
  readonly keyid: string;
  /** Hexadecimal; may be anything, even empty: then it is no valid signature. */
  readonly sig: string;
}

export interface Envelope {
  readonly signed: JsonObject;
  /** No two by the same key id. */
  readonly signatures: readonly EnvelopeSignature[];
}

/** Hexadecimal digits of a signature; one of RSA-16384 has 4096. */
const MAX_SIGNATURE_DIGITS = 8192;

/**
 * Opens the metadata file of `role`.
 *
 * @throws SiltError TRUST_MALFORMED
 */
export function openEnvelope(bytes: Uint8Array, role: string): Envelope {
  const value = parseStrictJson(bytes, role);
  if (isJsonObject(value) && value.format === 'silt-catalog') {
    throw malformed(
      role,
      'expected signed metadata, found the catalog of an unsigned repository; use --insecure to do without signatures',
    );
  }
  if (!isJsonObject(value) || !isJsonObject(value.signed) || !Array.isArray(value.signatures)) {
    throw malformed(role, 'expected signed metadata with "signed" and "signatures", found something else');
  }
  const { signed, signatures } = value;
  if (signatures.length > MAX_SIGNATURES) {
    throw malformed(role, `expected at most ${MAX_SIGNATURES} signatures, found ${signatures.length}`);
  }
  const keyIds = new Set<string>();
  const read = signatures.map((signature): EnvelopeSignature => {
    const { keyid, sig } = isJsonObject(signature) ? signature : {};
    if (typeof keyid !== 'string' || typeof sig !== 'string') {
      throw malformed(role, 'expected signatures with "keyid" and "sig", found something else');
    }
    if (keyid.length > MAX_NAME || sig.length > MAX_SIGNATURE_DIGITS) {
      throw malformed(role, 'expected a signature of usual length, found a longer one');
    }
    // TUF 1.0, §4.2.1: "The KEYID MUST be unique in the signatures array".
    if (keyIds.has(keyid)) throw malformed(role, `expected one signature a key, found two by ${keyid}`);
    keyIds.add(keyid);
    return { keyid, sig };
  });
  return { signed, signatures: read };
}
