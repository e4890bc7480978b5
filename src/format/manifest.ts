/**
 * The Manifest: what a Release is made of, canonical JSON. docs/format/manifest.md.
 *
 * Members this version does not know are ignored, so later ones can be added; a member that an older
 * reader must not ignore comes with a new `version` of the format, which that reader refuses.
 *
 * @module
 */
import * as v from 'valibot';
import { SiltError } from '../core/errors.ts';
import { canonicalJson } from './canonical-json.ts';
import { checkDocument, parseDocument } from './document.ts';
import {
  MAX_DELTA_HEAD,
  MAX_ENVELOPE,
  MAX_EXCEPTIONS,
  MAX_HARDWARE,
  MAX_IMAGE,
  MAX_IMAGE_DELTAS,
  MAX_INDEX_HEAD,
  MAX_MANIFEST,
  MAX_RELEASE_IMAGES,
} from './limits.ts';

export const MANIFEST_FORMAT = 'silt-manifest';
/** Version 2 has members that a reader of version 1 must not ignore: see {@link versionFor}. */
export const MANIFEST_VERSIONS = [1, 2] as const;

/** Products, versions, channels and image names: they become parts of keys and file names. */
export const NAME_PATTERN: RegExp = /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$/;

const name = v.pipe(v.string(), v.regex(NAME_PATTERN));
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const size = (limit: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limit));

const counter = v.pipe(size(Number.MAX_SAFE_INTEGER), v.minValue(1));

const deltaSchema = v.object({
  base: v.object({ sha256: digest, size: size(MAX_IMAGE) }),
  sha256: digest,
  size: size(MAX_IMAGE),
  head: v.object({ sha256: digest, size: size(MAX_DELTA_HEAD) }),
});

const imageSchema = v.object({
  name,
  size: size(MAX_IMAGE),
  sha256: digest,
  index: v.object({
    sha256: digest,
    size: size(MAX_IMAGE),
    head: v.object({ sha256: digest, size: size(MAX_INDEX_HEAD) }),
  }),
  deltas: v.exactOptional(v.pipe(v.array(deltaSchema), v.minLength(1), v.maxLength(MAX_IMAGE_DELTAS))),
});

/** A kind of device; without variants all of them. */
const hardwareSchema = v.object({
  name,
  variants: v.exactOptional(v.pipe(v.array(name), v.minLength(1), v.maxLength(MAX_HARDWARE))),
});

const requiresSchema = v.object({
  /** The release that must run before, or a later one: a stepping stone. */
  counter: v.exactOptional(counter),
  /** Version of silt that can install this. */
  silt: v.exactOptional(v.pipe(v.string(), v.regex(/^\d{1,9}\.\d{1,9}\.\d{1,9}$/))),
});

/** How the index, frames and deltas are sealed; docs/format/sealing.md. */
const sealingSchema = v.object({
  cipher: v.literal('aes-256-gcm'),
  epoch: v.pipe(size(Number.MAX_SAFE_INTEGER), v.minValue(1)),
  /** Tells whether a content key is the right one, and nothing about it. */
  keyId: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  /** The content key for its recipients: the object `keys/<sha256>`. */
  envelope: v.object({ sha256: digest, size: v.pipe(size(MAX_ENVELOPE), v.minValue(1)) }),
});

const manifestSchema = v.object({
  format: v.literal(MANIFEST_FORMAT),
  formatVersion: v.picklist(MANIFEST_VERSIONS),
  product: name,
  version: name,
  counter,
  created: v.pipe(v.string(), v.isoTimestamp()),
  images: v.pipe(
    v.array(imageSchema),
    v.minLength(1),
    v.maxLength(MAX_RELEASE_IMAGES),
    v.check(
      (images) => new Set(images.map((image) => image.name)).size === images.length,
      'image names differ',
    ),
  ),
  hardware: v.exactOptional(v.pipe(v.array(hardwareSchema), v.minLength(1), v.maxLength(MAX_HARDWARE))),
  requires: v.exactOptional(requiresSchema),
  /** Counters from which a device may go down to this release. */
  allowDowngradeFrom: v.exactOptional(v.pipe(v.array(counter), v.minLength(1), v.maxLength(MAX_EXCEPTIONS))),
  sealing: v.exactOptional(sealingSchema),
});

export type Manifest = v.InferOutput<typeof manifestSchema>;
export type ManifestImage = Manifest['images'][number];
export type Sealing = NonNullable<Manifest['sealing']>;
/** A manifest without what says which format it has, and without its counter. */
export type ManifestMembers = Omit<Manifest, 'format' | 'formatVersion' | 'counter'>;
/** A delta file that makes the image from a Base: the object `deltas/<sha256>`. */
export type ManifestDelta = NonNullable<ManifestImage['deltas']>[number];

/** The manifest of these members, in the lowest version that has them all. */
export function newManifest(members: ManifestMembers, counter: number): Manifest {
  return { format: MANIFEST_FORMAT, formatVersion: versionFor(members), ...members, counter };
}

function versionFor({ hardware, requires, sealing }: ManifestMembers): 1 | 2 {
  return hardware === undefined && requires === undefined && sealing === undefined ? 1 : 2;
}

/**
 * The Manifest as the bytes that are stored and signed.
 *
 * @throws SiltError FORMAT_INVALID for what {@link decodeManifest} would refuse
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const bytes = Buffer.from(canonicalJson(checkDocument(manifest, manifestSchema, 'manifest')));
  if (bytes.length > MAX_MANIFEST) {
    throw new SiltError(
      'FORMAT_INVALID',
      `manifest: expected at most ${MAX_MANIFEST} bytes, found ${bytes.length}; publish fewer images or deltas`,
      { details: { expected: MAX_MANIFEST, found: bytes.length } },
    );
  }
  return bytes;
}

/**
 * Reads a Manifest.
 *
 * @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  return parseDocument(bytes, manifestSchema, {
    what: 'manifest',
    format: MANIFEST_FORMAT,
    versions: MANIFEST_VERSIONS,
    limit: MAX_MANIFEST,
  });
}
