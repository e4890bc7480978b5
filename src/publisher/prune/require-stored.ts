/**
 * That the objects of a release are there, before the release is shown: one that was staged long ago may have lost
 * them to a prune, which knows of no release before it is listed.
 *
 * @module
 */
import { toHex } from '../../core/digest.ts';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { inOrder } from '../../core/in-order.ts';
import { MAX_PACK } from '../../format/limits.ts';
import type { Manifest } from '../../format/manifest.ts';
import { PACK_PREAMBLE_BYTES } from '../../format/pack.ts';
import { readRange } from '../../store/read-range.ts';
import type { ByteRange, Key, ReadStore } from '../../store/store.ts';
import { type RemnantReader, withRemnants } from '../../store/with-remnants.ts';
import { type ContentKey, contentKeyFor, type OpenContentKey } from '../../trust/seal/content-key.ts';
import { envelopeKey } from '../../trust/seal/recipient-keys.ts';
import { openIndex } from '../known-chunks.ts';
import { ByteRanges } from './byte-ranges.ts';
import { packUsage } from './pack-usage.ts';

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
  // Some may have been made smaller.
  const missing = new Set<Key>();
  await requireAll(store, manifest, packs, signal, (name) => missing.add(name));
  await requireLeft(store, manifest, missing, key, signal);
}

/** Demands of each pack that what is left of it has every frame that the release needs. */
async function requireLeft(
  store: ReadStore,
  { product, version, images }: Manifest,
  packs: ReadonlySet<Key>,
  key: ContentKey | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (packs.size === 0) return;
  const reader = withRemnants(store);
  const needed = images.map(({ index }) => ({ index, key }));
  const usage = await packUsage(store, needed, { wanted: (name) => packs.has(name), signal });
  for (const [name, { live }] of usage) {
    const left = await rangesLeft(reader, name, signal);
    const has = new ByteRanges(left);
    if (live.list().every((range) => has.has(range))) continue;
    throw new SiltError(
      'OBJECT_MISSING',
      `${store.location}: ${name} of ${product} ${version} is missing${left.length > 0 ? ', and what is left of it is not enough' : ''}; publish and stage the release again`,
      { details: { key: name, product, version } },
    );
  }
}

async function rangesLeft(
  reader: RemnantReader,
  name: Key,
  signal: AbortSignal | undefined,
): Promise<readonly ByteRange[]> {
  try {
    await readRange(reader, name, { offset: 0, length: PACK_PREAMBLE_BYTES }, { signal });
    // Whole: it has come since it was looked for.
    return (await reader.rangesOf(name)) ?? [{ offset: 0, length: MAX_PACK }];
  } catch (error) {
    if (isSiltError(error, 'OBJECT_MISSING')) return [];
    throw error;
  }
}

async function requireAll(
  store: ReadStore,
  { product, version }: Manifest,
  sizes: ReadonlyMap<Key, number>,
  signal: AbortSignal | undefined,
  onMissing?: (key: Key) => void,
): Promise<void> {
  const call = signal === undefined ? {} : { signal };
  const found = inOrder(sizes, PARALLEL, async ([key, size]) => {
    const there = await store.has(key, call);
    if (there?.size === size) return;
    if (there === undefined && onMissing !== undefined) return onMissing(key);
    const what = there === undefined ? 'is missing' : `has ${there.size} bytes, expected ${size}`;
    throw new SiltError(
      there === undefined ? 'OBJECT_MISSING' : 'DIGEST_MISMATCH',
      `${store.location}: ${key} of ${product} ${version} ${what}; publish and stage the release again`,
      { details: { key, product, version } },
    );
  });
  for await (const _ of found) signal?.throwIfAborted();
}
