/**
 * A directory tree that is made from nothing, below a path that nobody reads yet, and becomes durable as a
 * whole. Every name is created and never opened: what is there already, be it a link, is an error. Files are
 * fsynced one by one; {@link NewTree.finish} gives the directories their modes and fsyncs them from the bottom up.
 *
 * @module
 */
import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './atomic.ts';
import {
  changeModeSync,
  createFile,
  linkFile,
  makeOneDirectory,
  makeSymlink,
  removeTreeSync,
  syncHandle,
  writeFully,
} from './disk.ts';
import { ioError, systemCode } from './io-error.ts';

export interface TreeOwner {
  readonly uid: number;
  readonly gid: number;
}

export class NewTree {
  readonly path: string;
  readonly #owner: TreeOwner | undefined;
  /** Relative path and mode, parents before what they hold. */
  readonly #directories: [relative: string, mode: number][] = [];

  private constructor(path: string, owner: TreeOwner | undefined) {
    this.path = path;
    this.#owner = owner;
  }

  /** Makes the directory `path`, which must not exist. @throws SiltError NO_SPACE, IO_FAILED */
  static async create(path: string, owner?: TreeOwner): Promise<NewTree> {
    const tree = new NewTree(path, owner);
    await tree.addDirectory('', 0o755);
    return tree;
  }

  /** A directory; `mode` counts from {@link finish} on, since it may forbid writing. */
  async addDirectory(relative: string, mode: number): Promise<void> {
    const path = join(this.path, relative);
    try {
      await makeOneDirectory(path);
      this.#directories.push([relative, mode]);
    } catch (error) {
      throw ioError(error, 'create the directory', path);
    }
  }

  /** Says the mode of a directory that was made before it was known. */
  setMode(relative: string, mode: number): void {
    const entry = this.#directories.find(([name]) => name === relative);
    if (entry !== undefined) entry[1] = mode;
  }

  /** An empty file, to be written to and closed with {@link NewFile.close}. */
  async addFile(relative: string, mode: number): Promise<NewFile> {
    const path = join(this.path, relative);
    try {
      const handle = await createFile(path, 0o600);
      return new NewFile(path, handle, mode, this.#owner);
    } catch (error) {
      throw ioError(error, 'create', path);
    }
  }

  async addSymlink(relative: string, target: string): Promise<void> {
    const path = join(this.path, relative);
    await makeSymlink(target, path).catch((error: unknown) => {
      throw ioError(error, 'make the symbolic link', path);
    });
  }

  /** A second name for a file of this tree. */
  async addHardLink(relative: string, existing: string): Promise<void> {
    const path = join(this.path, relative);
    await linkFile(join(this.path, existing), path).catch((error: unknown) => {
      throw ioError(error, 'link', path);
    });
  }

  /** Makes all names durable. The name of the tree itself is the business of who gives it its last one. */
  async finish(): Promise<void> {
    for (const [relative, mode] of this.#directories.toReversed()) {
      const path = join(this.path, relative);
      let handle: FileHandle | undefined;
      try {
        handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
        if (this.#owner !== undefined) await handle.chown(this.#owner.uid, this.#owner.gid);
        await handle.chmod(mode);
      } catch (error) {
        throw ioError(error, 'set the mode of', path);
      } finally {
        await handle?.close();
      }
      await syncDirectory(path);
    }
  }
}

/** A file of a tree while it is written. */
export class NewFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #mode: number;
  readonly #owner: TreeOwner | undefined;
  #size = 0;

  constructor(path: string, handle: FileHandle, mode: number, owner: TreeOwner | undefined) {
    this.#path = path;
    this.#handle = handle;
    this.#mode = mode;
    this.#owner = owner;
  }

  /** Appends all of `bytes`. @throws SiltError NO_SPACE, IO_FAILED */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await writeFully(this.#handle, bytes, this.#size);
      this.#size += bytes.length;
    } catch (error) {
      throw ioError(error, 'write', this.#path);
    }
  }

  /** Gives it mode and owner, and makes it durable. */
  async close(): Promise<void> {
    try {
      if (this.#owner !== undefined) await this.#handle.chown(this.#owner.uid, this.#owner.gid);
      await this.#handle.chmod(this.#mode);
      await syncHandle(this.#handle);
    } catch (error) {
      throw ioError(error, 'write', this.#path);
    } finally {
      await this.#handle.close();
    }
  }

  /** Closes it half written. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => {});
  }
}

/**
 * Removes `path` and all below it; nothing there is no error. Links are removed and not followed. Directories that
 * may not be written to are made writable first, as far as that is allowed.
 *
 * @throws SiltError IO_FAILED
 */
export async function removeTree(path: string): Promise<void> {
  try {
    try {
      removeTreeSync(path);
    } catch (error) {
      if (systemCode(error) !== 'EACCES' && systemCode(error) !== 'EPERM') throw error;
      await makeWritable(path);
      removeTreeSync(path);
    }
  } catch (error) {
    throw ioError(error, 'remove', path);
  }
}

async function makeWritable(directory: string): Promise<void> {
  changeModeSync(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(directory, entry.name));
  }
}
