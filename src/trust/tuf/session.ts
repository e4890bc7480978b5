/**
 * One run of the TUF client: where it reads, what it keeps, which time it goes by, and what all roles have in
 * common when they are verified.
 *
 * @module
 */
import type { Metadata, Root } from '@tufjs/models';
import { equalBytes } from '../../core/bytes.ts';
import { isSiltError, SiltError } from '../../core/errors.ts';
import type { MetadataReader } from '../releases.ts';
import { type RoleSigners, requireThreshold } from './check-signatures.ts';
import { type Described, difference } from './download-metadata.ts';
import { type Envelope, openEnvelope } from './envelope.ts';
import type { MetadataState } from './metadata-state.ts';
import { isJsonObject } from './strict-json.ts';
import type { AnySigned, TrustedTime } from './trusted-time.ts';

export interface Session {
  readonly store: MetadataReader;
  readonly state: MetadataState;
  readonly time: TrustedTime;
  readonly allowExpired: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Verified metadata and the bytes it was read from. */
export interface Verified<T extends AnySigned> {
  readonly metadata: Metadata<T>;
  readonly bytes: Uint8Array;
}

/** How a role is verified and read. */
export interface RoleKind<T extends AnySigned> {
  readonly signers: RoleSigners;
  readonly revoked: ReadonlySet<string>;
  readonly read: (envelope: Envelope) => Metadata<T>;
}

/**
 * The metadata in `bytes`: signatures first, then what they sign.
 *
 * @throws SiltError TRUST_MALFORMED, TRUST_THRESHOLD, TRUST_UNKNOWN_KEY, TRUST_REVOKED_KEY
 */
export function verifyRole<T extends AnySigned>(bytes: Uint8Array, kind: RoleKind<T>): Verified<T> {
  const envelope = openEnvelope(bytes, kind.signers.role);
  requireThreshold(envelope, kind.signers, kind.revoked);
  return { metadata: kind.read(envelope), bytes };
}

/**
 * The newest whole copy of what the state keeps under `name` that verifies and is what `described` says;
 * torn, foreign and outdated ones count as none.
 */
export async function kept<T extends AnySigned>(
  { state }: Session,
  name: string,
  kind: RoleKind<T>,
  described: Described & { readonly version?: number } = {},
): Promise<Verified<T> | undefined> {
  let newest: Verified<T> | undefined;
  for (const bytes of await state.read(name)) {
    // As a rule the copies are the same, and one look is enough.
    if (newest !== undefined && equalBytes(newest.bytes, bytes)) continue;
    if (difference(bytes, described) !== undefined) continue;
    const copy = attempt(() => verifyRole(bytes, kind));
    if (copy === undefined) continue;
    const { version } = copy.metadata.signed;
    if (described.version !== undefined && version !== described.version) continue;
    if (newest === undefined || version > newest.metadata.signed.version) newest = copy;
  }
  return newest;
}

/** Keeps verified bytes for the runs to come. */
export async function keep({ state }: Session, name: string, bytes: Uint8Array): Promise<void> {
  await state.write(name, bytes);
}

/** @throws SiltError TRUST_EXPIRED, unless expired metadata is wanted */
export function requireFresh(session: Session, role: string, signed: AnySigned): void {
  if (!session.allowExpired) session.time.requireFresh(role, signed);
}

/** Key ids that `silt keys revoke` took away, as the trusted root remembers them. */
export function revokedKeys({ unrecognizedFields }: Root): ReadonlySet<string> {
  const { silt } = unrecognizedFields;
  const revoked = isJsonObject(silt) ? silt.revoked : undefined;
  return new Set(Array.isArray(revoked) ? revoked.filter((keyId) => typeof keyId === 'string') : []);
}

/** The error of metadata that contradicts the parent that names it: a mix of two states of the repository. */
export function mismatch(role: string, problem: string, details: Record<string, number> = {}): SiltError {
  return new SiltError('TRUST_MISMATCH', `${role} is not the one that was announced: ${problem}`, {
    details: { role, ...details },
  });
}

/** What `action` gives; `undefined` where it refuses. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (isSiltError(error)) return undefined;
    throw error;
  }
}
