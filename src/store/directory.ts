/**
 * The Store over a directory: the key is the path. Objects appear whole, durably and readable by others, or
 * not at all; the directory can be served as it is by any web server. Symbolic links inside it are refused.
 *
 * Several processes may write at once. Immutable objects need no lock; replacing one takes `.silt-lock` in the
 * root of the repository for the few milliseconds it needs.
 *
 * @module
 */
import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { sha256Hex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import { createExclusive, makeDirectory, removeFile, replaceFile } from '../io/atomic.ts';
import { containedPath } from '../io/contained-path.ts';
import { ioError, systemCode } from '../io/io-error.ts';
import { withLock } from '../io/lock-file.ts';
import { type OpenFile, openRegularFile, readBlocks, readFully } from '../io/read-file.ts';
import { checkKey, checkRange, isKey, objectMissing, objectTooLarge, rangeOutside } from './key.ts';
import type {
  Body,
  ByteRange,
  CallOptions,
  Key,
  ObjectInfo,
  PutOptions,
  Store,
  StoredObject,
} from './store.ts';

export interface DirectoryStoreOptions {
  /** Create the directory when it is missing. Default false: a reader should hear of a mistyped path. */
  readonly create?: boolean;
  /** Longest wait for another process that replaces an object, in milliseconds. Default 10,000. */
  readonly lockWaitMs?: number;
}

/** Up to this size the validator is the digest of the bytes; beyond, of the file. Metadata is far smaller. */
const DIGEST_ETAG_BYTES = MiB;

const LOCK_NAME = '.silt-lock';

/**
 * The Store over the directory at `path`.
 *
 * @throws SiltError NOT_A_REPOSITORY when there is no such directory and `create` is not set; IO_FAILED
 */
export async function openDirectoryStore(path: string, options: DirectoryStoreOptions = {}): Promise<Store> {
  if (options.create) await makeDirectory(path);
  let root: string;
  try {
    // The dot makes a file fail with ENOTDIR.
    root = await realpath(`${path}/.`);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw ioError(error, 'open', path);
    const message = `expected a directory at ${resolve(path)}, but there is none`;
    throw new SiltError('NOT_A_REPOSITORY', message, { details: { path: resolve(path) }, cause: error });
  }
  return new DirectoryStore(path, root, options);
}

class DirectoryStore implements Store {
  readonly location: string;
  readonly #root: string;
  readonly #options: DirectoryStoreOptions;

  constructor(location: string, root: string, options: DirectoryStoreOptions) {
    this.location = location;
    this.#root = root;
    this.#options = options;
  }

  async get(
    key: Key,
    options: CallOptions & { readonly maxBytes: number },
  ): Promise<StoredObject | undefined> {
    return await this.#withFile(key, options, async (file, path) => {
      if (file.size > options.maxBytes) throw objectTooLarge(key, options.maxBytes, file.size);
      const bytes = new Uint8Array(file.size);
      await readFully(file.handle, path, bytes, 0);
      return { bytes, etag: etagOf(file, bytes) };
    });
  }

  async has(key: Key, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    return await this.#withFile(key, options, async (file, path) => {
      const { size, modified } = file;
      if (size > DIGEST_ETAG_BYTES) return { size, etag: file.version, modified };
      const bytes = new Uint8Array(size);
      await readFully(file.handle, path, bytes, 0);
      return { size, etag: etagOf(file, bytes), modified };
    });
  }

  async *getRange(key: Key, range: ByteRange, options: CallOptions = {}): AsyncGenerator<Uint8Array> {
    const path = await this.#locate(key, options);
    checkRange(key, range);
    const file = path === undefined ? undefined : await openRegularFile(path);
    if (path === undefined || file === undefined) throw objectMissing(key, this.location);
    try {
      if (range.offset + range.length > file.size) throw rangeOutside(key, range, file.size);
      yield* readBlocks(file.handle, path, range.offset, range.length, options.signal);
    } finally {
      await file.handle.close();
    }
  }

  async putIfAbsent(key: Key, body: Body, options: PutOptions = {}): Promise<'created' | 'exists'> {
    const path = await this.#locateForWriting(key, options);
    return await createExclusive(path, body instanceof Uint8Array ? body : copyOf(body, options.signal));
  }

  async putIfMatch(
    key: Key,
    bytes: Uint8Array,
    etag: string | undefined,
    options: PutOptions = {},
  ): Promise<string> {
    const path = await this.#locateForWriting(key, options);
    const lock = { waitMs: this.#options.lockWaitMs, signal: options.signal };
    return await withLock(join(this.#root, LOCK_NAME), lock, async () => {
      const found = (await this.has(key, options))?.etag;
      if (found !== etag) throw conflict(key, etag, found);
      await replaceFile(path, bytes);
      const written = await this.has(key);
      if (written?.etag === undefined) throw conflict(key, etag, undefined);
      return written.etag;
    });
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<{ key: Key; size: number }> {
    // Everything that begins with packs/ab lies in packs; what is no key begins no key.
    const directory = prefix.slice(0, Math.max(prefix.lastIndexOf('/'), 0));
    if (prefix.startsWith('/') || (directory !== '' && !isKey(directory))) return;
    yield* this.#walk(directory, prefix, options.signal);
  }

  async remove(key: Key, options: CallOptions = {}): Promise<void> {
    const path = await this.#locate(key, options);
    if (path !== undefined) await removeFile(path);
  }

  async close(): Promise<void> {}

  async #locate(key: Key, { signal }: CallOptions): Promise<string | undefined> {
    signal?.throwIfAborted();
    checkKey(key);
    return await containedPath(this.#root, key);
  }

  async #locateForWriting(key: Key, options: CallOptions): Promise<string> {
    const path = await this.#locate(key, options);
    if (path !== undefined) return path;
    // Part by part, so that nothing is made behind a link either.
    const parts = key.split('/').slice(0, -1);
    for (let count = 1; count <= parts.length; count += 1) {
      const child = [...parts.slice(0, count), 'any'].join('/');
      if ((await containedPath(this.#root, child)) === undefined) {
        await makeDirectory(dirname(join(this.#root, child)));
      }
    }
    return join(this.#root, key);
  }

  async #withFile<T>(
    key: Key,
    options: CallOptions,
    use: (file: OpenFile, path: string) => Promise<T>,
  ): Promise<T | undefined> {
    const path = await this.#locate(key, options);
    const file = path === undefined ? undefined : await openRegularFile(path);
    if (path === undefined || file === undefined) return undefined;
    try {
      return await use(file, path);
    } finally {
      await file.handle.close();
    }
  }

  async *#walk(
    directory: string,
    prefix: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ key: Key; size: number }> {
    signal?.throwIfAborted();
    for (const entry of await entriesOf(join(this.#root, directory))) {
      const key = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (!isKey(key)) continue;
      const leads = key.startsWith(prefix) || prefix.startsWith(`${key}/`);
      if (entry.isDirectory() && leads) yield* this.#walk(key, prefix, signal);
      if (!entry.isFile() || !key.startsWith(prefix)) continue;
      const stats = await statOf(join(this.#root, key));
      if (stats?.isFile()) yield { key, size: stats.size };
    }
  }
}

function etagOf(file: OpenFile, bytes: Uint8Array): string {
  return file.size > DIGEST_ETAG_BYTES ? file.version : sha256Hex(bytes);
}

async function* copyOf(
  body: { readonly path: string; readonly size: number },
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const file = await openRegularFile(body.path);
  if (file === undefined) {
    throw new SiltError('IO_FAILED', `expected a file to store at ${body.path}, but there is none`, {
      details: { path: body.path },
    });
  }
  try {
    yield* readBlocks(file.handle, body.path, 0, body.size, signal);
  } finally {
    await file.handle.close();
  }
}

function conflict(key: Key, expected: string | undefined, found: string | undefined): SiltError {
  const message = `somebody else changed ${key} meanwhile; read it again and repeat the change`;
  return new SiltError('CONFLICT', message, { details: { key, expected, found } });
}

async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw ioError(error, 'list', path);
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    // Removed since it was listed.
    if (systemCode(error) === 'ENOENT') return undefined;
    throw ioError(error, 'list', path);
  }
}
