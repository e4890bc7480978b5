/**
 * A small PKI for tests: certificates of any validity, usage and issuer, and revocation lists, made anew for
 * every run with keys of their own; no key lies in the repository. Serial numbers come from the names.
 *
 * @module
 */
import { createHash, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';

const { subtle } = webcrypto;

/** When things are, for those who do not say: all certificates hold then. */
export const TODAY = new Date('2026-06-15T12:00:00Z');
const DAY_MS = 86_400_000;

/** So many days from {@link TODAY}. */
export function days(count: number): Date {
  return new Date(TODAY.getTime() + count * DAY_MS);
}

export const purposes = {
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  any: '2.5.29.37.0',
} as const;

export type KeyKind = 'p256' | 'p384' | 'p521' | 'rsa' | 'rsa1024';
/** The bits of KeyUsage, the first is the highest of the first byte (RFC 5280, §4.2.1.3). */
const usageBits = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
] as const;
export type Usage = (typeof usageBits)[number];

export interface CertificateWish {
  readonly name: string;
  /** Default: itself. */
  readonly issuer?: Party;
  readonly kind?: KeyKind;
  /** The keys of somebody else, instead of new ones. */
  readonly keys?: webcrypto.CryptoKeyPair;
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** Key usage; an empty list leaves the extension out. Default: what suits. */
  readonly usage?: readonly Usage[];
  /** Extended key usage; default none. */
  readonly purposes?: readonly (keyof typeof purposes)[];
  readonly from?: Date;
  readonly to?: Date;
  readonly hosts?: readonly string[];
  readonly extensions?: readonly pkijs.Extension[];
  readonly hash?: 'SHA-1' | 'SHA-256' | 'SHA-384';
}

/** Somebody with a certificate and its private key, both PEM. */
export interface Party {
  readonly name: string;
  readonly certificate: string;
  readonly der: Uint8Array;
  readonly key: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

const algorithms: Record<KeyKind, webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams> = {
  p256: { name: 'ECDSA', namedCurve: 'P-256' },
  p384: { name: 'ECDSA', namedCurve: 'P-384' },
  p521: { name: 'ECDSA', namedCurve: 'P-521' },
  rsa: rsa(2048),
  rsa1024: rsa(1024),
};

function rsa(modulusLength: number): webcrypto.RsaHashedKeyGenParams {
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength, publicExponent };
}

