/**
 * That the objects of a release are there, before the release is shown: one that was staged long ago may have lost
 * them to a prune, which knows of no release before it is listed.
 *
 * @module
 */
import { toHex } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import { inOrder } from '../../core/in-order.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { Key, ReadStore } from '../../store/store.ts';
import { contentKeyFor, type OpenContentKey } from '../../trust/seal/content-key.ts';
import { envelopeKey } from '../../trust/seal/recipient-keys.ts';
import { openIndex } from '../known-chunks.ts';

/** Objects asked for at a time. */
const PARALLEL = 16;

export interface RequireStoredOptions {
  /** Opens a sealed release; without it the packs of one are not looked at. */
  readonly contentKey?: OpenContentKey | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Demands every object that the release needs, as long as it should be. To be asked while a lease is held.
 *
 * @throws SiltError OBJECT_MISSING; DIGEST_MISMATCH for one that is shorter or an index that was altered
 */
export async function requireStored(
  store: ReadStore,
  manifest: Manifest,
  { contentKey, signal }: RequireStoredOptions = {},
): Promise<void> {
  const { sealing, images } = manifest;
  const sizes = new Map<Key, number>();
  if (sealing !== undefined) sizes.set(envelopeKey(sealing), sealing.envelope.size);
  for (const { index, deltas = [] } of images) {
    sizes.set(`indexes/${index.sha256}`, index.size);
    for (const { sha256, size } of deltas) sizes.set(`deltas/${sha256}`, size);
  }
  await requireAll(store, manifest, sizes, signal);
  const isClosed = sealing !== undefined && contentKey === undefined;
  if (isClosed) return;
  const key = await contentKeyFor(manifest, contentKey);
  const packs = new Map<Key, number>();
  for (const image of images) {
    const { head } = await openIndex(store, image, key, signal);
    for (const { digest, size } of head.packs) packs.set(`packs/${toHex(digest)}`, size);
  }
  await requireAll(store, manifest, packs, signal);
}

async function requireAll(
  store: ReadStore,
  { product, version }: Manifest,
  sizes: ReadonlyMap<Key, number>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const call = signal === undefined ? {} : { signal };
  const found = inOrder(sizes, PARALLEL, async ([key, size]) => {
    const there = await store.has(key, call);
    if (there?.size === size) return;
    const what = there === undefined ? 'is missing' : `has ${there.size} bytes, expected ${size}`;
    throw new SiltError(
      there === undefined ? 'OBJECT_MISSING' : 'DIGEST_MISMATCH',
      `${store.location}: ${key} of ${product} ${version} ${what}; publish and stage the release again`,
      { details: { key, product, version } },
    );
  });
  for await (const _ of found) signal?.throwIfAborted();
}
