/**
 * What a device keeps of a repository's metadata: two copies of each file, `<name>.a` and `<name>.b`, written
 * one after the other and each at once, so that a power cut at any moment leaves a whole one. What cannot be
 * read counts as not kept: the client verifies every byte again, and can do without.
 *
 * @module
 */
import { join } from 'node:path';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { MiB } from '../../core/sizes.ts';
import { makeDirectory, removeFile, replaceFile } from '../../io/atomic.ts';
import { openRegularFile, readFully } from '../../io/read-file.ts';
import { sweepTemporaries } from '../../io/temporary-name.ts';
import type { MetadataState } from './metadata-state.ts';

/** No metadata is larger; what is, was not written here. */
const MAX_FILE = 8 * MiB;

const COPIES = ['a', 'b'] as const;

/** Names become file names: no separators, no leading dot. */
const NAME = /^[A-Za-z0-9_%][A-Za-z0-9._%~+-]{0,199}$/;

/**
 * The state in `directory`, which is made when something is first kept.
 *
 * Reading throws IO_FAILED where the system does not let us read; a damaged disk is no reason. Writing throws
 * NO_SPACE or IO_FAILED.
 */
export async function openDeviceState(directory: string): Promise<MetadataState> {
  const paths = (name: string): string[] => {
    if (!NAME.test(name))
      throw new SiltError('INTERNAL', `expected the name of a state file, found "${name}"`);
    return COPIES.map((copy) => join(directory, `${name}.${copy}`));
  };
  await sweepTemporaries(directory);
  let isMade = false;
  return {
    async read(name) {
      const copies: Uint8Array[] = [];
      for (const path of paths(name)) {
        const bytes = await readCopy(path);
        if (bytes !== undefined) copies.push(bytes);
      }
      return copies;
    },
    async write(name, bytes) {
      if (!isMade) await makeDirectory(directory, { again: true });
      isMade = true;
      for (const path of paths(name)) {
        const before = await readCopy(path);
        // Flash wears out, and every write is a wait for the disk.
        if (before === undefined || !Buffer.from(bytes).equals(before)) await replaceFile(path, bytes);
      }
    },
    async remove(name) {
      // The older copy first: were it the one that stays, it would count as the newest.
      for (const path of paths(name).reverse()) await removeFile(path);
    },
  };
}

async function readCopy(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await openRegularFile(path);
    if (file === undefined) return undefined;
    try {
      if (file.size > MAX_FILE) return undefined;
      const bytes = new Uint8Array(file.size);
      await readFully(file.handle, path, bytes, 0);
      return bytes;
    } finally {
      await file.handle.close();
    }
  } catch (error) {
    // A link in its place, a bad sector: the other copy may do.
    const damaged =
      isSiltError(error, 'STORE_REFUSED') || (isSiltError(error) && error.details.systemError === 'EIO');
    if (damaged) return undefined;
    throw error;
  }
}
