/**
 * Unpacks a tar file into a new directory, strictly: what {@link ArchiveTree} refuses, devices, pipes and
 * everything beyond the caps ends it. Permissions are kept, but for set-user-id, set-group-id and the sticky
 * bit; owners come from the settings and times are those of unpacking. All of it is durable at the end.
 *
 * @module
 */
import type { ReadEntry } from 'tar';
import { SiltError } from '../../core/errors.ts';
import { GiB } from '../../core/sizes.ts';
import { type NewFile, NewTree, type TreeOwner } from '../../io/new-tree.ts';
import { ArchiveTree, type Placed } from './archive-tree.ts';
import { readTar } from './tar-entries.ts';

export interface UnpackLimits {
  /** Files, directories and links together; each costs some 200 bytes of memory. Default 100 000. */
  readonly maxEntries?: number | undefined;
  /** Bytes of the archive, decompressed. Default 8 GiB. */
  readonly maxBytes?: number | undefined;
}

export interface UnpackOptions extends UnpackLimits {
  readonly owner?: TreeOwner | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks `archive` into `directory`, which must not exist. After an error what has been made is left there.
 *
 * @throws SiltError INSTALL_FAILED, NO_SPACE, IO_FAILED; the reason of the signal
 */
export async function unpackTar(
  archive: string,
  directory: string,
  options: UnpackOptions = {},
): Promise<void> {
  const { maxEntries = 100_000, maxBytes = 8 * GiB, signal } = options;
  const tree = await NewTree.create(directory, options.owner);
  const model = new ArchiveTree();
  let entries = 0;
  let file: NewFile | undefined;
  const makeParents = async ({ parents }: Placed): Promise<void> => {
    entries += parents.length;
    requireFew(entries, maxEntries);
    for (const parent of parents) await tree.addDirectory(parent, 0o755);
  };
  const begin = async (entry: ReadEntry): Promise<void> => {
    const { path: name, linkpath = '' } = entry;
    const mode = (entry.mode ?? 0o644) & 0o777;
    switch (entry.type) {
      case 'File':
      case 'OldFile':
      case 'ContiguousFile': {
        requireSize(name, entry.size, maxBytes);
        const placed = model.addFile(name);
        await makeParents(placed);
        file = await tree.addFile(placed.path, mode);
        return;
      }
      case 'Directory': {
        const placed = model.addDirectory(name);
        await makeParents(placed);
        if (placed.isThere) tree.setMode(placed.path, mode);
        else await tree.addDirectory(placed.path, mode);
        return;
      }
      case 'SymbolicLink': {
        const placed = model.addSymlink(name, linkpath);
        await makeParents(placed);
        await tree.addSymlink(placed.path, linkpath);
        return;
      }
      case 'Link': {
        const placed = model.addHardLink(name, linkpath);
        await makeParents(placed);
        await tree.addHardLink(placed.path, placed.existing);
        return;
      }
      default:
        throw refused(name, `it is a ${entry.type}, and only files, directories and links are taken`);
    }
  };
  try {
    for await (const event of readTar(archive, maxBytes)) {
      signal?.throwIfAborted();
      if (event.kind === 'entry') {
        requireFew(++entries, maxEntries);
        await begin(event.entry);
      } else if (event.kind === 'data') {
        await file?.write(event.bytes);
      } else {
        const done = file;
        file = undefined;
        await done?.close();
      }
    }
    model.checkLinks();
    await tree.finish();
  } finally {
    await file?.abandon();
  }
}

function requireFew(entries: number, limit: number): void {
  if (entries <= limit) return;
  const message = `expected at most ${limit} entries in the archive, found more; publish fewer, or raise the limit`;
  throw new SiltError('INSTALL_FAILED', message, { details: { expected: limit } });
}

/** What cannot fit is refused by its header, before any of it is written. */
function requireSize(name: string, size: number, limit: number): void {
  if (Number.isSafeInteger(size) && size >= 0 && size <= limit) return;
  throw refused(name, `its header claims ${size} bytes, and at most ${limit} are taken`);
}

function refused(name: string, why: string): SiltError {
  const shown = JSON.stringify(name.slice(0, 100));
  const message = `the archive has an entry ${shown} that is refused: ${why}; make the archive anew without it`;
  return new SiltError('INSTALL_FAILED', message, { details: { entry: name.slice(0, 200) } });
}
