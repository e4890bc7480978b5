/**
 * The snapshot role (TUF 1.0, §5.5): which versions of all targets roles belong together.
 *
 * @module
 */
import type { Metadata, Root, Snapshot, Timestamp } from '@tufjs/models';
import { SiltError } from '../../core/errors.ts';
import { announced } from './announced.ts';
import { signersOf } from './check-signatures.ts';
import { MAX_SNAPSHOT } from './limits.ts';
import { readSnapshot } from './read-metadata.ts';
import { keep, kept, type RoleKind, requireFresh, revokedKeys, type Session } from './session.ts';
import { rollback } from './timestamp.ts';

const STATE_NAME = 'snapshot.json';

/**
 * The snapshot that `timestamp` names.
 *
 * @throws SiltError OBJECT_MISSING (transient), TRUST_MISMATCH, TRUST_ROLLBACK, TRUST_EXPIRED, TRUST_TOO_LARGE,
 *   TRUST_MALFORMED, TRUST_THRESHOLD, TRUST_UNKNOWN_KEY, TRUST_REVOKED_KEY
 */
export async function trustedSnapshot(
  session: Session,
  root: Metadata<Root>,
  timestamp: Metadata<Timestamp>,
): Promise<Metadata<Snapshot>> {
  const kind = kindOf(root);
  const file = timestamp.signed.snapshotMeta;
  const same = await kept(session, STATE_NAME, kind, file);
  if (same !== undefined) {
    requireFresh(session, 'snapshot', same.metadata.signed);
    return same.metadata;
  }
  const before = await kept(session, STATE_NAME, kind);
  const { consistentSnapshot } = root.signed;
  const found = await announced(session, kind, file, { maxBytes: MAX_SNAPSHOT, consistentSnapshot });
  if (before !== undefined) requireNoneOlder(found.metadata.signed, before.metadata.signed);
  requireFresh(session, 'snapshot', found.metadata.signed);
  await keep(session, STATE_NAME, found.bytes);
  return found.metadata;
}

/** §5.5.5: every role listed before is still listed, in no older version. */
function requireNoneOlder(found: Snapshot, before: Snapshot): void {
  for (const [name, { version }] of Object.entries(before.meta)) {
    const now = Object.hasOwn(found.meta, name) ? found.meta[name]?.version : undefined;
    const role = name.replace(/\.json$/, '');
    if (now === undefined) {
      throw new SiltError(
        'TRUST_ROLLBACK',
        `snapshot: expected ${role}, which it listed before, found it no more`,
        { details: { role } },
      );
    }
    if (now < version) throw rollback(role, version, now);
  }
}

function kindOf(root: Metadata<Root>): RoleKind<Snapshot> {
  const signers = signersOf(root, 'snapshot');
  if (signers === undefined) throw new SiltError('INTERNAL', 'a root was read that has no role "snapshot"');
  return { signers, revoked: revokedKeys(root.signed), read: readSnapshot };
}
