/**
 * Images and seeds: regular files and block devices, read at random places. Reads are synchronous: they
 * are short, come from a local disk, and sit inside loops that cut and hash.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SiltError } from '../core/errors.ts';
import { ioError, systemCode } from './io-error.ts';

/** What a file was when it was looked at; another version means other bytes, most likely. */
export interface FileVersion {
  readonly size: number;
  /** Time of the last change, in nanoseconds as text, and the inode: `0` for both on a block device. */
  readonly changed: string;
  readonly inode: string;
}

export class SourceFile {
  readonly path: string;
  readonly size: number;
  readonly isBlockDevice: boolean;
  readonly #fd: number;

  private constructor(path: string, fd: number, size: number, isBlockDevice: boolean) {
    this.path = path;
    this.#fd = fd;
    this.size = size;
    this.isBlockDevice = isBlockDevice;
  }

  /**
   * Opens a regular file or a block device for reading; symbolic links are followed.
   *
   * @throws SiltError IO_FAILED: missing, unreadable, a directory, a pipe
   */
  static open(path: string): SourceFile {
    let fd: number;
    try {
      // Without O_NONBLOCK a pipe would keep us waiting for its writer.
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      throw ioError(error, 'open', path);
    }
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile() && !stats.isBlockDevice()) {
        const found = stats.isDirectory() ? 'a directory' : 'something else';
        throw new SiltError('IO_FAILED', `${path}: expected a file or a block device, found ${found}`, {
          details: { path },
        });
      }
      const size = stats.isFile() ? stats.size : blockDeviceSize(fd);
      return new SourceFile(path, fd, size, stats.isBlockDevice());
    } catch (error) {
      closeSync(fd);
      throw ioError(error, 'open', path);
    }
  }

  /** Reads at `at`; fewer bytes than asked for only at the end. @throws SiltError IO_FAILED */
  read = (at: number, into: Uint8Array): number => readFully(this.#fd, this.path, at, into);

  /** What the file is now; compare two of them to learn whether it changed in between. */
  version(): FileVersion {
    const stats = fstatSync(this.#fd, { bigint: true });
    if (this.isBlockDevice) return { size: this.size, changed: '0', inode: '0' };
    return { size: Number(stats.size), changed: `${stats.mtimeNs}`, inode: `${stats.ino}` };
  }

  close(): void {
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Fills `into` from `at`; fewer bytes only at the end of the file. @throws SiltError IO_FAILED */
export function readFully(fd: number, path: string, at: number, into: Uint8Array): number {
  let filled = 0;
  try {
    while (filled < into.length) {
      const count = readSync(fd, into, filled, into.length - filled, at + filled);
      if (count === 0) break;
      filled += count;
    }
  } catch (error) {
    throw ioError(error, 'read', path);
  }
  return filled;
}

/** True when both describe the same state of the same file. */
export function sameVersion(a: FileVersion, b: FileVersion): boolean {
  return a.size === b.size && a.changed === b.changed && a.inode === b.inode;
}

/**
 * Size of a block device in bytes. Node has no lseek(2), and stat gives 0; so look for the last byte that
 * can be read: some hundred reads at most, the same on every system.
 */
export function blockDeviceSize(fd: number): number {
  const probe = Buffer.alloc(1);
  const readable = (at: number): boolean => {
    try {
      return readSync(fd, probe, 0, 1, at) === 1;
    } catch (error) {
      if (systemCode(error) === 'EINVAL' || systemCode(error) === 'ENXIO') return false;
      throw error;
    }
  };
  if (!readable(0)) return 0;
  let inside = 0;
  let outside = 1;
  while (readable(outside)) {
    inside = outside;
    outside *= 2;
  }
  while (outside - inside > 1) {
    const middle = inside + Math.floor((outside - inside) / 2);
    if (readable(middle)) inside = middle;
    else outside = middle;
  }
  return outside;
}
