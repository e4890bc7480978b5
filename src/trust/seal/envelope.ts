/**
 * The content key for its recipients, by certificate: CMS EnvelopedData (RFC 5652, §6) that `openssl cms
 * -decrypt` opens. RSA recipients by OAEP, others by ECDH on P-256 or P-384; PKCS #1 v1.5 is not opened.
 *
 * CMS does not notice every alteration of an envelope: which envelope is the right one says the signed manifest,
 * by its digest, and which key is, by `keyId`.
 *
 * @module
 */
import {
  constants,
  createCipheriv,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { sha256Hex } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import { MAX_ENVELOPE } from '../../format/limits.ts';
import type { Certificate } from '../x509/certificates.ts';
import { sortedForSet, TAG, writeDer, writeOid } from '../x509/der.ts';
import { writeAlgorithm } from '../x509/signature-algorithms.ts';
import { AGREEMENT_SHA256, OAEP_SHA256 } from './envelope-algorithms.ts';
import { AES256_CBC, DATA, EC_PUBLIC_KEY, ENVELOPED_DATA, readEnvelopedData } from './enveloped-data.ts';
import { wrapByAgreement } from './key-agreement.ts';
import { broken, KEY_BYTES } from './open-envelope.ts';
import { issuerAndSerialOf, recipientCertificate, recipientId, unusable } from './recipient-certificate.ts';

export { unwrapContentKey } from './open-envelope.ts';

/**
 * An envelope of `key`, DER. Its recipients may all open it, with their private keys; the same recipient given
 * twice is in it once.
 *
 * @param certificates PEM, one a recipient; of a bundle the first one counts
 * @throws SiltError KEY_UNUSABLE for what is no certificate, or one whose key cannot receive; for no recipient,
 *   and more than {@link MAX_ENVELOPE} bytes hold
 */
export async function wrapContentKey(key: Uint8Array, certificates: readonly string[]): Promise<Uint8Array> {
  if (key.length !== KEY_BYTES) throw new SiltError('INTERNAL', `expected a key of ${KEY_BYTES} bytes`);
  const recipients = new Map(
    certificates.map((pem) => recipientCertificate(pem)).map((one) => [recipientId(one), one]),
  );
  if (recipients.size === 0) throw unusable('expected at least one recipient, found none');
  const cek = randomBytes(32);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', cek, iv);
  const ciphertext = Buffer.concat([cipher.update(key), cipher.final()]);
  const infos = [
    ...transports([...recipients.values()], cek),
    ...['prime256v1', 'secp384r1'].flatMap((curve) => agreements([...recipients.values()], cek, curve)),
  ];
  const encrypted = writeDer(
    TAG.sequence,
    writeOid(DATA),
    writeAlgorithm(AES256_CBC, writeDer(TAG.octetString, iv)),
    writeDer(0x80, ciphertext),
  );
  const version = infos.some(([tag]) => tag !== TAG.sequence) ? 2 : 0;
  const enveloped = writeDer(
    TAG.sequence,
    integer(version),
    writeDer(TAG.set, ...sortedForSet(infos)),
    encrypted,
  );
  const der = writeDer(TAG.sequence, writeOid(ENVELOPED_DATA), writeDer(0xa0, enveloped));
  if (der.length <= MAX_ENVELOPE) return der;
  throw unusable(
    `expected an envelope of at most ${MAX_ENVELOPE} bytes, found ${der.length}; split the fleet`,
  );
}

function integer(value: number): Uint8Array {
  return writeDer(TAG.integer, Uint8Array.of(value));
}

/** KeyTransRecipientInfo (RFC 5652, §6.2.1), one each. */
function transports(recipients: readonly Certificate[], cek: Uint8Array): Uint8Array[] {
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  return recipients
    .filter(({ publicKey }) => publicKey.asymmetricKeyType !== 'ec')
    .map((recipient) =>
      writeDer(
        TAG.sequence,
        integer(0),
        issuerAndSerialOf(recipient),
        OAEP_SHA256,
        writeDer(TAG.octetString, publicEncrypt({ key: recipient.publicKey, ...padding }, cek)),
      ),
    );
}

/** KeyAgreeRecipientInfo (RFC 5652, §6.2.2): one ephemeral key for all of a curve keeps the envelope small. */
function agreements(recipients: readonly Certificate[], cek: Uint8Array, curve: string): Uint8Array[] {
  const own = recipients.filter(({ publicKey }) => publicKey.asymmetricKeyDetails?.namedCurve === curve);
  if (own.length === 0) return [];
  const ephemeral = generateKeyPairSync('ec', { namedCurve: curve });
  const keys = own.map((recipient) => {
    const { privateKey } = ephemeral;
    const wrapped = wrapByAgreement(cek, { privateKey, publicKey: recipient.publicKey, hash: 'sha256' });
    return writeDer(TAG.sequence, issuerAndSerialOf(recipient), writeDer(TAG.octetString, wrapped));
  });
  const bits = writeDer(TAG.bitString, Uint8Array.of(0), pointOf(ephemeral.publicKey));
  const originator = writeDer(0xa1, writeAlgorithm(EC_PUBLIC_KEY), bits);
  return [
    writeDer(0xa1, integer(3), writeDer(0xa0, originator), AGREEMENT_SHA256, writeDer(TAG.sequence, ...keys)),
  ];
}

/** The uncompressed point (SEC 1, §2.3.3). */
function pointOf(key: KeyObject): Uint8Array {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

/**
 * Whom an envelope is for: an id each, in no particular order, that says nothing to those who do not have the
 * certificate.
 *
 * @throws SiltError SEAL_BROKEN for what is no envelope
 */
export function recipientIdsOf(der: Uint8Array): string[] {
  try {
    return [...readEnvelopedData(der).recipients()].map(({ name }) =>
      sha256Hex('keyId' in name ? name.keyId : name.issuerAndSerial),
    );
  } catch (cause) {
    throw broken('it is damaged', cause);
  }
}

/**
 * The id of the recipient with this certificate (PEM, the first of a bundle): SHA-256 of its issuer and serial
 * number, in hexadecimal. The same as {@link recipientIdsOf} finds in envelopes that silt made.
 *
 * @throws SiltError KEY_UNUSABLE for what is no certificate, or one whose key cannot receive
 */
export function recipientIdOf(certificate: string): string {
  return recipientId(recipientCertificate(certificate));
}
