/**
 * Where a patched image is written. A file is built in `NEW.silt-part/`, grows in image order and takes its
 * name in one step when it is complete; a block device is written where it is, so it must be one that nothing
 * boots from meanwhile.
 *
 * @module
 */
import { chmodSync, mkdirSync, realpathSync, rmSync, type Stats, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isZero } from '../core/bytes.ts';
import { sha256Hex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { syncDirectory } from '../io/atomic.ts';
import { ioError } from '../io/io-error.ts';
import { promote, TargetFile } from '../io/target-file.ts';

export interface PatchTarget {
  /** Where the image is while it is written. */
  readonly path: string;
  /** Bytes that an earlier run, or whoever else, has left here. */
  readonly initialSize: number;
  /** Reads what is there. @returns how many bytes there were */
  read(at: number, into: Uint8Array): number;
  /** Writes a window; windows come in image order. @returns bytes written, 0 for a hole */
  write(at: number, bytes: Uint8Array): number;
  /** Makes all of it durable, in its final length, and gives a file its name. */
  complete(size: number): Promise<void>;
  /** Removes a file that was begun and is of no use. */
  discard(): void;
  close(): void;
}

/**
 * Opens the target, with its lock held.
 *
 * @param size of the image to come
 * @throws SiltError TARGET_INVALID for a directory, a pipe, a device in use or too small; IO_FAILED
 */
export function openPatchTarget(output: string, size: number): PatchTarget {
  return statsOf(output)?.isBlockDevice() ? openDevice(output, size) : openPart(output);
}

/** The lock that everybody who writes to `output` takes, `silt fetch` as well. */
export function outputLockPath(output: string): string {
  if (!statsOf(output)?.isBlockDevice()) return `${resolve(output)}.silt-lock`;
  return join(tmpdir(), `silt-${sha256Hex(Buffer.from(realpathSync(output))).slice(0, 16)}.lock`);
}

/**
 * Refuses an output that cannot be one, before anything is done about it.
 *
 * @param inputs that are read, by what the user calls them
 * @param devices whether a block device will do
 * @throws SiltError TARGET_INVALID, USAGE when it is one of the inputs
 */
export function checkOutput(
  output: string,
  inputs: Readonly<Record<string, string>>,
  devices: boolean = true,
): void {
  const stats = statsOf(output);
  const parent = dirname(resolve(output));
  if (stats === undefined && statsOf(parent)?.isDirectory() !== true) {
    throw targetInvalid(output, `there is no directory ${parent}; create it first`);
  }
  if (stats !== undefined && !stats.isFile() && !(devices && stats.isBlockDevice())) {
    const expected = devices ? 'a file or a block device' : 'a file';
    throw targetInvalid(output, `expected ${expected} to write to, found something else`);
  }
  for (const [what, path] of Object.entries(inputs)) {
    if (resolve(path) === resolve(output) || isSameFile(stats, statsOf(path))) {
      throw new SiltError('USAGE', `${output} is ${what} itself; name another file to write to`, {
        details: { path: output },
      });
    }
  }
}

function isSameFile(a: Stats | undefined, b: Stats | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  // A device may have several names, each with an inode of its own.
  if (a.isBlockDevice() && b.isBlockDevice()) return a.rdev === b.rdev;
  return a.dev === b.dev && a.ino === b.ino;
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw ioError(error, 'look at', path);
  }
}

function targetInvalid(path: string, problem: string, details: Record<string, number> = {}): SiltError {
  return new SiltError('TARGET_INVALID', `${path}: ${problem}`, { details: { path, ...details } });
}

function openDevice(output: string, size: number): PatchTarget {
  const file = TargetFile.open(output, false);
  if (file.initialSize < size) {
    file.close();
    const problem = `the device has ${file.initialSize} bytes and the image ${size}; choose a larger one`;
    throw targetInvalid(output, problem, { expected: size, found: file.initialSize });
  }
  return {
    path: output,
    initialSize: file.initialSize,
    read: file.read,
    write: (at, bytes) => {
      file.write(at, bytes);
      return bytes.length;
    },
    complete: async () => file.sync(),
    discard: () => {},
    close: () => file.close(),
  };
}

function openPart(output: string): PatchTarget {
  const directory = `${resolve(output)}.silt-part`;
  const part = join(directory, 'image');
  try {
    mkdirSync(directory, { mode: 0o700, recursive: true });
  } catch (error) {
    throw ioError(error, 'create the directory', directory);
  }
  const file = TargetFile.open(part, true);
  let end = file.initialSize;
  const discard = (): void => rmSync(directory, { recursive: true, force: true });
  return {
    path: part,
    initialSize: end,
    read: file.read,
    write: (at, bytes) => {
      const hole = at >= end && isZero(bytes);
      if (hole) file.resize(at + bytes.length);
      else file.write(at, bytes);
      end = Math.max(end, at + bytes.length);
      return hole ? 0 : bytes.length;
    },
    complete: async (size) => {
      file.resize(size);
      file.sync();
      const replaced = statsOf(output);
      if (replaced !== undefined) chmodSync(part, replaced.mode & 0o777);
      await promote(part, output);
      discard();
      await syncDirectory(dirname(resolve(output)));
    },
    discard,
    close: () => {
      file.close();
      // Nothing was written that the next run could go on with.
      if (end === 0) discard();
    },
  };
}
