/**
 * Makes a delta file: finds what the target has of the Base, encodes window by window on the worker threads,
 * and writes head and payloads. The bytes do not depend on the number of workers.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { createSha256, sha256Hex } from '../core/digest.ts';
import { inOrder } from '../core/in-order.ts';
import { MiB } from '../core/sizes.ts';
import type { Matches } from '../delta/matches.ts';
import { MAX_DELTA_WINDOW } from '../delta/payload.ts';
import type { Entropy } from '../delta/window-encoder.ts';
import { type DeltaWindowRecord, encodeDeltaHead } from '../format/delta-file.ts';
import { tagOf } from '../format/frame.ts';
import { temporaryPath } from '../io/atomic.ts';
import { ioError, systemCode } from '../io/io-error.ts';
import { SourceFile } from '../io/source-file.ts';
import { imageDigest } from '../pool/image-digest.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { openedVersion, requireUnchanged } from '../pool/require-unchanged.ts';
import type { EncodedWindow } from '../pool/tasks.ts';
import { targetHoles } from './coverage.ts';
import { findMatches } from './find-matches.ts';
import { MatchCursor } from './match-cursor.ts';

export interface MakeDeltaOptions {
  /** Files or block devices that keep still meanwhile. */
  readonly basePath: string;
  readonly targetPath: string;
  /** Lengths of the windows, in order; default 1 MiB each. */
  readonly windowLengths?: readonly number[];
  /** Bytes of each window's digest that go into the head; none where an Index has them. */
  readonly checkBytes: 0 | 8;
  /** Bytes that a window costs without the delta; where its payload is not smaller, the delta leaves it out. */
  readonly costWithout?: (window: number) => number;
  /** SHA-256, where the caller knows them. */
  readonly baseDigest?: Uint8Array;
  readonly targetDigest?: Uint8Array;
  /** What codes differences and literals; default the model. */
  readonly entropy?: Entropy;
  /** Bound for what match finding takes. */
  readonly memoryBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MakeProgress) => void;
}

