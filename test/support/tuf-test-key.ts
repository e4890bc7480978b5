/**
 * Keys that sign TUF metadata in tests: every type that the specification names (TUF 1.0, §4.2).
 *
 * @module
 */
import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { canonicalJson } from './canonical-json-olpc.ts';

export type TestKeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface TestKeyObject {
  readonly keytype: string;
  readonly scheme: string;
  readonly keyval: { readonly public: string };
  readonly [member: string]: unknown;
}

export interface TestKey {
  readonly keyId: string;
  /** The key as metadata lists it. */
  readonly listed: TestKeyObject;
  /** Hexadecimal. */
  readonly sign: (bytes: Uint8Array) => string;
  readonly privateKey: KeyObject;
}

/** SHA-256 of the canonical JSON of the key object. */
export function keyIdOf(listed: TestKeyObject): string {
  return createHash('sha256').update(canonicalJson(listed)).digest('hex');
}

/** A new key; `more` are members of the key object that no specification knows. RSA takes long: make few. */
export function testKey(
  type: TestKeyType = 'ed25519',
  more: Readonly<Record<string, unknown>> = {},
): TestKey {
  const { publicKey, privateKey } = generate(type);
  const pem = (): string => publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const raw = (): string =>
    Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
  const [scheme, written] = {
    ed25519: ['ed25519', raw],
    ecdsa: ['ecdsa-sha2-nistp256', pem],
    rsa: ['rsassa-pss-sha256', pem],
  }[type] as [string, () => string];
  const listed = { keytype: type, scheme, keyval: { public: written() }, ...more };
  return { keyId: keyIdOf(listed), listed, privateKey, sign: (bytes) => signature(type, privateKey, bytes) };
}

function generate(type: TestKeyType): { publicKey: KeyObject; privateKey: KeyObject } {
  if (type === 'ed25519') return generateKeyPairSync('ed25519');
  if (type === 'ecdsa') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

function signature(type: TestKeyType, key: KeyObject, bytes: Uint8Array): string {
  if (type === 'ed25519') return sign(null, bytes, key).toString('hex');
  if (type === 'ecdsa') return sign('sha256', bytes, key).toString('hex');
  const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return sign('sha256', bytes, pss).toString('hex');
}
