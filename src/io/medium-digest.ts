/**
 * The digest of what a disk holds, and not of what the kernel remembers of it: reads go by O_DIRECT, past the
 * page cache, from a descriptor opened for that alone. So it proves that the bytes went to the device and that
 * the device gives them back now; what sits in a cache of the disk itself it cannot see past. Where a file
 * system has no O_DIRECT, as some in memory, the reads are ordinary ones and `direct` is false: that proves
 * no more than that what was written is what was meant.
 *
 * @module
 */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync } from 'node:fs';
import { createSha256 } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import { ioError, systemCode } from './io-error.ts';
import { blockDeviceSize, readFully } from './source-file.ts';

const BLOCK = MiB;

export interface MediumDigest {
  /** Bytes of the file or the device, which may be more than were asked for. */
  readonly size: number;
  /** SHA-256 of the first bytes, as many as were asked for and are there; hexadecimal. */
  readonly sha256: string;
  /** Whether every byte came past the page cache. */
  readonly direct: boolean;
}

export interface MediumDigestOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
}

/**
 * Reads the first `length` bytes of a file or a block device back, after an fsync.
 *
 * @throws SiltError IO_FAILED; the reason of the signal
 */
export async function digestOnMedium(
  path: string,
  length: number,
  options: MediumDigestOptions = {},
): Promise<MediumDigest> {
  let reader = openReader(path, true);
  try {
    const { size } = reader;
    const wanted = Math.min(length, size);
    const buffer = alignedBuffer();
    const hash = createSha256();
    for (let at = 0; at < wanted; ) {
      options.signal?.throwIfAborted();
      let count: number;
      try {
        count = reader.direct
          ? readSync(reader.fd, buffer, 0, BLOCK, at)
          : readFully(reader.fd, path, at, buffer);
      } catch (error) {
        if (!reader.direct || systemCode(error) !== 'EINVAL') throw ioError(error, 'read', path);
        // Accepted by open(2), refused here: a file system that wants another alignment.
        closeSync(reader.fd);
        reader = openReader(path, false);
        continue;
      }
      if (count === 0) break;
      const used = Math.min(count, wanted - at);
      hash.update(buffer.subarray(0, used));
      at += used;
      if (reader.direct && at < wanted && used % 4096 !== 0) {
        // A short read in the middle; the next place would not be aligned.
        closeSync(reader.fd);
        reader = openReader(path, false);
      }
      options.onProgress?.(at, wanted);
      await new Promise(setImmediate);
    }
    return { size, sha256: hash.digest('hex'), direct: reader.direct };
  } finally {
    closeSync(reader.fd);
  }
}

function openReader(path: string, direct: boolean): { fd: number; size: number; direct: boolean } {
  const { O_RDONLY, O_NONBLOCK } = constants;
  // Linux alone has it.
  const flag = direct ? ((constants as Partial<typeof constants>).O_DIRECT ?? 0) : 0;
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK | flag);
  } catch (error) {
    if (flag !== 0 && systemCode(error) === 'EINVAL') return openReader(path, false);
    throw ioError(error, 'open', path);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() && !stats.isBlockDevice()) {
      const message = `expected ${path} to be a file or a block device, found something else; name one of these`;
      throw new SiltError('IO_FAILED', message, { details: { path } });
    }
    fsyncSync(fd);
    return { fd, size: stats.isFile() ? stats.size : sizeOfDevice(path), direct: flag !== 0 };
  } catch (error) {
    closeSync(fd);
    throw ioError(error, 'read', path);
  }
}

/** The size is found by reads of one byte, which O_DIRECT does not do. */
function sizeOfDevice(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return blockDeviceSize(fd);
  } finally {
    closeSync(fd);
  }
}

/** O_DIRECT reads into aligned memory only, and of all memory that Node gives this alone is sure to be. */
function alignedBuffer(): Uint8Array {
  type MemoryMaker = new (pages: { readonly initial: number }) => WebAssembly.Memory;
  const Memory = WebAssembly.Memory as unknown as MemoryMaker;
  return new Uint8Array(new Memory({ initial: BLOCK / 65_536 }).buffer);
}
