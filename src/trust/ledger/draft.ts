/**
 * A change of a repository before it is live: which roles get a new version, and who has to sign them.
 *
 * @module
 */
import type { Metadata, Root, Targets } from '@tufjs/models';
import { SiltError } from '../../core/errors.ts';
import { type RoleSigners, signersOf } from '../tuf/check-signatures.ts';
import type { Envelope } from '../tuf/envelope.ts';
import { isArchive, productOfRole, productRole } from '../tuf/product-roles.ts';
import { readRoot, readTargets } from '../tuf/read-metadata.ts';
import { type LiveMetadata, ringOf } from './live-metadata.ts';
import { type Part, partOf, type RootPart, type TargetsPart, unsigned } from './metadata-parts.ts';
import { isSigned } from './sign-envelope.ts';

/** A role in its next version. */
export interface DraftRole<P extends Part = Part> {
  readonly role: string;
  readonly part: P;
  /**
   * Signed elsewhere, so version and dates are as they are. Without it the part is dated, numbered and signed
   * as it goes live.
   */
  readonly staged?: Envelope | undefined;
}

/** A manifest, and its detached CMS signature if it has one. */
export interface DraftManifest {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly cms?: Uint8Array | undefined;
}

export interface Draft {
  readonly root?: DraftRole<RootPart> | undefined;
  readonly targets?: DraftRole<TargetsPart> | undefined;
  /** Product roles and archives. */
  readonly products?: readonly DraftRole<TargetsPart>[] | undefined;
  readonly manifest?: DraftManifest | undefined;
  /** A new snapshot even when it lists nothing new. */
  readonly renewSnapshot?: boolean | undefined;
}

/** Who signs what in a draft that is to follow `live`. */
export interface SigningPlan {
  /** As it will be. */
  readonly root: Metadata<Root>;
  /** The targets role of the draft, or the live one when the new root's keys have to sign it anew. */
  readonly targets: DraftRole<TargetsPart> | undefined;
  /** Every role whose signatures must suffice, as it will be once live. */
  ringsOf(role: string): readonly RoleSigners[];
  /** Whose signatures are made besides, so that clients of the old root accept a role as well. */
  oldRingOf(role: string): RoleSigners | undefined;
}

/** @throws SiltError TRUST_NO_DELEGATION for a role that nobody delegates */
export function planSigning(live: LiveMetadata, draft: Draft): SigningPlan {
  const root = draft.root === undefined ? live.root : readRoot(unsigned(numbered(draft.root.part)));
  const before = draft.root === undefined ? live.trusted?.root : live.root;
  const targets = draft.targets ?? targetsToSignAnew(live, root);
  const parents = new Map<string, Metadata<Targets>>();
  if (live.trusted !== undefined) parents.set('targets', live.trusted.targets);
  for (const { role, part } of [...(targets ? [targets] : []), ...(draft.products ?? [])]) {
    parents.set(role, readTargets(unsigned(numbered(part)), role));
  }
  return {
    root,
    targets,
    ringsOf(role) {
      if (role === 'root')
        return live.trusted === undefined ? [ringOf(root, role)] : rootRings(live.root, root);
      const product = productOfRole(role);
      if (product === undefined) return [ringOf(root, role)];
      const parent = parents.get(isArchive(role) ? productRole(product) : 'targets');
      const ring = parent && signersOf(parent, role);
      if (ring !== undefined) return [ring];
      throw new SiltError('TRUST_NO_DELEGATION', `no delegation for the role ${role}: see silt keys add`, {
        details: { role },
      });
    },
    oldRingOf: (role) =>
      before !== undefined && before !== root && productOfRole(role) === undefined
        ? ringOf(before, role)
        : undefined,
  };
}

/** The threshold of the root before and its own (TUF 1.0, §5.3.4). */
function rootRings(before: Metadata<Root>, root: Metadata<Root>): readonly RoleSigners[] {
  return before === root ? [ringOf(root, 'root')] : [ringOf(before, 'root'), ringOf(root, 'root')];
}

function targetsToSignAnew(live: LiveMetadata, root: Metadata<Root>): DraftRole<TargetsPart> | undefined {
  if (live.trusted === undefined) return undefined;
  const { targets } = live.trusted;
  const part = partOf(targets);
  const envelope = { ...unsigned(part), signatures: signaturesOf(targets) };
  return isSigned(envelope, ringOf(root, 'targets')) ? undefined : { role: 'targets', part };
}

/** The signatures of metadata that was read. */
export function signaturesOf({ signatures }: Metadata<Targets | Root>): Envelope['signatures'] {
  return Object.values(signatures).map(({ keyID, sig }) => ({ keyid: keyID, sig }));
}

/** A reader demands version and expiry, which a draft may not have yet. */
function numbered<P extends Part>(part: P): P {
  return part.version > 0 && part.expires !== ''
    ? part
    : { ...part, version: 1, expires: '2000-01-01T00:00:00Z' };
}