/** New keys: quick for curves, a tenth of a second and more for RSA. */
export async function makeKeys(kind: KeyKind): Promise<webcrypto.CryptoKeyPair> {
  return (await subtle.generateKey(algorithms[kind], true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/** Certifies a new party as wished. */
export async function certify(wish: CertificateWish): Promise<Party> {
  const keys = wish.keys ?? (await makeKeys(wish.kind ?? 'p256'));
  const issuerKeys = wish.issuer?.keys ?? keys;
  const made = new pkijs.Certificate();
  made.version = 2;
  made.serialNumber = new asn1js.Integer({ valueHex: serialOf(wish.name) });
  made.subject = nameOf(wish.name);
  made.issuer = nameOf(wish.issuer?.name ?? wish.name);
  made.notBefore = timeOf(wish.from ?? days(-100));
  made.notAfter = timeOf(wish.to ?? days(100));
  await made.subjectPublicKeyInfo.importKey(keys.publicKey);
  made.extensions = await extensionsOf(wish, keys, issuerKeys);
  await made.sign(issuerKeys.privateKey, wish.hash ?? 'SHA-256');
  const der = made.toSchema(true).toBER();
  const pkcs8 = await subtle.exportKey('pkcs8', keys.privateKey);
  return {
    name: wish.name,
    certificate: pem('CERTIFICATE', der),
    der: new Uint8Array(der),
    key: pem('PRIVATE KEY', pkcs8),
    keys,
  };
}

async function extensionsOf(
  wish: CertificateWish,
  keys: webcrypto.CryptoKeyPair,
  issuerKeys: webcrypto.CryptoKeyPair,
): Promise<pkijs.Extension[]> {
  const { ca = false, pathLength, hosts = [] } = wish;
  const usage = wish.usage ?? (ca ? (['keyCertSign', 'cRLSign'] as const) : (['digitalSignature'] as const));
  const basic = new pkijs.BasicConstraints({
    cA: ca,
    ...(pathLength !== undefined && { pathLenConstraint: pathLength }),
  });
  const keyId = new asn1js.OctetString({ valueHex: await keyIdOf(keys.publicKey) });
  const issuerKeyId = new asn1js.OctetString({ valueHex: await keyIdOf(issuerKeys.publicKey) });
  const made = [
    extension('2.5.29.19', basic.toSchema(), true),
    extension('2.5.29.14', keyId),
    extension('2.5.29.35', new pkijs.AuthorityKeyIdentifier({ keyIdentifier: issuerKeyId }).toSchema()),
  ];
  if (usage.length > 0) made.push(extension('2.5.29.15', usageOf(usage), true));
  if (wish.purposes) {
    const keyPurposes = wish.purposes.map((one) => purposes[one]);
    made.push(extension('2.5.29.37', new pkijs.ExtKeyUsage({ keyPurposes }).toSchema()));
  }
  if (hosts.length > 0) {
    const altNames = hosts.map((host) =>
      isIP(host) === 0
        ? new pkijs.GeneralName({ type: 2, value: host })
        : new pkijs.GeneralName({
            type: 7,
            value: new asn1js.OctetString({ valueHex: new Uint8Array(host.split('.').map(Number)).buffer }),
          }),
    );
    made.push(extension('2.5.29.17', new pkijs.GeneralNames({ names: altNames }).toSchema()));
  }
  return [...made, ...(wish.extensions ?? [])];
}

/** An extension of a certificate or a list, with any content. */
export function extension(oid: string, value: asn1js.BaseBlock, critical = false): pkijs.Extension {
  return new pkijs.Extension({ extnID: oid, critical, extnValue: value.toBER() });
}

function usageOf(usage: readonly Usage[]): asn1js.BitString {
  const bits = usage.reduce((all, one) => all | (0x80 >> usageBits.indexOf(one)), 0);
  const unusedBits = Math.clz32(bits & -bits) === 32 ? 0 : 31 - Math.clz32(bits & -bits);
  return new asn1js.BitString({ valueHex: new Uint8Array([bits]).buffer, unusedBits });
}

/** SHA-1 of the public key (RFC 5280, §4.2.1.2): a name, nothing rests on it. */
async function keyIdOf(key: webcrypto.CryptoKey): Promise<ArrayBuffer> {
  const info = new pkijs.PublicKeyInfo();
  await info.importKey(key);
  return await subtle.digest('SHA-1', info.subjectPublicKey.valueBlock.valueHexView);
}

function nameOf(name: string): pkijs.RelativeDistinguishedNames {
  const value = new asn1js.Utf8String({ value: name });
  return new pkijs.RelativeDistinguishedNames({
    typesAndValues: [new pkijs.AttributeTypeAndValue({ type: '2.5.4.3', value })],
  });
}

/** UTCTime up to 2049, then GeneralizedTime (RFC 5280, §4.1.2.5). */
function timeOf(value: Date): pkijs.Time {
  return new pkijs.Time({ type: value.getUTCFullYear() < 2050 ? 0 : 1, value });
}

export interface CrlWish {
  readonly issuer: Party;
  readonly revoked?: readonly Party[];
  readonly from?: Date;
  readonly to?: Date;
  readonly extensions?: readonly pkijs.Extension[];
  /** The keys of somebody else, who pretends to be the issuer. */
  readonly keys?: webcrypto.CryptoKeyPair;
}

/** A revocation list, DER. */
export async function revocationList(wish: CrlWish): Promise<Uint8Array> {
  const made = new pkijs.CertificateRevocationList();
  made.version = 1;
  made.issuer = nameOf(wish.issuer.name);
  made.thisUpdate = timeOf(wish.from ?? days(-1));
  made.nextUpdate = timeOf(wish.to ?? days(30));
  const revoked = (wish.revoked ?? []).map(
    ({ name }) =>
      new pkijs.RevokedCertificate({
        userCertificate: new asn1js.Integer({ valueHex: serialOf(name) }),
        revocationDate: timeOf(days(-2)),
      }),
  );
  if (revoked.length > 0) made.revokedCertificates = revoked;
  const number = extension('2.5.29.20', new asn1js.Integer({ value: 1 }));
  made.crlExtensions = new pkijs.Extensions({ extensions: [number, ...(wish.extensions ?? [])] });
  await made.sign((wish.keys ?? wish.issuer.keys).privateKey, 'SHA-256');
  return new Uint8Array(made.toSchema(true).toBER());
}

/** Positive, and the same in every run. */
function serialOf(name: string): ArrayBuffer {
  const serial = createHash('sha256').update(name).digest().subarray(0, 8);
  serial[0] = 0x11;
  return new Uint8Array(serial).buffer;
}

/** PEM of `der`. */
export function pem(label: string, der: ArrayBuffer | Uint8Array): string {
  const lines =
    Buffer.from(der as Uint8Array)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
