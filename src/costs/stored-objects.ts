/**
 * The objects that releases need, with their sizes: from manifests and the heads of indexes alone.
 *
 * Metadata is left out: some kilobytes that every release replaces. So are the packs of a sealed release that
 * cannot be opened, since its index is sealed as well.
 *
 * @module
 */
import { toHex } from '../core/digest.ts';
import { isSiltError } from '../core/errors.ts';
import { encodeManifest, type Manifest } from '../format/manifest.ts';
import { openIndex } from '../publisher/known-chunks.ts';
import type { Key, ReadStore } from '../store/store.ts';
import { type ContentKey, contentKeyFor, type OpenContentKey } from '../trust/seal/content-key.ts';
import { envelopeKey } from '../trust/seal/recipient-keys.ts';

export interface ReleaseObjects {
  /** Sizes in bytes. */
  readonly sizes: ReadonlyMap<Key, number>;
  /** The release is sealed for others: packs are not among them. */
  readonly isClosed: boolean;
}

export interface ObjectOptions {
  /** Opens sealed releases. */
  readonly contentKey?: OpenContentKey | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What `manifest` needs.
 *
 * @throws SiltError DIGEST_MISMATCH, SEAL_BROKEN, FORMAT_INVALID, store errors
 */
export async function objectsOf(
  store: ReadStore,
  manifest: Manifest,
  { contentKey, signal }: ObjectOptions = {},
): Promise<ReleaseObjects> {
  const { product, version, images, sealing } = manifest;
  // Where it lies is the business of trust; that each has one is enough here.
  const sizes = new Map<Key, number>([[`manifest ${product} ${version}`, encodeManifest(manifest).length]]);
  if (sealing !== undefined) sizes.set(envelopeKey(sealing), sealing.envelope.size);
  for (const { index, deltas = [] } of images) {
    sizes.set(`indexes/${index.sha256}`, index.size);
    for (const { sha256, size } of deltas) sizes.set(`deltas/${sha256}`, size);
  }
  const key = await openKey(manifest, contentKey);
  if (key === 'closed') return { sizes, isClosed: true };
  for (const image of images) {
    const { head } = await openIndex(store, image, key, signal);
    for (const { digest, size } of head.packs) sizes.set(`packs/${toHex(digest)}`, size);
  }
  return { sizes, isClosed: false };
}

async function openKey(
  manifest: Manifest,
  contentKey: OpenContentKey | undefined,
): Promise<ContentKey | undefined | 'closed'> {
  try {
    return await contentKeyFor(manifest, contentKey);
  } catch (error) {
    if (isSiltError(error, 'SEAL_KEY_REQUIRED') || isSiltError(error, 'SEAL_NOT_RECIPIENT')) return 'closed';
    throw error;
  }
}
