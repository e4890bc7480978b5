/**
 * Where a patched image is written. A file is built in `NEW.silt-part/`, grows in image order and takes its
 * name in one step when it is complete; a block device is written where it is, so it must be one that nothing
 * boots from meanwhile.
 *
 * @module
 */
import { type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { SiltError } from '../core/errors.ts';
import { ioError } from '../io/io-error.ts';
import { openPartFile } from '../io/part-file.ts';
import { TargetFile } from '../io/target-file.ts';

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
  const part = openPartFile(output);
  const { path, initialSize, read } = part.file;
  return {
    path,
    initialSize,
    read,
    write: part.write,
    complete: async (size) => {
      part.settle(size);
      await part.complete();
    },
    discard: part.discard,
    close: part.close,
  };
}
