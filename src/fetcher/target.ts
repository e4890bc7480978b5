/**
 * Where the image is built: beside its final name, or in place.
 *
 * A file is built in `OUTPUT.silt-part/`, grows in image order, and takes its name in one step when it is
 * complete and verified. A block device (or, with `inPlace`, a file) is written where it is; it must be one
 * that nothing boots from until the fetch has succeeded, such as an inactive slot.
 *
 * @module
 */
import { chmodSync, mkdtempSync, readdirSync, realpathSync, rmSync, statfsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isZero } from '../core/bytes.ts';
import { sha256Hex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { formatSize } from '../core/sizes.ts';
import { syncDirectory } from '../io/atomic.ts';
import { ioError } from '../io/io-error.ts';
import { promote, TargetFile } from '../io/target-file.ts';
import { changedRuns } from './changed-runs.ts';
import type { VerifiedWindow } from './verified-window.ts';

export interface Target {
  /** The file under construction. */
  readonly file: TargetFile;
  readonly inPlace: boolean;
  /** For what need not outlive the fetch. */
  readonly scratch: string;
  /** Writes a window, unless the bytes are there already. @returns bytes written */
  write(window: VerifiedWindow): number;
  /** Makes everything durable, in its final length. */
  settle(size: number): void;
  /** Gives a complete and verified image its name. */
  complete(): Promise<void>;
  /** Removes what was begun: there is nothing to be written. */
  discard(): void;
  /** Closes files; what was written stays for the next run. */
  close(): void;
}

export interface OutputLook {
  /** The file that will be written: the output itself, or the one under construction beside it. */
  readonly target: string;
  /** The file that will be replaced. */
  readonly replaced: string | undefined;
}

/**
 * Opens the target.
 *
 * To be called with the lock of {@link lockPath} held.
 *
 * @param size of the image
 * @throws SiltError TARGET_INVALID (a directory, a pipe, too small), NO_SPACE, IO_FAILED
 */
export async function openTarget(output: string, size: number, inPlace: boolean): Promise<Target> {
  const kind = checkKind(output, inPlace);
  if (!inPlace && kind !== 'device') return await openPart(output);
  removeScratch(output);
  return openInPlace(output, size);
}

/**
 * Looks at an output before anything is done about it.
 *
 * @throws SiltError TARGET_INVALID for what cannot be a target; for a directory that does not exist as well
 */
export function lookAtOutput(output: string, inPlace: boolean): OutputLook {
  const kind = checkKind(output, inPlace);
  if (inPlace || kind === 'device') return { target: output, replaced: undefined };
  return { target: join(partDirectory(output), 'image'), replaced: kind === 'file' ? output : undefined };
}

/** What a dry run may look at: the target in place, or an interrupted file. */
export function targetToLookAt(output: string, size: number, inPlace: boolean): string | undefined {
  const { target } = lookAtOutput(output, inPlace);
  if (target === output) openInPlace(output, size).close();
  return (statSync(target, { throwIfNoEntry: false })?.size ?? 0) > 0 || target === output
    ? target
    : undefined;
}

/** Lock file of an output: beside a file, and in the temporary directory for a device. */
export function lockPath(output: string): string {
  if (kindOf(output) !== 'device') return `${resolve(output)}.silt-lock`;
  return join(tmpdir(), `silt-${nameOf(output)}.lock`);
}

/** The same for every path to the same file. */
function nameOf(output: string): string {
  return sha256Hex(Buffer.from(realpathSync(output))).slice(0, 16);
}

function scratchPrefix(output: string): string {
  return `silt-fetch-${nameOf(output)}-`;
}

/** Removes what fetches that were killed have left in the temporary directory. */
function removeScratch(output: string): void {
  const prefix = scratchPrefix(output);
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      // Somebody else's.
    }
  }
}

/** Where the file at `output` is built. */
export function partDirectory(output: string): string {
  return `${resolve(output)}.silt-part`;
}

