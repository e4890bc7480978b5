/**
 * Private keys in files: PKCS#8 in PEM (RFC 7468, §10 and §11), encrypted with a passphrase or not.
 *
 * @module
 */
import { constants, createPrivateKey, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { createExclusive } from '../../io/atomic.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import { publicKeyOf } from './public-key.ts';
import type { Signer } from './signer.ts';

/** Kinds of key that can be made. */
export const keyKinds = ['ed25519', 'ecdsa', 'rsa'] as const;
export type KeyKind = (typeof keyKinds)[number];

/** A key of RSA 8192 with its passphrase takes some 7 KiB. */
export const MAX_KEY_FILE: number = 64 * KiB;

/** The owner alone may read and write it. */
const SECRET_MODE = 0o600;

const PRIVATE_KEY = /-----BEGIN (?:ENCRYPTED )?PRIVATE KEY-----/;
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----/;
const OLD_KEY = /-----BEGIN [A-Z]+ PRIVATE KEY-----/;

const makeKeyPair = promisify(generateKeyPair);

/** Asks for the passphrase, of all files alike. */
export type PassphraseSource = () => Promise<Buffer>;

/** A new key that is in no file yet. */
export interface NewKey {
  readonly signer: Signer;
  /**
   * Stores it, durably, in its file, which only its owner may read. Never replaces a file.
   *
   * @throws SiltError KEY_UNUSABLE when there is such a file already, NO_SPACE, IO_FAILED
   */
  store(): Promise<void>;
}

/**
 * Makes a key pair.
 *
 * @param path where it will be stored
 * @param passphrase encrypts the file: PBES2 with AES-256-CBC (RFC 8018, §6.2)
 */
export async function generateKey(path: string, kind: KeyKind, passphrase?: Buffer): Promise<NewKey> {
  const key = await generatePrivateKey(kind);
  const cipher = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return {
    signer: keySigner(key, path),
    async store() {
      const pem = key.export({ type: 'pkcs8', format: 'pem', ...cipher });
      if ((await createExclusive(path, Buffer.from(pem), { mode: SECRET_MODE })) === 'created') return;
      throw new SiltError(
        'KEY_UNUSABLE',
        `${path} exists already; a key is never replaced, name another file`,
        {
          details: { path },
        },
      );
    },
  };
}

async function generatePrivateKey(kind: KeyKind): Promise<KeyObject> {
  if (kind === 'ed25519') return (await makeKeyPair('ed25519')).privateKey;
  if (kind === 'ecdsa') return (await makeKeyPair('ec', { namedCurve: 'prime256v1' })).privateKey;
  return (await makeKeyPair('rsa', { modulusLength: 3072 })).privateKey;
}

/**
 * The signer behind a file; `undefined` when the file holds no private key at all (certificates and public
 * keys lie in directories of keys too).
 *
 * @throws SiltError KEY_UNUSABLE: unreadable, too large, another format or kind of key, wrong passphrase
 */
export async function loadKeyFile(path: string, passphrase?: PassphraseSource): Promise<Signer | undefined> {
  const pem = (await readKeyFile(path)).toString('utf8');
  if (!PRIVATE_KEY.test(pem)) {
    if (!OLD_KEY.test(pem)) return undefined;
    throw unusable(path, 'expected PKCS#8, found an older format; convert it with "openssl pkcs8 -topk8"');
  }
  if (!ENCRYPTED_KEY.test(pem)) return keySigner(parse(path, pem), path);
  if (passphrase === undefined) {
    throw unusable(path, 'it is encrypted; give its passphrase with --passphrase-file');
  }
  return keySigner(parse(path, pem, await passphrase()), path);
}

/** The bytes of a file of keys. @throws SiltError KEY_UNUSABLE */
export async function readKeyFile(path: string): Promise<Buffer> {
  let bytes: Buffer | undefined;
  try {
    bytes = await readSmallFile(path, MAX_KEY_FILE);
  } catch (error) {
    if (!isSiltError(error)) throw error;
    throw unusable(path, error.message, error);
  }
  if (bytes === undefined) throw unusable(path, 'there is no such file; check the path');
  return bytes;
}

function parse(path: string, pem: string, passphrase?: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase && { passphrase }) });
  } catch (error) {
    throw unusable(
      path,
      passphrase ? 'the passphrase is wrong, or the file damaged' : 'it is damaged',
      error,
    );
  }
}

/** @throws SiltError KEY_UNUSABLE for a kind of key that TUF does not sign with here */
export function keySigner(key: KeyObject, name: string): Signer {
  const publicKey = publicKeyOf(key, name);
  const algorithm = publicKey.scheme === 'ed25519' ? null : 'sha256';
  const pss =
    publicKey.scheme === 'rsassa-pss-sha256'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
      : {};
  return { publicKey, name, sign: async (bytes) => sign(algorithm, bytes, { key, ...pss }) };
}

/** The error of a file of keys that cannot be used. */
export function unusable(path: string, why: string, cause?: unknown): SiltError {
  return new SiltError('KEY_UNUSABLE', `${path} cannot be used as a key: ${why}`, {
    details: { path },
    ...(cause !== undefined && { cause }),
  });
}
