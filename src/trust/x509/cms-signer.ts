/**
 * Who makes CMS signatures: a private key in PEM, or any signer of silt, such as one in an HSM. A signer for CMS
 * returns DER for ECDSA, the bare signature for RSA. Ed25519 is not among them: OpenSSL 3.0 makes and reads none
 * in CMS.
 *
 * @module
 */
import { constants, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { SiltError } from '../../core/errors.ts';
import type { SignatureScheme, Signer } from '../keys/signer.ts';

/** How a signature is made; all but the P-384 one over SHA-256. PSS has a salt of 32 bytes. */
export type CmsScheme =
  | 'ecdsa-sha2-nistp256'
  | 'ecdsa-sha2-nistp384'
  | 'rsassa-pss-sha256'
  | 'rsa-pkcs1v15-sha256';

export interface CmsSigner {
  readonly scheme: CmsScheme | SignatureScheme;
  /** The signature of `bytes`. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** A signer of TUF metadata as one of CMS: the same key, RSA with PSS. */
export function cmsSignerOf({ publicKey, sign: signWith }: Pick<Signer, 'publicKey' | 'sign'>): CmsSigner {
  return { scheme: publicKey.scheme, sign: (bytes) => signWith(bytes) };
}

/**
 * The signer with the private key in `pem`: ECDSA on P-256 or P-384, or RSA (PKCS #1 v1.5, which every verifier
 * knows).
 *
 * @throws SiltError KEY_UNUSABLE for no key, another kind of key, or the wrong passphrase
 */
export function cmsSignerFromPem(pem: string, options: { passphrase?: Buffer | string } = {}): CmsSigner {
  const key = readKey(pem, options.passphrase);
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const curve = namedCurve === undefined ? undefined : curves.get(namedCurve);
  if (key.asymmetricKeyType === 'ec' && curve !== undefined) {
    return {
      scheme: curve.scheme,
      sign: async (bytes) => sign(curve.hash, bytes, { key, dsaEncoding: 'der' }),
    };
  }
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048) {
    const padding = constants.RSA_PKCS1_PADDING;
    return { scheme: 'rsa-pkcs1v15-sha256', sign: async (bytes) => sign('sha256', bytes, { key, padding }) };
  }
  const found =
    namedCurve ?? `${key.asymmetricKeyType}${modulusLength > 0 ? ` of ${modulusLength} bits` : ''}`;
  throw new SiltError(
    'KEY_UNUSABLE',
    `expected a key for CMS: ECDSA P-256 or P-384, or RSA of 2048 bits and more; found ${found}`,
  );
}

const curves: ReadonlyMap<string, { readonly scheme: CmsScheme; readonly hash: string }> = new Map([
  ['prime256v1', { scheme: 'ecdsa-sha2-nistp256', hash: 'sha256' }],
  ['secp384r1', { scheme: 'ecdsa-sha2-nistp384', hash: 'sha384' }],
]);

function readKey(key: string, passphrase: Buffer | string | undefined): KeyObject {
  try {
    return createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    const message =
      'expected a private key in PEM, unencrypted or with its passphrase, found something else; check both';
    throw new SiltError('KEY_UNUSABLE', message, { cause });
  }
}
