/**
 * Metadata that a trusted parent names with its version, and mostly with length and hashes (TUF 1.0, §5.5 and
 * §5.6): what comes must be exactly that, or two states of a repository were mixed.
 *
 * @module
 */
import type { MetaFile } from '@tufjs/models';
import { downloadDescribed } from './download-metadata.ts';
import { metadataKey } from './role-files.ts';
import { mismatch, type RoleKind, type Session, type Verified, verifyRole } from './session.ts';
import type { AnySigned } from './trusted-time.ts';

/**
 * Downloads the role as `file` describes it, and verifies it.
 *
 * @throws SiltError OBJECT_MISSING (transient), TRUST_MISMATCH, TRUST_TOO_LARGE, TRUST_MALFORMED,
 *   TRUST_THRESHOLD, TRUST_UNKNOWN_KEY, TRUST_REVOKED_KEY
 */
export async function announced<T extends AnySigned>(
  session: Session,
  kind: RoleKind<T>,
  file: MetaFile,
  options: { readonly maxBytes: number; readonly consistentSnapshot: boolean },
): Promise<Verified<T>> {
  const { role } = kind.signers;
  const key = metadataKey(role, options.consistentSnapshot ? file.version : undefined);
  const bytes = await downloadDescribed(session, key, file, {
    maxBytes: options.maxBytes,
    refuse: (problem) => mismatch(role, problem),
  });
  const found = verifyRole(bytes, kind);
  const { version } = found.metadata.signed;
  if (version !== file.version) {
    throw mismatch(role, `expected version ${file.version}, found version ${version}`, {
      expected: file.version,
      found: version,
    });
  }
  return found;
}
