/**
 * Which bytes of packs the images of releases need: those of the frames that level 2 of their indexes names.
 *
 * Memory: some 300 bytes a pack and 16 for each run of frames in it, and {@link PARALLEL} times what reading level 2
 * takes.
 *
 * @module
 */
import { toHex } from '../../core/digest.ts';
import { isSiltError } from '../../core/errors.ts';
import { inOrder } from '../../core/in-order.ts';
import type { PackEntry } from '../../format/index-head.ts';
import type { ManifestImage } from '../../format/manifest.ts';
import type { Key, ReadStore } from '../../store/store.ts';
import type { ContentKey } from '../../trust/seal/content-key.ts';
import { damaged, openIndex, readOrDamaged } from '../known-chunks.ts';
import { readLevel2 } from '../read-level2.ts';
import { ByteRanges } from './byte-ranges.ts';

/** Indexes read at a time, a few megabytes of each. */
const PARALLEL = 4;

/** What is needed of a pack. */
export interface PackUse {
  readonly entry: PackEntry;
  /** Of a sealed pack. */
  readonly key: ContentKey | undefined;
  /** The frames in use. */
  readonly live: ByteRanges;
}

/** An image whose index can be opened. */
export interface OpenableImage extends Pick<ManifestImage, 'index'> {
  /** Of a sealed release. */
  readonly key: ContentKey | undefined;
}

export interface UsageOptions {
  /** Packs to look at. */
  readonly wanted: (pack: Key) => boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * What `images` need of the wanted packs.
 *
 * @throws SiltError DIGEST_MISMATCH, SEAL_BROKEN, FORMAT_INVALID, OBJECT_MISSING for a damaged index, store errors
 */
export async function packUsage(
  store: ReadStore,
  images: Iterable<OpenableImage>,
  { wanted, signal }: UsageOptions,
): Promise<Map<Key, PackUse>> {
  const usage = new Map<Key, PackUse>();
  const read = inOrder(
    images,
    PARALLEL,
    async (image) => await addImage(store, image, usage, wanted, signal),
  );
  for await (const _ of read) signal?.throwIfAborted();
  return usage;
}

async function addImage(
  store: ReadStore,
  image: OpenableImage,
  usage: Map<Key, PackUse>,
  wanted: UsageOptions['wanted'],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { head, seal } = await openIndex(store, image, image.key, signal);
  const uses = head.packs.map((entry): PackUse | undefined => {
    const name = `packs/${toHex(entry.digest)}`;
    if (!wanted(name)) return undefined;
    const use = usage.get(name) ?? { entry, key: image.key, live: new ByteRanges() };
    usage.set(name, use);
    return use;
  });
  const name = `indexes/${image.index.sha256}`;
  const read = (offset: number, length: number) => readOrDamaged(store, name, { offset, length }, signal);
  try {
    for await (const { map } of readLevel2(head, read, seal)) {
      signal?.throwIfAborted();
      for (const { pack, offset, stored } of map.frames) uses[pack]?.live.add(offset, stored);
    }
  } catch (error) {
    // It knows of no object.
    throw isSiltError(error, 'DIGEST_MISMATCH') ? damaged(store, name, error) : error;
  }
}
