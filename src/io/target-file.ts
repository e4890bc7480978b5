/**
 * Where an image is written: a file or a block device, at random places, made durable by one call. When a
 * file is finished it gets its name by rename(2); the order is the one of `atomic.ts`.
 *
 * @module
 */
import { closeSync, constants, fstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { SiltError } from '../core/errors.ts';
import { syncDirectory } from './atomic.ts';
import { openSync, renameSync, syncSync, truncateSync, writeSync } from './disk.ts';
import { ioError, systemCode } from './io-error.ts';
import { blockDeviceSize, readFully } from './source-file.ts';

export class TargetFile {
  readonly path: string;
  readonly isBlockDevice: boolean;
  /** Bytes there were when it was opened. */
  readonly initialSize: number;
  readonly #fd: number;

  private constructor(path: string, fd: number, initialSize: number, isBlockDevice: boolean) {
    this.path = path;
    this.#fd = fd;
    this.initialSize = initialSize;
    this.isBlockDevice = isBlockDevice;
  }

  /**
   * Opens for reading and writing.
   *
   * @param create makes an empty file when there is none
   * @param options `shared` also takes a block device that is in use: one of which a part belongs to nobody
   *   else, beside partitions that are mounted
   * @throws SiltError TARGET_INVALID for anything but a file or a block device that is not in use, IO_FAILED, NO_SPACE
   */
  static open(path: string, create: boolean, options: { readonly shared?: boolean } = {}): TargetFile {
    const { O_RDWR, O_CREAT, O_EXCL, O_NONBLOCK } = constants;
    let fd: number;
    try {
      // On a block device O_EXCL asks that nobody has mounted it: open(2).
      const isBlockDevice = statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true;
      const exclusive = options.shared === true ? 0 : O_EXCL;
      const more = isBlockDevice ? exclusive : create ? O_CREAT : 0;
      fd = openSync(path, O_RDWR | O_NONBLOCK | more);
    } catch (error) {
      if (systemCode(error) !== 'EBUSY') throw ioError(error, 'open the target', path);
      throw new SiltError(
        'TARGET_INVALID',
        `${path} is in use: unmount it, or choose the slot nothing runs from`,
        {
          details: { path },
          cause: error,
        },
      );
    }
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile() && !stats.isBlockDevice()) {
        throw new SiltError('TARGET_INVALID', `${path}: expected a file or a block device as the target`, {
          details: { path },
        });
      }
      const size = stats.isFile() ? stats.size : blockDeviceSize(fd);
      return new TargetFile(path, fd, size, stats.isBlockDevice());
    } catch (error) {
      closeSync(fd);
      throw ioError(error, 'open the target', path);
    }
  }

  /** Reads at `at`; fewer bytes than asked for only at the end. */
  read = (at: number, into: Uint8Array): number => readFully(this.#fd, this.path, at, into);

  /** Writes all of `bytes` at `at`. @throws SiltError NO_SPACE, IO_FAILED */
  write(at: number, bytes: Uint8Array): void {
    try {
      writeSync(this.#fd, bytes, at);
    } catch (error) {
      throw ioError(error, 'write', this.path);
    }
  }

  /** Makes the file `size` bytes long; what is added reads as zeros and takes no space. */
  resize(size: number): void {
    try {
      truncateSync(this.#fd, size);
    } catch (error) {
      throw ioError(error, 'resize', this.path);
    }
  }

  /** Makes everything written so far durable. */
  sync(): void {
    try {
      syncSync(this.#fd);
    } catch (error) {
      throw ioError(error, 'sync', this.path);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Gives a finished, synced file its final name, durably, in place of what has that name now. */
export async function promote(path: string, name: string): Promise<void> {
  try {
    renameSync(path, name);
  } catch (error) {
    throw ioError(error, 'rename', path);
  }
  await syncDirectory(dirname(name));
}
