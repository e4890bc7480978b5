/**
 * Where the image is built: beside its final name, or in place.
 *
 * A file is built in `OUTPUT.silt-part/`, grows in image order, and takes its name in one step when it is
 * complete and verified. A block device (or, with `inPlace`, a file) is written where it is; it must be one
 * that nothing boots from until the fetch has succeeded, such as an inactive slot.
 *
 * @module
 */
import { readdirSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { SiltError } from '../core/errors.ts';
import { formatSize } from '../core/sizes.ts';
import { makeScratchSync, removeTreeSync } from '../io/disk.ts';
import { ioError } from '../io/io-error.ts';
import { openPartFile, partPath, shortName } from '../io/part-file.ts';
import { TargetFile } from '../io/target-file.ts';
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
 * To be called with the lock of `outputLockPath` held.
 *
 * @param size of the image
 * @throws SiltError TARGET_INVALID (a directory, a pipe, too small), NO_SPACE, IO_FAILED
 */
export function openTarget(output: string, size: number, inPlace: boolean): Target {
  const kind = checkKind(output, inPlace);
  if (!inPlace && kind !== 'device') return openPart(output);
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
  return { target: partPath(output), replaced: kind === 'file' ? output : undefined };
}

/** What a dry run may look at: the target in place, or an interrupted file. */
export function targetToLookAt(output: string, size: number, inPlace: boolean): string | undefined {
  const { target } = lookAtOutput(output, inPlace);
  if (target === output) openInPlace(output, size).close();
  return (statSync(target, { throwIfNoEntry: false })?.size ?? 0) > 0 || target === output
    ? target
    : undefined;
}

function scratchPrefix(output: string): string {
  return `silt-fetch-${shortName(output)}-`;
}

/** Removes what fetches that were killed have left in the temporary directory. */
function removeScratch(output: string): void {
  const prefix = scratchPrefix(output);
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    try {
      removeTreeSync(join(tmpdir(), name));
    } catch {
      // Somebody else's.
    }
  }
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
    scratch = makeScratchSync(join(tmpdir(), scratchPrefix(output)));
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
      removeTreeSync(scratch);
    },
  };
}

function openPart(output: string): Target {
  const part = openPartFile(output);
  return {
    ...part,
    inPlace: false,
    scratch: part.directory,
    write: ({ offset, bytes }) => part.write(offset, bytes),
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
