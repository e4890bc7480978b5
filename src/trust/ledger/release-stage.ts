/**
 * A signed stage goes live: thresholds are checked, and that nothing changed since it was made.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { MAX_CATALOG } from '../../format/limits.ts';
import type { Signer } from '../keys/signer.ts';
import type { MetadataWriter } from '../releases.ts';
import { memoryState } from '../tuf/metadata-state.ts';
import { TIMESTAMP_KEY } from '../tuf/role-files.ts';
import { changeRepository } from './change-repository.ts';
import type { Draft, DraftRole } from './draft.ts';
import { goLive } from './go-live.ts';
import { type LiveMetadata, type RepositoryAccess, readLive } from './live-metadata.ts';
import type { RootPart, TargetsPart } from './metadata-parts.ts';
import { rfc3339 } from './metadata-parts.ts';
import { addSignatures, requireNoneMissing } from './sign-envelope.ts';
import { missingSignatures, newRoot, ringsOf } from './sign-stage.ts';
import { inSigningOrder, type Stage, type StagedRole } from './stage.ts';

export interface ReleaseStageOptions {
  /** A root that the releaser trusts; none for the stage of a new repository. */
  readonly root?: Uint8Array | undefined;
  /** At least those of snapshot and timestamp. */
  readonly signers: readonly Signer[];
  readonly now?: (() => Date) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the stage live: snapshot and timestamp are made and signed now, `timestamp.json` comes last.
 *
 * @throws SiltError SIGNATURES_MISSING, CONFLICT when the repository has changed since (stage again),
 *   TRUST_EXPIRED for a stage that waited too long, TRUST_*
 */
export async function releaseStage(
  store: MetadataWriter,
  stage: Stage,
  options: ReleaseStageOptions,
): Promise<void> {
  const { signers, now = () => new Date(), signal } = options;
  const signed = {
    ...stage,
    roles: await Promise.all(stage.roles.map((role) => completed(stage, role, signers))),
  };
  requireNoneMissing(missingSignatures(signed));
  requireFresh(signed, now());
  if (stage.base === undefined) return await releaseFirst(store, signed, { ...options, now });
  const { root } = options;
  if (root === undefined) {
    throw new SiltError('USAGE', 'this stage changes a repository: give the root you trust with --root');
  }
  const access: RepositoryAccess = { store, root, signers, now, state: memoryState() };
  const live = await readLive(access, signal);
  requireUnchanged(signed, live);
  await goLive(access, live, draftOf(signed));
  // A new root whose timestamp lost its race would not fit the rest.
  if (signed.roles.some(({ role }) => role === 'root'))
    await changeRepository(access, async () => undefined, signal);
}

/** The keys at hand may be those that a role still lacks. */
async function completed(stage: Stage, staged: StagedRole, signers: readonly Signer[]): Promise<StagedRole> {
  return { ...staged, metadata: await addSignatures(staged.metadata, ringsOf(stage, staged.role), signers) };
}

/** A new repository: nothing may be there. @throws SiltError CONFLICT */
async function releaseFirst(
  store: MetadataWriter,
  stage: Stage,
  { signers, now = () => new Date() }: ReleaseStageOptions,
): Promise<void> {
  if ((await store.get(TIMESTAMP_KEY, { maxBytes: MAX_CATALOG })) !== undefined) {
    throw new SiltError(
      'CONFLICT',
      `${store.location} is a repository already; a new one begins in an empty place`,
      { details: { location: store.location } },
    );
  }
  const live: LiveMetadata = {
    root: newRoot(stage),
    trusted: undefined,
    time: now(),
    location: store.location,
  };
  await goLive({ store, root: new Uint8Array(), signers, state: memoryState() }, live, draftOf(stage));
}

function draftOf(stage: Stage): Draft {
  const roles = inSigningOrder(stage.roles).map(({ role, metadata }) => ({
    role,
    part: metadata.signed as unknown as TargetsPart,
    staged: metadata,
  }));
  const root = roles.find(({ role }) => role === 'root') as DraftRole<unknown & RootPart> | undefined;
  return {
    root,
    targets: roles.find(({ role }) => role === 'targets'),
    products: roles.filter(({ role }) => role !== 'root' && role !== 'targets'),
    manifest: stage.release,
  };
}

/** @throws SiltError CONFLICT */
function requireUnchanged({ roles }: Stage, live: LiveMetadata): void {
  const { meta } = live.trusted?.snapshot.signed ?? {};
  for (const { role, follows } of roles) {
    const listed = meta && Object.hasOwn(meta, `${role}.json`) ? (meta[`${role}.json`]?.version ?? 0) : 0;
    const found = role === 'root' ? live.root.signed.version : listed;
    if (found === follows) continue;
    throw new SiltError(
      'CONFLICT',
      `the stage was made from version ${follows} of ${role}, and the repository has version ${found}; stage the change again`,
      { details: { role, expected: follows, found } },
    );
  }
}

/** @throws SiltError TRUST_EXPIRED */
function requireFresh({ roles }: Stage, time: Date): void {
  for (const { role, metadata } of roles) {
    const expires = String(metadata.signed.expires);
    if (time.getTime() < Date.parse(expires)) continue;
    throw new SiltError(
      'TRUST_EXPIRED',
      `${role} of the stage expired at ${expires}; it is ${rfc3339(time)}: stage the change again`,
      { details: { role, expires } },
    );
  }
}
