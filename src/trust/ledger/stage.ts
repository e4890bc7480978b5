/**
 * A stage: a change of a repository as a file, to be signed on another machine and made live later. It has what
 * signers must see: the roles in their new versions, the manifest itself, and the metadata it follows.
 * docs/format/trust.md.
 *
 * @module
 */
import * as v from 'valibot';
import { sha256Hex } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import { MiB } from '../../core/sizes.ts';
import { canonicalJson, type Json } from '../../format/canonical-json.ts';
import { manifestKey } from '../../format/catalog.ts';
import { parseDocument } from '../../format/document.ts';
import { MAX_MANIFEST } from '../../format/limits.ts';
import { decodeManifest, type Manifest, NAME_PATTERN } from '../../format/manifest.ts';
import { type Envelope, openEnvelope } from '../tuf/envelope.ts';
import { MAX_NAME, MAX_SIGNATURES } from '../tuf/limits.ts';
import { isArchive, manifestPath, productOfRole, productRole } from '../tuf/product-roles.ts';
import { readRoot, readTargets } from '../tuf/read-metadata.ts';

export const STAGE_FORMAT = 'silt-stage';
export const STAGE_VERSION = 1;

/** Root, targets, and both roles of some products. */
const MAX_STAGED_ROLES = 64;
export const MAX_STAGE: number = 32 * MiB;

/** A role in the version that is to be signed. */
export interface StagedRole {
  readonly role: string;
  /** The live version that it follows; 0 when there is none. */
  readonly follows: number;
  readonly metadata: Envelope;
}

export interface StagedManifest {
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  readonly key: string;
  /** Detached CMS signature, DER. */
  readonly cms?: Uint8Array | undefined;
}

export interface Stage {
  /** The live root and targets; none in the stage of a new repository. */
  readonly base: { readonly root: Envelope; readonly targets: Envelope } | undefined;
  readonly roles: readonly StagedRole[];
  readonly release?: StagedManifest | undefined;
}

const envelopeSchema = v.object({
  signatures: v.pipe(v.array(v.object({ keyid: v.string(), sig: v.string() })), v.maxLength(MAX_SIGNATURES)),
  signed: v.looseObject({}),
});

const base64 = (limit: number) => v.pipe(v.string(), v.base64(), v.maxLength(Math.ceil(limit / 3) * 4));

const stageSchema = v.object({
  format: v.literal(STAGE_FORMAT),
  formatVersion: v.literal(STAGE_VERSION),
  base: v.exactOptional(v.object({ root: envelopeSchema, targets: envelopeSchema })),
  roles: v.pipe(
    v.array(
      v.object({
        role: v.pipe(v.string(), v.maxLength(MAX_NAME)),
        follows: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
        metadata: envelopeSchema,
      }),
    ),
    v.minLength(1),
    v.maxLength(MAX_STAGED_ROLES),
  ),
  manifest: v.exactOptional(base64(MAX_MANIFEST)),
  cms: v.exactOptional(base64(MiB)),
});

/** The stage as a file. */
export function encodeStage({ base, roles, release }: Stage): Uint8Array {
  const document = {
    format: STAGE_FORMAT,
    formatVersion: STAGE_VERSION,
    base,
    roles,
    manifest: release && Buffer.from(release.bytes).toString('base64'),
    cms: release?.cms && Buffer.from(release.cms).toString('base64'),
  };
  return Buffer.from(canonicalJson(document as unknown as Json));
}

/**
 * Reads a stage. Its signatures are not checked here, but all of it fits together: each role is what it says,
 * and the manifest is the one that the product role lists.
 *
 * @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED, TRUST_MALFORMED, MANIFEST_ALTERED, MANIFEST_SWAPPED
 */
export function decodeStage(bytes: Uint8Array): Stage {
  const document = parseDocument(bytes, stageSchema, {
    what: 'stage',
    format: STAGE_FORMAT,
    versions: [STAGE_VERSION],
    limit: MAX_STAGE,
  });
  const base = document.base && {
    root: checked('root', document.base.root),
    targets: checked('targets', document.base.targets),
  };
  const roles = document.roles.map(({ role, follows, metadata }) => ({
    role,
    follows,
    metadata: checked(role, metadata),
  }));
  if (new Set(roles.map(({ role }) => role)).size < roles.length) {
    throw new SiltError('FORMAT_INVALID', 'stage: expected each role once, found one twice');
  }
  const manifest = document.manifest === undefined ? undefined : Buffer.from(document.manifest, 'base64');
  const cms = document.cms === undefined ? undefined : Buffer.from(document.cms, 'base64');
  return { base, roles, ...(manifest && { release: releaseOf(manifest, cms, roles) }) };
}

/** Reads it as clients will; nobody signs or stores what they would refuse. */
function checked(role: string, metadata: v.InferOutput<typeof envelopeSchema>): Envelope {
  const envelope = openEnvelope(Buffer.from(JSON.stringify(metadata)), role);
  const isProduct = NAME_PATTERN.test(productOfRole(role) ?? '');
  if (role === 'root') readRoot(envelope);
  else if (role === 'targets' || isProduct) readTargets(envelope, role);
  else throw new SiltError('FORMAT_INVALID', `stage: expected root, targets or a product, found "${role}"`);
  return envelope;
}

/** The manifest belongs to a product role of the stage, which lists it by its hash. */
function releaseOf(
  bytes: Uint8Array,
  cms: Uint8Array | undefined,
  roles: readonly StagedRole[],
): StagedManifest {
  const manifest = decodeManifest(bytes);
  const { product, version } = manifest;
  const staged = roles.find(({ role }) => role === productRole(product));
  const path = manifestPath(product, version);
  const targets = staged && readTargets(staged.metadata, staged.role).signed.targets;
  const target = targets && Object.hasOwn(targets, path) ? targets[path] : undefined;
  if (target === undefined) {
    throw new SiltError(
      'MANIFEST_SWAPPED',
      `stage: its manifest is one of ${product} ${version}, which it does not release; do not sign it`,
      { details: { product, version } },
    );
  }
  const sha256 = sha256Hex(bytes);
  if (target.hashes.sha256 !== sha256 || target.length !== bytes.length) {
    throw new SiltError(
      'MANIFEST_ALTERED',
      `stage: the manifest of ${product} ${version} is not the one that ${staged?.role} lists; do not sign it`,
      { details: { product, version, expected: target.hashes.sha256, found: sha256 } },
    );
  }
  return { manifest, bytes, key: manifestKey(product, { sha256, version }), ...(cms && { cms }) };
}

/** The staged metadata of a role. */
export function stagedRole({ roles }: Stage, role: string): Envelope | undefined {
  return roles.find((staged) => staged.role === role)?.metadata;
}

/** The roles of a stage, in the order in which one names the signers of the next. */
export function inSigningOrder(roles: readonly StagedRole[]): readonly StagedRole[] {
  const rank = ({ role }: StagedRole): number =>
    role === 'root' ? 0 : role === 'targets' ? 1 : isArchive(role) ? 3 : 2;
  return [...roles].sort((a, b) => rank(a) - rank(b));
}
