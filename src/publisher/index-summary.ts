/**
 * An index in figures, for `silt inspect`.
 *
 * @module
 */
import { toHex } from '../core/digest.ts';
import {
  type ChunkerParameters,
  type IndexHead,
  indexSize,
  type WindowParameters,
} from '../format/index-head.ts';
import { ZERO_FRAME } from '../format/level2.ts';
import type { ManifestImage } from '../format/manifest.ts';
import { readRange } from '../store/read-range.ts';
import type { ReadStore } from '../store/store.ts';
import type { ContentKey, ObjectSeal } from '../trust/seal/content-key.ts';
import { openIndex } from './known-chunks.ts';
import { readLevel2 } from './read-level2.ts';

export interface IndexSummary {
  readonly imageSize: number;
  readonly imageSha256: string;
  readonly chunker: ChunkerParameters;
  readonly windowing: WindowParameters;
  readonly indexBytes: number;
  readonly headBytes: number;
  readonly level2Bytes: number;
  readonly windows: number;
  readonly zeroWindows: number;
  readonly chunks: number;
  /** Frames and packs that hold the image, and the stored bytes of those frames: what a first install takes. */
  readonly frames: number;
  readonly storedBytes: number;
  readonly packs: readonly { readonly sha256: string; readonly size: number }[];
}

/**
 * Counts what the index of an image in a repository describes.
 *
 * @param key of the release; `undefined` when it is not sealed
 * @throws SiltError what {@link openIndex} and {@link readLevel2} throw
 */
export async function summariseImage(
  store: ReadStore,
  image: ManifestImage,
  key: ContentKey | undefined,
  signal?: AbortSignal,
): Promise<IndexSummary> {
  const { head, seal } = await openIndex(store, image, key, signal);
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    readRange(store, `indexes/${image.index.sha256}`, { offset, length }, { signal });
  return await summariseIndex(head, image.index.head.size, read, seal);
}

/**
 * Counts what the index `head` describes.
 *
 * @param read as {@link readLevel2} wants it
 * @param seal of a sealed index
 * @throws SiltError what {@link readLevel2} throws
 */
export async function summariseIndex(
  head: IndexHead,
  headBytes: number,
  read: (offset: number, length: number) => Promise<Uint8Array> | Uint8Array,
  seal?: ObjectSeal,
): Promise<IndexSummary> {
  const frames = new Set<number>();
  let [chunks, storedBytes] = [0, 0];
  for await (const { map } of readLevel2(head, read, seal)) {
    chunks += map.frameOf.reduce((sum, frame) => (frame === ZERO_FRAME ? sum : sum + 1), 0);
    for (const { pack, offset, stored } of map.frames) {
      // Offsets in a pack are below 2^32.
      const key = pack * 2 ** 32 + offset;
      if (!frames.has(key)) storedBytes += stored;
      frames.add(key);
    }
  }
  const size = indexSize(head, headBytes);
  return {
    imageSize: head.imageSize,
    imageSha256: toHex(head.imageDigest),
    chunker: head.chunker,
    windowing: head.windowing,
    indexBytes: size,
    headBytes,
    level2Bytes: size - headBytes,
    windows: head.windows.length,
    zeroWindows: head.windows.filter(({ digest }) => digest === undefined).length,
    chunks,
    frames: frames.size,
    storedBytes,
    packs: head.packs.map(({ digest, size: packSize }) => ({ sha256: toHex(digest), size: packSize })),
  };
}
