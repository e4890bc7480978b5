/**
 * Rebuilds an image from a repository by the words of docs/format alone: every object is read whole, every
 * digest is checked. Slow, simple, and independent of the fetcher: what publishing is held to.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { sha256, sha256Hex, toHex } from '../../src/core/digest.ts';
import { GiB } from '../../src/core/sizes.ts';
import { type FrameRef, openFrame } from '../../src/format/frame.ts';
import { decodeIndexHead, type IndexHead, type WindowEntry } from '../../src/format/index-head.ts';
import { decodeLevel2, hintOf, ZERO_FRAME } from '../../src/format/level2.ts';
import type { ManifestImage } from '../../src/format/manifest.ts';
import type { ReadStore } from '../../src/store/store.ts';

/** The bytes of `image`; an AssertionError when anything in the repository contradicts itself. */
export async function rebuildImage(store: ReadStore, image: ManifestImage): Promise<Uint8Array> {
  const { bytes, head } = await readIndex(store, image);
  assert.equal(head.imageSize, image.size);
  assert.equal(toHex(head.imageDigest), image.sha256);
  const packs = await Promise.all(
    head.packs.map(async ({ digest, size }) => {
      const pack = await readPack(store, digest);
      assert.equal(pack.length, size);
      return pack;
    }),
  );
  const result = new Uint8Array(image.size);
  const opened = new Map<string, Uint8Array>();
  const open = (frame: FrameRef): Uint8Array => {
    const name = `${frame.pack}/${frame.offset}`;
    let plain = opened.get(name);
    if (plain === undefined) {
      const pack = packs[frame.pack] as Uint8Array;
      plain = openFrame(frame, pack.subarray(frame.offset, frame.offset + frame.stored));
      opened.set(name, plain);
    }
    return plain;
  };
  for (const window of head.windows) fillWindow(result, window, bytes, head.packs.length, open);
  assert.equal(sha256Hex(result), image.sha256);
  return result;
}

/** The index of `image`, whole, and its level 1. */
export async function readIndex(
  store: ReadStore,
  image: ManifestImage,
): Promise<{ readonly bytes: Uint8Array; readonly head: IndexHead }> {
  const { sha256: name, size, head } = image.index;
  const bytes = await readObject(store, `indexes/${name}`, name);
  assert.equal(bytes.length, size);
  const front = bytes.subarray(0, head.size);
  assert.equal(sha256Hex(front), head.sha256);
  return { bytes, head: decodeIndexHead(front) };
}

/** The pack; or what is left of it, with holes, by the words of docs/format/remnant.md. */
async function readPack(store: ReadStore, digest: Uint8Array): Promise<Uint8Array> {
  const key = `packs/${toHex(digest)}`;
  if ((await store.has(key)) !== undefined) return await readObject(store, key, toHex(digest));
  for (const number of [1, 2, 3]) {
    const object = await store.get(`${key}.${number}`, { maxBytes: GiB });
    if (object === undefined) continue;
    const bytes = Buffer.from(object.bytes);
    assert.equal(bytes.toString('latin1', 0, 8), 'silt-rem');
    assert.equal(bytes.readUInt16LE(8), 1);
    assert.equal(bytes.toString('hex', 10, 42), toHex(digest));
    assert.deepEqual(
      bytes.subarray(4080, 4096),
      Buffer.from(sha256(bytes.subarray(0, 4080))).subarray(0, 16),
    );
    const pack = new Uint8Array(bytes.readUInt32LE(42));
    let at = 4096;
    for (let i = 0; i < bytes.readUInt16LE(46); i++) {
      const [offset, length] = [bytes.readUInt32LE(48 + 8 * i), bytes.readUInt32LE(52 + 8 * i)];
      pack.set(bytes.subarray(at, at + length), offset);
      at += length;
    }
    assert.equal(at, bytes.length);
    return pack;
  }
  assert.fail(`${key} is missing, and nothing is left of it`);
}

async function readObject(store: ReadStore, key: string, digest: string): Promise<Uint8Array> {
  const object = await store.get(key, { maxBytes: GiB });
  assert.ok(object, `${key} is missing`);
  assert.equal(sha256Hex(object.bytes), digest, `${key} does not have the digest it is named by`);
  return object.bytes;
}

function fillWindow(
  result: Uint8Array,
  window: WindowEntry,
  index: Uint8Array,
  packCount: number,
  open: (frame: FrameRef) => Uint8Array,
): void {
  if (window.level2 === undefined) return;
  const { offset, length, tag } = window.level2;
  const block = index.subarray(offset, offset + length);
  assert.deepEqual(Buffer.from(sha256(block).subarray(0, tag.length)), Buffer.from(tag));
  const map = decodeLevel2(block, window.length, packCount);
  let at = window.offset;
  map.lengths.forEach((chunkLength, i) => {
    const frame = map.frameOf[i] as number;
    if (frame !== ZERO_FRAME) {
      const from = map.offsetIn[i] as number;
      const chunk = open(map.frames[frame] as FrameRef).subarray(from, from + chunkLength);
      assert.equal(hintOf(sha256(chunk)), map.hints[i]);
      result.set(chunk, at);
    }
    at += chunkLength;
  });
  const whole = result.subarray(window.offset, window.offset + window.length);
  assert.equal(sha256Hex(whole), toHex(window.digest as Uint8Array));
}
