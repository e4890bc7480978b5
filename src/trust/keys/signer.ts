/**
 * Who signs: a private key in a file, or a command that reaches one in an HSM or KMS. What is signed and how
 * signatures are stored is the business of `tuf/` and `x509/`.
 *
 * @module
 */

/** Signature schemes, by TUF's names (TUF 1.0, §4.2). */
export type SignatureScheme = 'ed25519' | 'ecdsa-sha2-nistp256' | 'rsassa-pss-sha256';

/** A public key as TUF writes it. */
export interface PublicKey {
  /** SHA-256 of the canonical JSON of the key, in hexadecimal. */
  readonly keyId: string;
  readonly scheme: SignatureScheme;
  /** SubjectPublicKeyInfo, PEM. */
  readonly pem: string;
}

export interface Signer {
  readonly publicKey: PublicKey;
  /** For people: where the key lies. */
  readonly name: string;
  /**
   * The signature of `bytes`: raw for Ed25519, DER for ECDSA, PSS with a salt of 32 bytes for RSA.
   *
   * @throws SiltError SIGNER_FAILED
   */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}
