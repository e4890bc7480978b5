/**
 * An output file under construction, and who may write to an output: what `silt fetch` and `silt delta patch`
 * have in common, so that they keep out of each other's way and go on where a kill has stopped them.
 *
 * A file is built in `OUTPUT.silt-part/`, grows in image order, and takes its name in one step.
 *
 * @module
 */
import { realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isZero } from '../core/bytes.ts';
import { sha256Hex } from '../core/digest.ts';
import { syncDirectory } from './atomic.ts';
import { changeModeSync, makeDirectorySync, removeTreeSync } from './disk.ts';
import { ioError } from './io-error.ts';
import { promote, TargetFile } from './target-file.ts';

/** Where the file at `output` is built. */
export function partDirectory(output: string): string {
  return `${resolve(output)}.silt-part`;
}

/** The file under construction in it. */
export function partPath(output: string): string {
  return join(partDirectory(output), 'image');
}

/** A short name for an existing file or device, the same by every path to it. */
export function shortName(output: string): string {
  return sha256Hex(Buffer.from(realpathSync(output))).slice(0, 16);
}

/** Lock file of an output: beside a file, and in the temporary directory for a device. */
export function outputLockPath(output: string): string {
  const isDevice = statSync(output, { throwIfNoEntry: false })?.isBlockDevice() === true;
  return isDevice ? join(tmpdir(), `silt-${shortName(output)}.lock`) : `${resolve(output)}.silt-lock`;
}

export interface PartFile {
  readonly directory: string;
  readonly file: TargetFile;
  /** Writes bytes; those behind the end that are all zero become a hole. @returns bytes written, 0 for a hole */
  write(at: number, bytes: Uint8Array): number;
  /** Makes everything durable, in its final length. */
  settle(size: number): void;
  /** Gives a complete, settled and verified image its name, with the mode of the file that it replaces. */
  complete(): Promise<void>;
  /** Removes what was begun. */
  discard(): void;
  /** Closes the file; what was written stays for the next run. */
  close(): void;
}

/**
 * Opens the file under construction for `output`, with its lock held.
 *
 * @throws SiltError IO_FAILED
 */
export function openPartFile(output: string): PartFile {
  const directory = partDirectory(output);
  try {
    makeDirectorySync(directory, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw ioError(error, 'create the directory', directory);
  }
  const part = partPath(output);
  // A cut may have kept the new name and the old one of the last image: to go on here would be to write into
  // the output.
  if ((statSync(part, { throwIfNoEntry: false })?.nlink ?? 0) > 1) removeTreeSync(part);
  const file = TargetFile.open(part, true);
  let end = file.initialSize;
  const discard = (): void => removeTreeSync(directory);
  return {
    directory,
    file,
    write(at, bytes) {
      const hole = at >= end && isZero(bytes);
      // The length says how far the image has grown.
      if (hole) file.resize(at + bytes.length);
      else file.write(at, bytes);
      end = Math.max(end, at + bytes.length);
      return hole ? 0 : bytes.length;
    },
    settle(size) {
      file.resize(size);
      file.sync();
    },
    async complete() {
      const replaced = statSync(output, { throwIfNoEntry: false });
      if (replaced !== undefined) changeModeSync(part, replaced.mode & 0o777);
      await promote(part, output);
      discard();
      await syncDirectory(dirname(resolve(output)));
    },
    discard,
    close() {
      file.close();
      // Refused before anything was written, as for a budget: nothing is left to go on with.
      if (end === 0) discard();
    },
  };
}