export interface MakeProgress {
  readonly phase: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface MadeDelta {
  readonly size: number;
  readonly sha256: string;
  /** Everything ahead of the payloads. */
  readonly head: { readonly sha256: string; readonly size: number };
  readonly windows: Record<'none' | 'zero' | 'copy' | 'coded', number>;
  readonly bytes: Record<'control' | 'difference' | 'literal' | 'head', number>;
  readonly seconds: number;
}

/** Bytes without a match that are worth looking for ahead of themselves. */
const LEAST_HOLE = 12;

interface Window {
  readonly number: number;
  readonly offset: number;
  readonly length: number;
  readonly matches: Matches;
  readonly repeats: Matches;
}

/**
 * Writes the delta that rebuilds the target from the Base to `outputPath`, which must not exist. Killed, it may
 * leave a part of that file, and one with a temporary name beside it.
 *
 * @throws SiltError IO_FAILED, NO_SPACE, IMAGE_CHANGED; the reason of the signal. Nothing stays then.
 */
export async function makeDelta(
  pool: WorkerPool,
  outputPath: string,
  options: MakeDeltaOptions,
): Promise<MadeDelta> {
  const started = performance.now();
  const { signal, onProgress } = options;
  using base = SourceFile.open(options.basePath);
  using target = SourceFile.open(options.targetPath);
  const opened = [base, target].map((file) => [file.path, openedVersion(file)] as const);
  const digests = Promise.all([
    options.baseDigest ?? imageDigest(pool, base),
    options.targetDigest ?? imageDigest(pool, target),
  ]);
  digests.catch(() => {});
  const matches = await findMatches(base, target, pool, {
    memoryBytes: options.memoryBytes,
    signal,
    onProgress,
  });
  const lengths = options.windowLengths ?? evenLengths(target.size);
  const repeats = await pool.repeats({
    targetPath: target.path,
    holes: targetHoles(matches, target.size, LEAST_HOLE, 0).ends,
    lengths: Float64Array.from(lengths),
  });
  const payloadsPath = temporaryPath(outputPath);
  const windows = { none: 0, zero: 0, copy: 0, coded: 0 };
  const bytes = { control: 0, difference: 0, literal: 0, head: 0 };
  const records: DeltaWindowRecord[] = [];
  try {
    const payloads = await open(payloadsPath, 'wx');
    try {
      const work = (window: Window) => encodeWindow(pool, options, window);
      for await (const { window, encoded } of inOrder(
        windowsOf(lengths, matches, repeats),
        3 * pool.workers,
        work,
      )) {
        const record = recordOf(window, encoded, options);
        records.push(record);
        windows[record.source.kind] += 1;
        if (record.source.kind === 'coded' && encoded !== undefined) {
          await payloads.appendFile(encoded.payload);
          bytes.control += encoded.bytes.control;
          bytes.difference += encoded.bytes.difference;
          bytes.literal += encoded.bytes.literal;
        }
        onProgress?.({
          phase: 'encode',
          bytesDone: window.offset + window.length,
          bytesTotal: target.size,
        });
        signal?.throwIfAborted();
      }
    } finally {
      await payloads.close();
    }
    const [baseDigest, targetDigest] = await digests;
    for (const [path, version] of opened) requireUnchanged(path, version);
    const head = encodeDeltaHead({
      base: { size: base.size, digest: baseDigest },
      target: { size: target.size, digest: targetDigest },
      transforms: [],
      windows: records,
    });
    bytes.head = head.length;
    const whole = await join(outputPath, head, payloadsPath, signal);
    return {
      ...whole,
      head: { sha256: sha256Hex(head), size: head.length },
      windows,
      bytes,
      seconds: (performance.now() - started) / 1000,
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw systemCode(error) === undefined ? error : ioError(error, 'write', outputPath);
  } finally {
    await rm(payloadsPath, { force: true });
  }
}

function evenLengths(size: number): number[] {
  return Array.from({ length: Math.ceil(size / MiB) }, (_, i) => Math.min(MiB, size - i * MiB));
}

function* windowsOf(lengths: readonly number[], matches: Matches, repeats: Matches): Generator<Window> {
  const cursor = new MatchCursor(matches);
  const repeatCursor = new MatchCursor(repeats);
  let offset = 0;
  for (const [number, length] of lengths.entries()) {
    yield {
      number,
      offset,
      length,
      matches: cursor.take(offset, length),
      repeats: repeatCursor.take(offset, length),
    };
    offset += length;
  }
}

async function encodeWindow(
  pool: WorkerPool,
  { basePath, targetPath, entropy = 'model' }: MakeDeltaOptions,
  window: Window,
): Promise<{ window: Window; encoded: EncodedWindow | undefined }> {
  const { offset, length, matches, repeats } = window;
  // Larger than a device decodes: windows of very large chunks.
  if (length > MAX_DELTA_WINDOW) return { window, encoded: undefined };
  const task = { basePath, targetPath, offset, length, matches, repeats, entropy };
  return { window, encoded: await pool.encode(task) };
}

function recordOf(
  { number, length }: Window,
  encoded: EncodedWindow | undefined,
  { checkBytes, costWithout }: MakeDeltaOptions,
): DeltaWindowRecord {
  if (encoded === undefined) return { length, check: undefined, source: { kind: 'none' } };
  if (encoded.zero) return { length, check: undefined, source: { kind: 'zero' } };
  const check = checkBytes === 0 ? undefined : encoded.digest.subarray(0, checkBytes);
  if (encoded.copyFrom !== undefined) {
    return { length, check, source: { kind: 'copy', from: encoded.copyFrom } };
  }
  const { payload } = encoded;
  if (costWithout !== undefined && payload.length >= costWithout(number)) {
    return { length, check: undefined, source: { kind: 'none' } };
  }
  const place = { length: payload.length, tag: tagOf(payload) };
  return { length, check, source: { kind: 'coded', transform: 0, payload: place } };
}

/** Writes the head, then the payloads. */
async function join(
  outputPath: string,
  head: Uint8Array,
  payloadsPath: string,
  signal: AbortSignal | undefined,
): Promise<{ size: number; sha256: string }> {
  const digest = createSha256();
  let size = 0;
  async function* parts(): AsyncGenerator<Uint8Array> {
    for await (const part of chain(head, createReadStream(payloadsPath, { highWaterMark: MiB }))) {
      signal?.throwIfAborted();
      digest.update(part);
      size += part.length;
      yield part;
    }
  }
  const output = await open(outputPath, 'wx');
  try {
    await output.writeFile(parts());
  } catch (error) {
    await rm(outputPath, { force: true });
    throw error;
  } finally {
    await output.close();
  }
  return { size, sha256: digest.digest('hex') };
}

async function* chain(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}
