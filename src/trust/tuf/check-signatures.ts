/**
 * Whether enough of the right keys signed a metadata file (TUF 1.0, §5.1 and "threshold" throughout §5). This
 * comes before anything signed is read.
 *
 * @module
 */
import { createPublicKey } from 'node:crypto';
import { type Key, type Metadata, Root, type Signature, type Targets } from '@tufjs/models';
import { type ErrorCode, SiltError } from '../../core/errors.ts';
import type { Envelope } from './envelope.ts';

/** The keys that may sign a role, and how many of them must. */
export interface RoleSigners {
  readonly role: string;
  readonly keys: Readonly<Record<string, Key>>;
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

/** Who signs `role`, as root or a delegating targets role says; `undefined` when it says nothing. */
export function signersOf(parent: Metadata<Root> | Metadata<Targets>, role: string): RoleSigners | undefined {
  const { signed } = parent;
  if (signed instanceof Root) {
    if (!Object.hasOwn(signed.roles, role)) return undefined;
    const found = signed.roles[role];
    return found && { role, keys: signed.keys, keyIds: found.keyIDs, threshold: found.threshold };
  }
  const { delegations } = signed;
  if (delegations === undefined) return undefined;
  const { keys, roles, succinctRoles } = delegations;
  let found = succinctRoles?.isDelegatedRole(role) ? succinctRoles : undefined;
  if (roles !== undefined) found = Object.hasOwn(roles, role) ? (roles[role] as typeof found) : undefined;
  return found && { role, keys, keyIds: found.keyIDs, threshold: found.threshold };
}

/**
 * Demands that the threshold of different keys signed what is in `envelope`.
 *
 * @param revoked key ids that were taken away on purpose: for a better error only
 * @throws SiltError TRUST_REVOKED_KEY, TRUST_UNKNOWN_KEY, TRUST_THRESHOLD
 */
export function requireThreshold(
  envelope: Envelope,
  signers: RoleSigners,
  revoked: ReadonlySet<string> = new Set(),
): void {
  const valid = new Set<string>();
  for (const { keyid, sig } of envelope.signatures) {
    if (!signers.keyIds.includes(keyid) || !Object.hasOwn(signers.keys, keyid)) continue;
    const key = signers.keys[keyid] as Key;
    // Two key ids may stand for one key: it counts once.
    if (verifies(key, sig, envelope)) valid.add(identityOf(key));
    if (valid.size >= signers.threshold) return;
  }
  throw thresholdError(envelope, signers, valid.size, revoked);
}

function verifies(key: Key, sig: string, { signed }: Envelope): boolean {
  const signature = { keyID: key.keyID, sig } as Signature;
  // What is signed is verified as it came, before a model of it exists.
  const signable = { signatures: { [key.keyID]: signature }, signed: { toJSON: () => signed } };
  try {
    key.verifySignature(signable as unknown as Parameters<Key['verifySignature']>[0]);
    return true;
  } catch {
    return false;
  }
}

/** The same for two listings of one public key. */
function identityOf({ keyType, keyVal }: Key): string {
  const text = keyVal.public ?? '';
  try {
    const key =
      keyType === 'ed25519' && /^[0-9a-f]{64}$/i.test(text)
        ? createPublicKey({
            key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(text, 'hex').toString('base64url') },
            format: 'jwk',
          })
        : createPublicKey(text);
    return key.export({ type: 'spki', format: 'der' }).toString('hex');
  } catch {
    return text.toLowerCase();
  }
}

function thresholdError(
  { signatures }: Envelope,
  { role, keyIds, threshold }: RoleSigners,
  found: number,
  revoked: ReadonlySet<string>,
): SiltError {
  const details = { role, expected: threshold, found };
  const because = (code: ErrorCode, why: string): SiltError =>
    new SiltError(
      code,
      `${role}: expected valid signatures by ${threshold} of its keys, found ${found} of ${threshold}${why}`,
      { details },
    );
  const taken = signatures.find(({ keyid }) => revoked.has(keyid) && !keyIds.includes(keyid));
  if (taken !== undefined) {
    return because('TRUST_REVOKED_KEY', `; the key ${taken.keyid} was revoked: sign anew with a current key`);
  }
  if (signatures.length > 0 && !signatures.some(({ keyid }) => keyIds.includes(keyid))) {
    const by = signatures[0]?.keyid ?? '';
    return because('TRUST_UNKNOWN_KEY', `; it is signed by ${by}, a key that this role does not have`);
  }
  return because('TRUST_THRESHOLD', ': the metadata was altered, or signed by too few');
}
