/**
 * The timestamp role (TUF 1.0, §5.4): which snapshot is current. It alone is asked for under a name that does
 * not change, so it is where somebody would try to show a device the past.
 *
 * @module
 */
import type { Metadata, Root, Timestamp } from '@tufjs/models';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { signersOf } from './check-signatures.ts';
import { download } from './download-metadata.ts';
import { MAX_TIMESTAMP } from './limits.ts';
import { readTimestamp } from './read-metadata.ts';
import { TIMESTAMP_KEY } from './role-files.ts';
import type { RootChain } from './root-chain.ts';
import {
  attempt,
  keep,
  kept,
  type RoleKind,
  requireFresh,
  revokedKeys,
  type Session,
  verifyRole,
} from './session.ts';

const STATE_NAME = 'timestamp.json';

export interface TrustedTimestamp {
  readonly metadata: Metadata<Timestamp>;
  /** Validator of the object in the store, where it gives one. */
  readonly etag: string | undefined;
}

/** The timestamp of the last run, if `root` still vouches for it; its time has come for certain. */
export async function keptTimestamp(
  session: Session,
  root: Metadata<Root>,
): Promise<Metadata<Timestamp> | undefined> {
  const found = await kept(session, STATE_NAME, kindOf(root));
  if (found !== undefined) session.time.learn(found.metadata.signed);
  return found?.metadata;
}

/**
 * The current timestamp, at least as new as `before`.
 *
 * @throws SiltError NOT_A_REPOSITORY, TRUST_ROLLBACK (transient when the timestamp itself is the old one),
 *   TRUST_EXPIRED, TRUST_TOO_LARGE, TRUST_MALFORMED; TRUST_THRESHOLD, TRUST_UNKNOWN_KEY, TRUST_REVOKED_KEY
 *   (transient when the root before would have trusted it)
 */
export async function trustedTimestamp(
  session: Session,
  chain: RootChain,
  before: Metadata<Timestamp> | undefined,
): Promise<TrustedTimestamp> {
  const { root } = chain;
  const { store, signal } = session;
  const object = await download(store, TIMESTAMP_KEY, MAX_TIMESTAMP, signal);
  if (object === undefined) {
    throw new SiltError(
      'NOT_A_REPOSITORY',
      `${store.location} is not a silt repository: it has no ${TIMESTAMP_KEY}; check --repo`,
      { details: { location: store.location } },
    );
  }
  const found = verifyCurrent(object.bytes, chain);
  const isNew = before === undefined || requireNotOlder(found.signed, before.signed);
  const metadata = isNew ? found : before;
  session.time.learn(metadata.signed);
  requireFresh(session, 'timestamp', metadata.signed);
  // What was just learned of the time holds for root as well.
  requireFresh(session, 'root', root.signed);
  if (isNew) await keep(session, STATE_NAME, object.bytes);
  return { metadata, etag: object.etag };
}

/** As the root says, which may be newer than what a cache has of the timestamp: then it is no attack yet. */
function verifyCurrent(bytes: Uint8Array, { root, before }: RootChain): Metadata<Timestamp> {
  try {
    return verifyRole(bytes, kindOf(root)).metadata;
  } catch (error) {
    if (!isSiltError(error) || before === undefined) throw error;
    if (attempt(() => verifyRole(bytes, kindOf(before))) === undefined) throw error;
    const message = `${error.message}; the root before this one trusted it: a cache may be stale, try again later`;
    throw new SiltError(error.code, message, { details: error.details, cause: error, transient: true });
  }
}

/**
 * False for the same version, which is then not looked at any further (§5.4.3.1).
 *
 * @throws SiltError TRUST_ROLLBACK
 */
function requireNotOlder(found: Timestamp, before: Timestamp): boolean {
  if (found.version < before.version) {
    throw rollback('timestamp', before.version, found.version, {
      transient: true,
      advice: 'a cache may be stale, try again later',
    });
  }
  if (found.version === before.version) return false;
  const [expected, version] = [before.snapshotMeta.version, found.snapshotMeta.version];
  // §5.4.3.2
  if (version < expected) throw rollback('snapshot', expected, version);
  return true;
}

/** The error of metadata older than what was trusted before. */
export function rollback(
  role: string,
  expected: number,
  found: number,
  options: { readonly transient?: boolean; readonly advice?: string } = {},
): SiltError {
  const { transient = false, advice = 'somebody may be showing an old state of the repository' } = options;
  return new SiltError(
    'TRUST_ROLLBACK',
    `${role}: expected at least version ${expected}, which was trusted before, found version ${found}; ${advice}`,
    { details: { role, expected, found }, transient },
  );
}

function kindOf(root: Metadata<Root>): RoleKind<Timestamp> {
  const signers = signersOf(root, 'timestamp');
  if (signers === undefined) throw new SiltError('INTERNAL', 'a root was read that has no role "timestamp"');
  return { signers, revoked: revokedKeys(root.signed), read: readTimestamp };
}
