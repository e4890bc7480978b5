/**
 * The library entry `silt/delta`: deltas between two files, without a repository.
 *
 * `diff` makes a delta file, `patch` rebuilds the new file from the old one and the delta, `info` tells where
 * the bytes of a delta went. docs/guides/delta.md has examples, limits, and what they take of memory.
 *
 * @module
 */
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import type { Entropy } from '../delta/window-encoder.ts';
import { MAX_DELTA_WINDOWS, MAX_WINDOW } from '../format/limits.ts';
import { temporaryPath } from '../io/atomic.ts';
import { SourceFile } from '../io/source-file.ts';
import { promote, TargetFile } from '../io/target-file.ts';
import { defaultWorkers, openPool } from '../pool/pool.ts';
import { type MadeDelta, makeDelta } from './make-delta.ts';
import { checkOutput } from './patch-target.ts';

export { isSiltError, SiltError } from '../core/errors.ts';
export type { Entropy } from '../delta/window-encoder.ts';
export {
  type ApplyOptions,
  type ApplyProgress,
  type ApplyReport,
  applyDelta as patch,
} from './apply-delta.ts';
export { type DeltaSummary, type DescribeOptions, describeDelta as info } from './describe-delta.ts';
export type { MadeDelta } from './make-delta.ts';

export interface DiffOptions {
  /** The old image, which patching will need: a file or a block device. */
  readonly basePath: string;
  readonly targetPath: string;
  /** Where the delta file appears, when it is complete; a file that is there is replaced. */
  readonly patchPath: string;
  /** Threads; default: one a processor, four at most. The bytes of the delta do not depend on it. */
  readonly workers?: number | undefined;
  /** Bound for what finding matches may take; default 512 MiB. */
  readonly memoryBytes?: number | undefined;
  /** What codes it: `model` (default) is smaller, `general` patches faster. */
  readonly entropy?: Entropy | undefined;
  /** Bytes of a window, 64 KiB to 16 MiB; default 1 MiB. Larger ones make smaller deltas and need more memory. */
  readonly windowBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DiffProgress) => void) | undefined;
}

export interface DiffProgress {
  /** What is going on, a word. */
  readonly phase: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface DiffReport extends MadeDelta {
  readonly baseSize: number;
  readonly imageSize: number;
}

/** Smaller windows cost more than they are good for. */
export const MIN_DIFF_WINDOW: number = MiB / 16;

/**
 * Makes the delta file that turns the Base into the target.
 *
 * @throws SiltError USAGE, IO_FAILED, NO_SPACE, IMAGE_CHANGED when one of the images did not keep still
 */
export async function diff(options: DiffOptions): Promise<DiffReport> {
  const { basePath, targetPath, patchPath, workers = defaultWorkers(), windowBytes = MiB } = options;
  const { memoryBytes, entropy, signal, onProgress } = options;
  checkOutput(patchPath, { 'the old image': basePath, 'the new image': targetPath }, false);
  if (!(windowBytes >= MIN_DIFF_WINDOW && windowBytes <= MAX_WINDOW && Number.isInteger(windowBytes))) {
    const message = `expected windows of ${MIN_DIFF_WINDOW} to ${MAX_WINDOW} bytes, found ${windowBytes}`;
    throw new SiltError('USAGE', message);
  }
  const baseSize = sizeOf(basePath);
  const imageSize = sizeOf(targetPath);
  const temporary = temporaryPath(resolve(patchPath));
  try {
    await using pool = openPool(workers, signal);
    const made = await makeDelta(pool, temporary, {
      basePath,
      targetPath,
      windowLengths: windowLengths(imageSize, windowBytes),
      checkBytes: 8,
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(entropy !== undefined && { entropy }),
      ...(signal !== undefined && { signal }),
      ...(onProgress !== undefined && { onProgress }),
    });
    const file = TargetFile.open(temporary, false);
    file.sync();
    file.close();
    await promote(temporary, patchPath);
    return { baseSize, imageSize, ...made };
  } finally {
    rmSync(temporary, { force: true });
  }
}

function sizeOf(path: string): number {
  using file = SourceFile.open(path);
  return file.size;
}

function windowLengths(size: number, length: number): number[] {
  const count = Math.ceil(size / length);
  if (count > MAX_DELTA_WINDOWS) {
    const message = `expected at most ${MAX_DELTA_WINDOWS} windows, found ${count}; choose larger ones`;
    throw new SiltError('USAGE', message, { details: { expected: MAX_DELTA_WINDOWS, found: count } });
  }
  return Array.from({ length: count }, (_, at) => Math.min(length, size - at * length));
}
