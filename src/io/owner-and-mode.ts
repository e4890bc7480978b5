/**
 * Owner and permissions of a file, durable before the file gets the name by which it is found.
 *
 * @module
 */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync } from 'node:fs';
import { openSync, syncSync } from './disk.ts';
import { ioError } from './io-error.ts';
import type { TreeOwner } from './new-tree.ts';

/**
 * Sets them, and syncs the file. A symbolic link is not followed.
 *
 * @param owner left as it is where missing
 * @throws SiltError IO_FAILED
 */
export function setOwnerAndMode(path: string, owner: TreeOwner | undefined, mode: number): void {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const made = fstatSync(fd);
      // chown(2) may clear bits of the mode, so it comes first.
      if (owner !== undefined && (made.uid !== owner.uid || made.gid !== owner.gid)) {
        fchownSync(fd, owner.uid, owner.gid);
      }
      fchmodSync(fd, mode);
      syncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw ioError(error, 'set mode and owner of', path);
  }
}
