/**
 * Rebuilds an image of an earlier release from the repository, for a delta that starts from it.
 *
 * Frames are read pack by pack, in a few large ranges at a time, and their chunks written wherever the image
 * has them; so each frame is fetched and opened once, however its chunks are scattered. Then every window and
 * the whole image are compared with their digests.
 *
 * Memory: {@link FETCHES} ranges of {@link RANGE_BYTES} (or of one frame), one opened frame, and the places of
 * {@link STRETCH_RUNS} runs of chunks: below 64 MiB for frames as silt writes them. An image of more runs is
 * put together stretch by stretch.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises';
import { equalBytes } from '../core/bytes.ts';
import { createSha256, sha256, toHex } from '../core/digest.ts';
import { droppedBuffers } from '../core/drop-buffers.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { inOrder } from '../core/in-order.ts';
import { KiB, MiB } from '../core/sizes.ts';
import { type FrameRef, openFrame } from '../format/frame.ts';
import type { IndexHead } from '../format/index-head.ts';
import type { ManifestImage } from '../format/manifest.ts';
import { TargetFile } from '../io/target-file.ts';
import type { ReadStore } from '../store/store.ts';
import { withRemnants } from '../store/with-remnants.ts';
import type { ContentKey } from '../trust/seal/content-key.ts';
import { openSegment } from '../trust/seal/sealed-head.ts';
import { type FrameRuns, frameStretches, STRETCH_RUNS } from './frame-runs.ts';
import { damaged, openIndex, readOrDamaged } from './known-chunks.ts';
import { readLevel2 } from './read-level2.ts';

/** Ranges under way at once. */
const FETCHES = 4;
const RANGE_BYTES: number = 4 * MiB;
/** Bytes between two frames that are rather fetched in vain than left out by a request of their own. */
const GAP_BYTES: number = 128 * KiB;

export interface RestoreOptions {
  /** Of a sealed release. */
  readonly key?: ContentKey | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Hears how many bytes of the image are in place. */
  readonly onProgress?: ((bytesDone: number) => void) | undefined;
  /** See {@link STRETCH_RUNS}; a test makes it small. */
  readonly stretchRuns?: number | undefined;
}

/**
 * Writes `image` to a new file at `path`; stretches of zeros take no space there.
 *
 * @returns level 1 of its index
 * @throws SiltError DIGEST_MISMATCH, OBJECT_MISSING or FORMAT_INVALID for a damaged repository, NO_SPACE,
 *   IO_FAILED, store errors; the file is then worthless
 */
export async function restoreImage(
  from: ReadStore,
  image: ManifestImage,
  path: string,
  options: RestoreOptions = {},
): Promise<IndexHead> {
  const { key, signal, onProgress } = options;
  const store = withRemnants(from);
  const index = `indexes/${image.index.sha256}`;
  const { head, seal } = await openIndex(store, image, key, signal);
  if (head.imageSize !== image.size || toHex(head.imageDigest) !== image.sha256) throw damaged(store, index);
  const target = TargetFile.open(path, true);
  try {
    target.resize(image.size);
    const read = (offset: number, length: number) => readOrDamaged(store, index, { offset, length }, signal);
    const level2 = readLevel2(head, read, seal);
    let placed = 0;
    for await (const frames of frameStretches(level2, options.stretchRuns ?? STRETCH_RUNS)) {
      for await (const { range, stored } of inOrder(
        rangesOf(frames),
        FETCHES,
        fetchFrom(store, head, signal),
      )) {
        placed += placeFrames({ store, head, key }, range, stored, target);
        onProgress?.(placed);
      }
    }
    await verifyWindows(store, image, head, target, signal);
    onProgress?.(image.size);
  } finally {
    target.close();
  }
  return head;
}

/** Frames of one pack that are fetched by one request, in order. */
interface FrameRange {
  readonly pack: number;
  readonly offset: number;
  length: number;
  readonly frames: FrameRuns[];
}

