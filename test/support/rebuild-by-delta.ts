/**
 * Rebuilds an image from its Base with a delta of the repository, by the words of docs/format alone: the object
 * is read whole and every digest checked; windows that it does not have are taken from the chunks.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { sha256Hex, toHex } from '../../src/core/digest.ts';
import { GiB } from '../../src/core/sizes.ts';
import { WindowDecoder } from '../../src/delta/window-decoder.ts';
import { type DeltaHead, decodeDeltaHead } from '../../src/format/delta-file.ts';
import { tagOf } from '../../src/format/frame.ts';
import type { ManifestDelta, ManifestImage } from '../../src/format/manifest.ts';
import type { ReadStore } from '../../src/store/store.ts';
import { bytesReader } from './bytes-reader.ts';
import { readIndex, rebuildImage } from './rebuild-image.ts';

/** The bytes of `image`; an AssertionError when the repository contradicts itself. */
export async function rebuildByDelta(
  store: ReadStore,
  image: ManifestImage,
  delta: ManifestDelta,
  base: Uint8Array,
): Promise<Uint8Array> {
  const { bytes, head } = await readDelta(store, delta);
  assert.equal(toHex(head.base.digest), sha256Hex(base));
  assert.equal(toHex(head.target.digest), image.sha256);
  const index = await readIndex(store, image);
  assert.deepEqual(
    head.windows.map(({ length }) => length),
    index.head.windows.map(({ length }) => length),
  );
  // Windows that are not in the delta stay as the chunks have them; all others are written over them.
  const byChunks = await rebuildImage(store, image);
  const result = new Uint8Array(image.size);
  const decoder = new WindowDecoder();
  const reader = bytesReader(base);
  for (const { offset, length, source } of head.windows) {
    if (source.kind === 'none') result.set(byChunks.subarray(offset, offset + length), offset);
    if (source.kind === 'copy') result.set(base.subarray(source.from, source.from + length), offset);
    if (source.kind !== 'coded') continue;
    const { payload } = source;
    const stored = bytes.subarray(payload.offset, payload.offset + payload.length);
    assert.deepEqual(Buffer.from(tagOf(stored)), Buffer.from(payload.tag));
    const earlier = bytesReader(result.subarray(0, offset));
    result.set(decoder.decode(stored, length, reader, earlier), offset);
  }
  assert.equal(sha256Hex(result), image.sha256);
  return result;
}

/** A delta object and its head. */
export async function readDelta(
  store: ReadStore,
  delta: ManifestDelta,
): Promise<{ readonly bytes: Uint8Array; readonly head: DeltaHead }> {
  const key = `deltas/${delta.sha256}`;
  const object = await store.get(key, { maxBytes: GiB });
  assert.ok(object, `${key} is missing`);
  const { bytes } = object;
  assert.equal(bytes.length, delta.size);
  assert.equal(sha256Hex(bytes), delta.sha256);
  const front = bytes.subarray(0, delta.head.size);
  assert.equal(sha256Hex(front), delta.head.sha256);
  return { bytes, head: decodeDeltaHead(front) };
}
