/**
 * A delta as a job for another machine, and its result: what publishers and workers tell each other through a queue.
 * Neither is stored in a repository, and neither holds bytes of images, names of files, or keys.
 *
 * @module
 */
import * as v from 'valibot';
import { sha256Hex } from '../core/digest.ts';
import { canonicalJson } from './canonical-json.ts';
import { DELTA_VERSION } from './delta-file.ts';
import { checkDocument } from './document.ts';
import { MAX_DELTA_HEAD, MAX_DELTA_WINDOWS, MAX_IMAGE, MAX_INDEX_HEAD } from './limits.ts';
import { type Manifest, type ManifestImage, NAME_PATTERN } from './manifest.ts';

const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const size = (limit: number = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limit));
const count = size(MAX_DELTA_WINDOWS);

const imageSchema = v.strictObject({
  size: size(MAX_IMAGE),
  sha256: digest,
  index: v.strictObject({
    sha256: digest,
    size: size(MAX_IMAGE),
    head: v.strictObject({ sha256: digest, size: v.pipe(size(MAX_INDEX_HEAD), v.minValue(1)) }),
  }),
  /** Which content key opens its index and frames, when they are sealed; the key itself is never sent. */
  seal: v.exactOptional(
    v.strictObject({
      product: v.pipe(v.string(), v.regex(NAME_PATTERN)),
      epoch: v.pipe(size(), v.minValue(1)),
      keyId: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
    }),
  ),
});

const jobSchema = v.strictObject({
  format: v.literal('silt-delta-job'),
  formatVersion: v.literal(1),
  /** Version of the format of deltas, and of the silt that makes them: another one may make other bytes. */
  delta: v.literal(DELTA_VERSION),
  silt: v.pipe(v.string(), v.regex(/^[\w.+-]{1,64}$/)),
  base: imageSchema,
  target: imageSchema,
  entropy: v.picklist(['model', 'general']),
  /** Bound in bytes for what finding matches takes, where it is not the default. */
  memory: v.exactOptional(v.pipe(size(), v.minValue(1))),
});

const resultSchema = v.variant('kept', [
  v.strictObject({
    kept: v.literal(true),
    sha256: digest,
    size: size(MAX_IMAGE),
    head: v.strictObject({ sha256: digest, size: v.pipe(size(MAX_DELTA_HEAD), v.minValue(1)) }),
    windows: v.strictObject({ none: count, zero: count, copy: count, coded: count }),
    bytes: v.strictObject({ control: size(), difference: size(), literal: size(), head: size() }),
    fetchBytes: size(),
    chunkBytes: size(),
    seconds: v.pipe(v.number(), v.finite(), v.minValue(0)),
  }),
  v.strictObject({
    kept: v.literal(false),
    reason: v.literal('no-saving'),
    fetchBytes: v.exactOptional(size()),
    chunkBytes: v.exactOptional(size()),
  }),
]);

/** All that the bytes of a delta depend on. */
export type DeltaJob = v.InferOutput<typeof jobSchema>;
export type JobImage = DeltaJob['target'];
/** The object `deltas/<sha256>`, which is stored by now, or why there is none. */
export type DeltaResult = v.InferOutput<typeof resultSchema>;

/** The job of these members. */
export function newDeltaJob(members: Omit<DeltaJob, 'format' | 'formatVersion' | 'delta'>): DeltaJob {
  return { format: 'silt-delta-job', formatVersion: 1, delta: DELTA_VERSION, ...members };
}

/** What a job says of `image`, and of the sealing of its release. */
export function jobImage(
  { size, sha256, index }: Pick<ManifestImage, 'size' | 'sha256' | 'index'>,
  release: Pick<Manifest, 'product' | 'sealing'>,
): JobImage {
  const { product, sealing } = release;
  const { head } = index;
  return {
    size,
    sha256,
    index: {
      sha256: index.sha256,
      size: index.size,
      head: { sha256: head.sha256, size: head.size },
    },
    ...(sealing && { seal: { product, epoch: sealing.epoch, keyId: sealing.keyId } }),
  };
}

/** Names a job by all of its inputs: equal names have equal deltas. */
export function deltaJobId(job: DeltaJob): string {
  return `delta-${sha256Hex(Buffer.from(canonicalJson(job)))}`;
}

/** @throws SiltError FORMAT_INVALID for what is no job that this silt can do */
export function checkDeltaJob(value: unknown): DeltaJob {
  return checkDocument(value, jobSchema, 'job');
}

/** @throws SiltError FORMAT_INVALID */
export function checkDeltaResult(value: unknown): DeltaResult {
  return checkDocument(value, resultSchema, 'result of a job');
}
