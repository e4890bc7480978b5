/**
 * Where the image is built: beside its final name, or in place.
 *
 * A file is built in `OUTPUT.silt-part/`, grows in image order, and takes its name in one step when it is
 * complete and verified. A block device (or, with `inPlace`, a file) is written where it is; it must be one
 * that nothing boots from until the fetch has succeeded, such as an inactive slot.
 *
 * @module
 */
import { mkdtempSync, realpathSync, rmSync, statfsSync, statSync } from 'node:fs';
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
import type { VerifiedWindow } from './verified-window.ts';

/** What lies at the target already, and whether it changes while the image is written. */
export interface TargetLook {
  readonly path: string;
  readonly changes: boolean;
}

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
  /** Closes files; what was written stays for the next run. */
  close(): void;
}

/**
 * Opens the target.
 *
 * @param size of the image
 * @throws SiltError TARGET_INVALID (a directory, a pipe, too small), NO_SPACE, IO_FAILED
 */
export async function openTarget(output: string, size: number, inPlace: boolean): Promise<Target> {
  const kind = checkKind(output, inPlace);
  return inPlace || kind === 'device' ? openInPlace(output, size) : await openPart(output);
}

/** What a dry run may look at: the target in place, or an interrupted file. */
export function targetToLookAt(output: string, size: number, inPlace: boolean): TargetLook | undefined {
  const kind = checkKind(output, inPlace);
  if (inPlace || kind === 'device') {
    openInPlace(output, size).close();
    return { path: output, changes: true };
  }
  const part = join(partDirectory(output), 'image');
  const stats = statSync(part, { throwIfNoEntry: false });
  return stats !== undefined && stats.size > 0 ? { path: part, changes: false } : undefined;
}

/** Lock file of an output: beside a file, and in the temporary directory for a device. */
export function lockPath(output: string): string {
  if (kindOf(output) !== 'device') return `${resolve(output)}.silt-lock`;
  const name = sha256Hex(Buffer.from(realpathSync(output))).slice(0, 16);
  return join(tmpdir(), `silt-${name}.lock`);
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
  const scratch = mkdtempSync(join(tmpdir(), 'silt-fetch-'));
  const write = (window: VerifiedWindow): number => {
    // Flash wears out by writing, and reading costs next to nothing.
    const there = new Uint8Array(window.bytes.length);
    if (file.read(window.offset, there) === there.length && Buffer.compare(there, window.bytes) === 0)
      return 0;
    file.write(window.offset, window.bytes);
    return window.bytes.length;
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
      await promote(part, output);
      rmSync(directory, { recursive: true, force: true });
      await syncDirectory(dirname(resolve(output)));
    },
    close: () => file.close(),
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
