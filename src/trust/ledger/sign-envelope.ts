/**
 * Signatures added to metadata, and those that are still missing.
 *
 * @module
 */
import { type ErrorCode, isSiltError, SiltError } from '../../core/errors.ts';
import { isSignature } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import { signingForm } from '../keys/signing-form.ts';
import { type RoleSigners, requireThreshold } from '../tuf/check-signatures.ts';
import type { Envelope } from '../tuf/envelope.ts';

/** A role that lacks signatures. */
export interface Missing {
  readonly role: string;
  /** Signatures that it needs besides those it has. */
  readonly count: number;
  /** Keys that may make them. */
  readonly keyIds: readonly string[];
}

const notSigned: readonly ErrorCode[] = ['TRUST_THRESHOLD', 'TRUST_UNKNOWN_KEY', 'TRUST_REVOKED_KEY'];

/** The envelope with a signature by each of `signers` that one of `rings` lists; those it has stay. */
export async function addSignatures(
  envelope: Envelope,
  rings: readonly RoleSigners[],
  signers: readonly Signer[],
): Promise<Envelope> {
  const bytes = signingForm(envelope.signed);
  const wanted = new Set(rings.flatMap(({ keyIds }) => keyIds));
  const signatures = new Map(envelope.signatures.map(({ keyid, sig }) => [keyid, sig]));
  for (const { publicKey, sign } of signers) {
    const { keyId } = publicKey;
    if (!wanted.has(keyId)) continue;
    const there = signatures.get(keyId);
    if (there !== undefined && isSignature(publicKey, bytes, Buffer.from(there, 'hex'))) continue;
    signatures.set(keyId, Buffer.from(await sign(bytes)).toString('hex'));
  }
  return {
    signed: envelope.signed,
    signatures: Array.from(signatures, ([keyid, sig]) => ({ keyid, sig })),
  };
}

/** True when enough keys of the ring signed. */
export function isSigned(envelope: Envelope, ring: RoleSigners): boolean {
  try {
    requireThreshold(envelope, ring);
    return true;
  } catch (error) {
    if (notSigned.some((code) => isSiltError(error, code))) return false;
    throw error;
  }
}

/**
 * What `envelope` lacks of the threshold of `ring`, when `signers` sign besides those who did; `undefined` when
 * it lacks nothing.
 */
export function missingOf(
  envelope: Envelope,
  ring: RoleSigners,
  signers: readonly Signer[] = [],
): Missing | undefined {
  const open = ring.keyIds.filter(
    (keyId) =>
      !signers.some(({ publicKey }) => publicKey.keyId === keyId) &&
      !isSigned(envelope, { ...ring, keyIds: [keyId], threshold: 1 }),
  );
  const count = ring.threshold - (ring.keyIds.length - open.length);
  return count > 0 ? { role: ring.role, count, keyIds: open } : undefined;
}

/** @throws SiltError SIGNATURES_MISSING when there are any */
export function requireNoneMissing(missing: readonly Missing[]): void {
  const [first] = missing;
  if (first === undefined) return;
  const list = missing.map(({ role, count, keyIds }) => {
    const which = keyIds.length === 0 ? 'keys it does not have yet' : keyIds.join(', ');
    return `${role} lacks ${count} more, by ${count < keyIds.length ? 'some of ' : ''}${which}`;
  });
  // Root may lack the same by the thresholds of the root before and of its own.
  const different = [...new Set(list)];
  throw new SiltError(
    'SIGNATURES_MISSING',
    `the keys at hand do not suffice: ${different.join('; ')}; give --keys that hold them, or stage the change and sign it elsewhere`,
    { details: { role: first.role, missing: first.count, keyIds: first.keyIds.join(',') } },
  );
}