/** @param frames by pack and offset */
function* rangesOf(frames: readonly FrameRuns[]): Generator<FrameRange> {
  let open: FrameRange | undefined;
  for (const entry of frames) {
    const { pack, offset, stored } = entry.frame;
    const fits =
      open !== undefined &&
      open.pack === pack &&
      offset - (open.offset + open.length) <= GAP_BYTES &&
      offset + stored - open.offset <= RANGE_BYTES;
    if (open !== undefined && fits) {
      // Frames never overlap in a pack that silt made; in another one they need not come in order.
      open.length = Math.max(open.length, offset + stored - open.offset);
      open.frames.push(entry);
    } else {
      if (open !== undefined) yield open;
      open = { pack, offset, length: stored, frames: [entry] };
    }
  }
  if (open !== undefined) yield open;
}

function packKey(head: IndexHead, pack: number): string {
  return `packs/${toHex((head.packs[pack] as IndexHead['packs'][number]).digest)}`;
}

function fetchFrom(store: ReadStore, head: IndexHead, signal: AbortSignal | undefined) {
  return async (range: FrameRange): Promise<{ range: FrameRange; stored: Uint8Array }> => {
    const { pack, offset, length } = range;
    const stored = await readOrDamaged(store, packKey(head, pack), { offset, length }, signal);
    return { range, stored };
  };
}

/** Where frames come from. */
interface FrameSource {
  readonly store: ReadStore;
  readonly head: IndexHead;
  readonly key: ContentKey | undefined;
}

/** Writes the chunks of these frames to their places; gives the bytes of them. */
function placeFrames(source: FrameSource, range: FrameRange, stored: Uint8Array, target: TargetFile): number {
  let placed = 0;
  const { trailerDigest } = source.head.packs[range.pack] as IndexHead['packs'][number];
  const seal = source.key?.objectSeal('pack', trailerDigest, packKey(source.head, range.pack));
  for (const { frame, runs } of range.frames) {
    const at = frame.offset - range.offset;
    const part = openSegment(seal, frame.offset, stored.subarray(at, at + frame.stored));
    const plain = open(source, frame, part);
    for (let i = 0; i < runs.length; i += 3) {
      const [to, from, length] = [runs[i] as number, runs[i + 1] as number, runs[i + 2] as number];
      target.write(to, plain.subarray(from, from + length));
      placed += length;
    }
    droppedBuffers(plain.length);
  }
  droppedBuffers(stored.length);
  return placed;
}

function open({ store, head }: FrameSource, frame: FrameRef, stored: Uint8Array): Uint8Array {
  try {
    return openFrame(frame, stored);
  } catch (error) {
    throw isSiltError(error, 'DIGEST_MISMATCH') ? damaged(store, packKey(head, frame.pack), error) : error;
  }
}

/** Ground truth is what was written: reads all of it back. */
async function verifyWindows(
  store: ReadStore,
  image: ManifestImage,
  head: IndexHead,
  target: TargetFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const whole = createSha256();
  let buffer = new Uint8Array(1 * MiB);
  for (const { offset, length, digest } of head.windows) {
    // All of this is synchronous, so let signals and uploads have their turn.
    await setImmediate();
    signal?.throwIfAborted();
    if (length > buffer.length) buffer = new Uint8Array(length);
    const window = buffer.subarray(0, length);
    const count = target.read(offset, window);
    whole.update(window);
    if (count === length && (digest === undefined || equalBytes(sha256(window), digest))) continue;
    throw notThatImage(store, image, `the window at ${offset}`);
  }
  if (whole.digest('hex') !== image.sha256) throw notThatImage(store, image, 'the whole image');
}

function notThatImage(store: ReadStore, image: ManifestImage, what: string): SiltError {
  const index = `indexes/${image.index.sha256}`;
  return new SiltError(
    'DIGEST_MISMATCH',
    `${store.location}: the chunks that ${index} names do not make ${image.name}: ${what} has another digest; run "silt verify" on the repository`,
    { details: { key: index, expected: image.sha256 } },
  );
}
