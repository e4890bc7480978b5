/**
 * The worker thread: one exported function a task (`tasks.ts`). All of it is synchronous, so a thread
 * that piscina pauses between tasks has nothing left undone.
 *
 * @module
 */
import { type Chunker, createChunker } from '../chunker/chunker.ts';
import { equalBytes } from '../core/bytes.ts';
import { createSha256, DIGEST_BYTES, sha256 } from '../core/digest.ts';
import { droppedBuffers } from '../core/drop-buffers.ts';
import { isSiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import { firstBytes } from '../delta/base-reader.ts';
import { findRepeats } from '../delta/find-repeats.ts';
import { Matcher } from '../delta/matcher.ts';
import type { Matches } from '../delta/matches.ts';
import { WindowEncoder } from '../delta/window-encoder.ts';
import { compressFrame } from '../format/compression.ts';
import { tagOf } from '../format/frame.ts';
import { SourceFile } from '../io/source-file.ts';
import { imageChanged, scanFile } from './scan-file.ts';
import type {
  Answer,
  BuiltFrame,
  DigestTask,
  EncodedWindow,
  EncodeTask,
  FrameTask,
  MatchTask,
  RepeatTask,
  ScannedChunks,
  ScanTask,
} from './tasks.ts';

let chunker: Chunker | undefined;

/** The chunker of the last task, when it fits: its tables and its memory are worth keeping. */
function chunkerFor(task: ScanTask): Chunker {
  if (JSON.stringify(chunker?.spec) !== JSON.stringify(task.chunker)) chunker = createChunker(task.chunker);
  return chunker as Chunker;
}

/** Cuts and names the chunks that begin in the range of the task. */
export function scan(task: ScanTask): Answer<ScannedChunks> {
  return answer(() => scanNow(task));
}

function scanNow(task: ScanTask): ScannedChunks {
  using file = openAgain(task.path);
  return scanFile(file, chunkerFor(task), task);
}

/** Builds a frame; the chunks must still have their ids. */
export function frame(task: FrameTask): Answer<BuiltFrame> {
  return answer(() => frameNow(task));
}

function frameNow(task: FrameTask): BuiltFrame {
  using file = openAgain(task.path);
  const plain = scratch(task.lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  task.lengths.forEach((length, i) => {
    const chunk = plain.subarray(at, at + length);
    const id = task.ids.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES);
    const count = file.read(task.offsets[i] as number, chunk);
    if (count < length || !equalBytes(sha256(chunk), id)) throw imageChanged(task.path);
    at += length;
  });
  const { stored, codec } = compressFrame(plain, task.compression);
  droppedBuffers(4 * plain.length);
  return { stored, plain: plain.length, codec, tag: new Uint8Array(tagOf(stored)) };
}

/** SHA-256 of each stretch, 32 bytes each. */
export function digests(task: DigestTask): Answer<Uint8Array> {
  return answer(() => digestsNow(task));
}

function digestsNow(task: DigestTask): Uint8Array {
  using file = openAgain(task.path);
  const result = new Uint8Array(task.offsets.length * DIGEST_BYTES);
  const block = scratch(1 * MiB);
  task.offsets.forEach((offset, i) => {
    const running = createSha256();
    let left = task.lengths[i] as number;
    for (let at = offset; left > 0; ) {
      const part = block.subarray(0, Math.min(left, block.length));
      if (file.read(at, part) < part.length) throw imageChanged(task.path);
      running.update(part);
      at += part.length;
      left -= part.length;
    }
    result.set(running.digest(), i * DIGEST_BYTES);
  });
  return result;
}

let matcher: Matcher | undefined;

/** Looks for stretches of the target in one segment of the Base. */
export function match(task: MatchTask): Answer<Matches> {
  return answer(() => {
    using base = openAgain(task.basePath);
    using target = openAgain(task.targetPath);
    matcher ??= new Matcher();
    return matcher.match(base, target, task);
  });
}

let encoder: WindowEncoder | undefined;

/** Encodes a window. */
export function encode(task: EncodeTask): Answer<EncodedWindow> {
  return answer(() => {
    using base = openAgain(task.basePath);
    using target = openAgain(task.targetPath);
    const window = scratch(task.length);
    if (target.read(task.offset, window) < task.length) throw imageChanged(task.targetPath);
    encoder ??= new WindowEncoder();
    const earlier = firstBytes(target, task.offset);
    const result = encoder.encode(window, task.matches, base, task.repeats, earlier, task.entropy);
    return { ...result, digest: new Uint8Array(sha256(window)) };
  });
}

/** Looks for what the target repeats of itself. */
export function repeats(task: RepeatTask): Answer<Matches> {
  return answer(() => {
    using target = openAgain(task.targetPath);
    return findRepeats(target, task.holes, task.lengths);
  });
}

let kept = new Uint8Array(2 * MiB);

/** Bytes for this task alone: the next one gets the same. */
function scratch(length: number): Uint8Array {
  if (length > kept.length) kept = new Uint8Array(length);
  return kept.subarray(0, length);
}

/** Whoever gave us the task has the image open: if it is not there any more, it was there. */
function openAgain(path: string): SourceFile {
  try {
    return SourceFile.open(path);
  } catch (error) {
    throw isSiltError(error) && error.details.systemError === 'ENOENT' ? imageChanged(path) : error;
  }
}

/** An error class does not survive the way between threads; its members do. */
function answer<T>(work: () => T): Answer<T> {
  try {
    return { value: work() };
  } catch (error) {
    if (!isSiltError(error)) throw error;
    return { failed: { code: error.code, message: error.message, details: error.details } };
  }
}
