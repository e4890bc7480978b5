/**
 * From a draft to a stage, signed as far as the keys at hand go.
 *
 * @module
 */
import { decodeManifest } from '../../format/manifest.ts';
import type { Signer } from '../keys/signer.ts';
import type { MetadataReader } from '../releases.ts';
import { type Draft, planSigning } from './draft.ts';
import type { LiveMetadata } from './live-metadata.ts';
import { envelopeOf, lifetimeOf, lifetimesOf, partOf, stamped, unsigned } from './metadata-parts.ts';
import { freeVersion } from './place-role.ts';
import { addSignatures } from './sign-envelope.ts';
import type { Stage, StagedRole } from './stage.ts';

export interface StageAccess {
  /** Tells which versions are free; there is none for the first metadata. */
  readonly store: MetadataReader | undefined;
  readonly signers: readonly Signer[];
}

/** Dates, numbers and signs the draft without storing anything. */
export async function makeStage(access: StageAccess, live: LiveMetadata, draft: Draft): Promise<Stage> {
  const plan = planSigning(live, draft);
  const { trusted } = live;
  const lifetimes = lifetimesOf(partOf(plan.root));
  const drafts = [
    ...(draft.root ? [draft.root] : []),
    ...(plan.targets ? [plan.targets] : []),
    ...(draft.products ?? []),
  ];
  const roles: StagedRole[] = [];
  for (const { role, part } of drafts) {
    const { meta } = trusted?.snapshot.signed ?? {};
    const listed = meta && Object.hasOwn(meta, `${role}.json`) ? meta[`${role}.json`]?.version : undefined;
    const follows = role === 'root' ? part.version - 1 : (listed ?? 0);
    const version =
      role === 'root' || access.store === undefined
        ? follows + 1
        : await freeVersion(access.store, role, follows + 1);
    const envelope = unsigned(stamped(part, version, live.time, lifetimeOf(role, lifetimes)));
    const old = plan.oldRingOf(role);
    const rings = [...plan.ringsOf(role), ...(old ? [old] : [])];
    roles.push({ role, follows, metadata: await addSignatures(envelope, rings, access.signers) });
  }
  const { manifest } = draft;
  return {
    base: trusted && { root: envelopeOf(live.root), targets: envelopeOf(trusted.targets) },
    roles,
    ...(manifest && { release: { ...manifest, manifest: decodeManifest(manifest.bytes) } }),
  };
}
