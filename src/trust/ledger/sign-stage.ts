/**
 * Signatures for a stage. Who may sign which role is what a root and targets say that the signer trusts, not
 * what the stage says of itself.
 *
 * @module
 */
import type { Metadata, Root, Targets } from '@tufjs/models';
import { equalBytes } from '../../core/bytes.ts';
import { SiltError } from '../../core/errors.ts';
import type { Signer } from '../keys/signer.ts';
import { signingForm } from '../keys/signing-form.ts';
import { type RoleSigners, requireThreshold, signersOf } from '../tuf/check-signatures.ts';
import { type Envelope, openEnvelope } from '../tuf/envelope.ts';
import { isArchive, productOfRole, productRole } from '../tuf/product-roles.ts';
import { readRoot, readTargets } from '../tuf/read-metadata.ts';
import { ringOf } from './live-metadata.ts';
import { addSignatures, type Missing, missingOf } from './sign-envelope.ts';
import { type Stage, stagedRole } from './stage.ts';

/**
 * The stage with the signatures that `signers` can make.
 *
 * @param options `root`: the root that the signer trusts; without one, only the stage of a new repository is
 *   signed. `only`: sign no other roles
 * @throws SiltError TRUST_* when the stage does not follow from that root, SIGNER_FAILED
 */
export async function signStage(
  stage: Stage,
  signers: readonly Signer[],
  options: { readonly root?: Uint8Array | undefined; readonly only?: readonly string[] } = {},
): Promise<Stage> {
  requireTrustedBase(stage, options.root);
  const roles = [];
  for (const staged of stage.roles) {
    const { role, metadata } = staged;
    const wanted = options.only === undefined || options.only.includes(role);
    const signed = wanted ? await addSignatures(metadata, ringsOf(stage, role), signers) : metadata;
    roles.push({ ...staged, metadata: signed });
  }
  return { ...stage, roles };
}

/** The signatures that the stage still lacks. */
export function missingSignatures(stage: Stage): Missing[] {
  return stage.roles.flatMap(({ role, metadata }) =>
    ringsOf(stage, role).flatMap((ring) => missingOf(metadata, ring) ?? []),
  );
}

/** Who must sign a role of the stage: each of the thresholds. */
export function ringsOf(stage: Stage, role: string): readonly RoleSigners[] {
  const root = newRoot(stage);
  if (role === 'root') {
    const before = stage.base && readRoot(stage.base.root);
    return before === undefined ? [ringOf(root, role)] : [ringOf(before, role), ringOf(root, role)];
  }
  if (role === 'targets') return [ringOf(root, role)];
  const ring = signersOf(parentOf(stage, role), role);
  if (ring !== undefined) return [ring];
  throw new SiltError('TRUST_NO_DELEGATION', `stage: no delegation for the role ${role}; do not sign it`, {
    details: { role },
  });
}

/** Root as it will be. */
export function newRoot(stage: Stage): Metadata<Root> {
  const envelope = stagedRole(stage, 'root') ?? stage.base?.root;
  if (envelope !== undefined) return readRoot(envelope);
  throw new SiltError('FORMAT_INVALID', 'stage: expected a root, found none; stage the change again');
}

function parentOf(stage: Stage, role: string): Metadata<Targets> {
  const product = productOfRole(role);
  const name = product !== undefined && isArchive(role) ? productRole(product) : 'targets';
  const envelope = stagedRole(stage, name) ?? (name === 'targets' ? stage.base?.targets : undefined);
  if (envelope !== undefined) return readTargets(envelope, name);
  throw new SiltError(
    'FORMAT_INVALID',
    `stage: expected ${name} with ${role}, found none; stage the change again`,
  );
}

/** The base is what the signer trusts, or follows from it directly. */
function requireTrustedBase({ base }: Stage, trustedRoot: Uint8Array | undefined): void {
  if (base === undefined) return;
  if (trustedRoot === undefined) {
    throw new SiltError(
      'USAGE',
      'this stage changes a repository: give the root you trust with --root, or put it into the keys directory as root.json',
    );
  }
  const trusted = readRoot(openEnvelope(trustedRoot, 'root'));
  const found = readRoot(base.root);
  const [expected, version] = [trusted.signed.version, found.signed.version];
  if (version < expected || version > expected + 1) {
    throw new SiltError(
      version < expected ? 'TRUST_ROLLBACK' : 'TRUST_MISMATCH',
      `the stage was made from root version ${version}, and yours is version ${expected}; ${version < expected ? 'stage the change again' : 'get the newest with "silt keys export-root"'}`,
      { details: { expected, found: version } },
    );
  }
  if (version === expected) {
    const isSame = equalBytes(signingForm(base.root.signed), signedBytes(trustedRoot));
    if (!isSame)
      throw new SiltError(
        'TRUST_MISMATCH',
        'the stage was made from another root than yours; do not sign it',
      );
  } else {
    requireThreshold(base.root, ringOf(trusted, 'root'));
    requireThreshold(base.root, ringOf(found, 'root'));
  }
  requireThreshold(base.targets, ringOf(found, 'targets'));
}

function signedBytes(root: Uint8Array): Uint8Array {
  const { signed }: Envelope = openEnvelope(root, 'root');
  return signingForm(signed);
}