/** @throws SiltError TARGET_INVALID for what cannot be a target */
function checkKind(output: string, inPlace: boolean): 'missing' | 'file' | 'device' {
  const kind = kindOf(output);
  if (kind === 'other') {
    throw new SiltError(
      'TARGET_INVALID',
      `${output}: expected a file or a block device, found another kind of file`,
      {
        details: { path: output },
      },
    );
  }
  if (inPlace && kind === 'missing') {
    throw new SiltError(
      'TARGET_INVALID',
      `${output} does not exist; --in-place writes into an existing file`,
      {
        details: { path: output },
      },
    );
  }
  const parent = dirname(resolve(output));
  if (kind === 'missing' && statSync(parent, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new SiltError('TARGET_INVALID', `${output}: there is no directory ${parent}; create it first`, {
      details: { path: output },
    });
  }
  return kind;
}

function kindOf(output: string): 'missing' | 'file' | 'device' | 'other' {
  try {
    const stats = statSync(output, { throwIfNoEntry: false });
    if (stats === undefined) return 'missing';
    if (stats.isDirectory()) {
      throw new SiltError(
        'TARGET_INVALID',
        `${output} is a directory; name the file to write with --output`,
        {
          details: { path: output },
        },
      );
    }
    return stats.isFile() ? 'file' : stats.isBlockDevice() ? 'device' : 'other';
  } catch (error) {
    throw ioError(error, 'look at', output);
  }
}

function openInPlace(output: string, size: number): Target {
  const file = TargetFile.open(output, false);
  if (file.isBlockDevice && file.initialSize < size) {
    file.close();
    throw new SiltError(
      'TARGET_INVALID',
      `${output} is too small: it has ${file.initialSize} bytes (${formatSize(file.initialSize)}), the image ${size}`,
      { details: { path: output, expected: size, found: file.initialSize } },
    );
  }
  let scratch: string;
  try {
    scratch = mkdtempSync(join(tmpdir(), scratchPrefix(output)));
  } catch (error) {
    file.close();
    throw ioError(error, 'create a directory in', tmpdir());
  }
  let there = new Uint8Array();
  const write = ({ offset, bytes }: VerifiedWindow): number => {
    if (there.length < bytes.length) there = new Uint8Array(bytes.length);
    const old = there.subarray(0, file.read(offset, there.subarray(0, bytes.length)));
    // Flash wears out by writing, and reading costs next to nothing.
    const runs = changedRuns(offset, old, bytes);
    for (const { from, to } of runs) file.write(offset + from, bytes.subarray(from, to));
    return runs.reduce((sum, { from, to }) => sum + to - from, 0);
  };
  return {
    file,
    inPlace: true,
    scratch,
    write,
    settle: (length) => {
      if (!file.isBlockDevice) file.resize(length);
      file.sync();
    },
    complete: async () => {},
    discard: () => {},
    close: () => {
      file.close();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

async function openPart(output: string): Promise<Target> {
  const directory = partDirectory(output);
  try {
    await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } catch (error) {
    throw ioError(error, 'create the directory', directory);
  }
  const part = join(directory, 'image');
  const file = TargetFile.open(part, true);
  let end = file.initialSize;
  const write = ({ offset, bytes }: VerifiedWindow): number => {
    if (isZero(bytes) && offset >= end) {
      // A hole, and the length says how far the image has grown.
      file.resize(offset + bytes.length);
      end = offset + bytes.length;
      return 0;
    }
    file.write(offset, bytes);
    end = Math.max(end, offset + bytes.length);
    return bytes.length;
  };
  return {
    file,
    inPlace: false,
    scratch: directory,
    write,
    settle: (size) => {
      file.resize(size);
      file.sync();
    },
    complete: async () => {
      const replaced = statSync(output, { throwIfNoEntry: false });
      if (replaced !== undefined) chmodSync(part, replaced.mode & 0o777);
      await promote(part, output);
      rmSync(directory, { recursive: true, force: true });
      await syncDirectory(dirname(resolve(output)));
    },
    discard: () => rmSync(directory, { recursive: true, force: true }),
    close: () => {
      file.close();
      // Refused before anything was written, as for a budget: nothing is left to go on with.
      if (end === 0) rmSync(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Refuses to begin what cannot fit.
 *
 * @param bytes that will be written and were not there before
 * @throws SiltError NO_SPACE
 */
export function checkSpace(directory: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  if (bytes <= free) return;
  throw new SiltError(
    'NO_SPACE',
    `${directory}: ${formatSize(bytes)} are needed and ${formatSize(free)} are free; make room and run again`,
    { details: { needed: bytes, free } },
  );
}
