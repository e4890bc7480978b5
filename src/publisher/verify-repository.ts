/**
 * Checks every object of a repository: each manifest, each index from front to back, each pack down to the
 * ids of its chunks, each delta down to its payloads; in a store that can be listed also objects that nothing
 * refers to.
 *
 * Memory: {@link PARALLEL} packs at a time, some 100 bytes a window of as many indexes and deltas, and 4 of
 * every window there is.
 *
 * @module
 */
import { createSha256, isHexDigest, sha256Hex, toHex } from '../core/digest.ts';
import { type ErrorCode, isSiltError, SiltError } from '../core/errors.ts';
import { type IndexHead, indexSize, type PackEntry } from '../format/index-head.ts';
import { MAX_PACK } from '../format/limits.ts';
import type { ManifestDelta, ManifestImage } from '../format/manifest.ts';
import { isStore } from '../store/is-store.ts';
import { readRange } from '../store/read-range.ts';
import type { ReadStore } from '../store/store.ts';
import type { Releases } from '../trust/releases.ts';
import { checkDelta } from './check-delta.ts';
import { readIndexHead } from './known-chunks.ts';
import { readLevel2 } from './read-level2.ts';
import { checkPackFrames, readPackFrames } from './read-pack.ts';

/** Objects checked at a time; at most 64 MiB each, 16 MiB as silt writes them. */
const PARALLEL = 4;

/** An object that is missing or not what it should be. */
export interface DamagedObject {
  readonly key: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface RepositoryReport {
  readonly releases: number;
  readonly indexes: number;
  readonly packs: number;
  readonly deltas: number;
  readonly chunks: number;
  /** Bytes of indexes, packs and deltas that were read. */
  readonly bytesRead: number;
  /** Indexes, packs and deltas of no release, as an interrupted publish leaves them: harmless, they will be used. */
  readonly unreferenced: number;
  readonly damaged: readonly DamagedObject[];
  readonly seconds: number;
}

/** Which releases there are. */
export interface ReleaseName {
  readonly product: string;
  readonly version: string;
}

export interface VerifyRepositoryOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((objectsDone: number, objectsTotal: number) => void) | undefined;
}

/**
 * Checks the repository behind `store`. Damage is reported, not thrown.
 *
 * @param names every release
 * @throws SiltError NETWORK and the like: what could not be checked
 */
export async function verifyRepository(
  store: ReadStore,
  releases: Pick<Releases, 'find'>,
  names: readonly ReleaseName[],
  options: VerifyRepositoryOptions = {},
): Promise<RepositoryReport> {
  const started = performance.now();
  const check = new RepositoryCheck(store, options.signal);
  const images = new Map<string, ManifestImage>();
  const deltas = new Map<string, DeltaOf>();
  await inParallel(names, ({ product, version }) =>
    check.guard(`${product} ${version}`, async () => {
      const { signal } = options;
      const manifest = await releases.find(product, { version }, { signal });
      for (const image of manifest.images) {
        images.set(image.index.sha256, image);
        for (const delta of image.deltas ?? []) deltas.set(delta.sha256, { image, delta });
      }
    }),
  );
  const packs = new Map<string, PackEntry | undefined>();
  const windows = new Map<string, Uint32Array>();
  let done = 0;
  const progress = (): void => options.onProgress?.(++done, images.size + packs.size + deltas.size);
  await inParallel([...images.values()], async (image) => {
    const head = await check.index(image);
    for (const pack of head?.packs ?? []) packs.set(toHex(pack.digest), pack);
    if (head !== undefined) windows.set(image.index.sha256, Uint32Array.from(head.windows, lengthOf));
    progress();
  });
  await inParallel([...deltas.values()], async (delta) => {
    await check.delta(delta, windows.get(delta.image.index.sha256));
    progress();
  });
  const unreferenced = await check.unreferenced(images, packs, deltas);
  for (const name of unreferenced.packs) packs.set(name, undefined);
  await inParallel([...packs], async ([name, entry]) => {
    await check.pack(name, entry);
    progress();
  });
  return {
    releases: names.length,
    indexes: images.size,
    packs: packs.size,
    deltas: deltas.size,
    chunks: check.chunks,
    bytesRead: check.bytesRead,
    unreferenced: unreferenced.packs.length + unreferenced.others,
    damaged: check.damaged.sort((a, b) => (a.key < b.key ? -1 : 1)),
    seconds: (performance.now() - started) / 1000,
  };
}

/** A delta, and the image that it makes. */
interface DeltaOf {
  readonly image: ManifestImage;
  readonly delta: ManifestDelta;
}

function lengthOf({ length }: { readonly length: number }): number {
  return length;
}

class RepositoryCheck {
  readonly damaged: DamagedObject[] = [];
  chunks = 0;
  bytesRead = 0;
  readonly #store: ReadStore;
  readonly #signal: AbortSignal | undefined;

  constructor(store: ReadStore, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#signal = signal;
  }

  /** Runs `work`; what is wrong with the object is noted, what keeps us from checking it is thrown. */
  async guard(key: string, work: () => Promise<void>): Promise<void> {
    this.#signal?.throwIfAborted();
    try {
      await work();
    } catch (error) {
      if (!isSiltError(error) || error.transient || error.code === 'INTERRUPTED') throw error;
      this.damaged.push({ key, code: error.code, message: error.message });
    }
  }

  /** Checks the index of an image; returns its level 1, if that can be read. */
  async index(image: ManifestImage): Promise<IndexHead | undefined> {
    const key = `indexes/${image.index.sha256}`;
    let found: IndexHead | undefined;
    await this.guard(key, async () => {
      const head = await readIndexHead(this.#store, image, this.#signal);
      found = head;
      const { size: headSize } = image.index.head;
      const digest = createSha256().update(await this.#read(key, 0, headSize));
      const read = async (offset: number, length: number): Promise<Uint8Array> => {
        const bytes = await this.#read(key, offset, length);
        digest.update(bytes);
        return bytes;
      };
      for await (const _ of readLevel2(head, read)) this.#signal?.throwIfAborted();
      await this.#requireSize(key, indexSize(head, headSize));
      requireEqual(key, 'digest', image.index.sha256, digest.digest('hex'));
      requireEqual(key, 'image digest', image.sha256, toHex(head.imageDigest));
    });
    return found;
  }

  /** Checks a delta. @param windows lengths of the image's windows, if its index can be read */
  async delta({ image, delta }: DeltaOf, windows: Uint32Array | undefined): Promise<void> {
    const key = `deltas/${delta.sha256}`;
    await this.guard(key, async () => {
      await this.#requireSize(key, delta.size);
      await checkDelta(image, delta, windows, (offset, length) => this.#read(key, offset, length));
    });
  }

  /** Checks a pack. @param entry what an index says of it, if one does */
  async pack(name: string, entry: PackEntry | undefined): Promise<void> {
    const key = `packs/${name}`;
    await this.guard(key, async () => {
      const size = await this.#requireSize(key, entry?.size);
      const bytes = await this.#read(key, 0, size);
      requireEqual(key, 'digest', name, sha256Hex(bytes));
      this.chunks += checkPackFrames(bytes, readPackFrames(bytes));
    });
  }

  /** Objects that the store holds and no release refers to. */
  async unreferenced(
    images: ReadonlyMap<string, unknown>,
    packs: ReadonlyMap<string, unknown>,
    deltas: ReadonlyMap<string, unknown>,
  ): Promise<{ readonly others: number; readonly packs: string[] }> {
    const found = { others: 0, packs: [] as string[] };
    if (!isStore(this.#store)) return found;
    const options = this.#signal === undefined ? {} : { signal: this.#signal };
    for (const [prefix, known] of Object.entries({ 'indexes/': images, 'deltas/': deltas })) {
      for await (const { key } of this.#store.list(prefix, options)) {
        if (!known.has(key.slice(prefix.length))) found.others += 1;
      }
    }
    for await (const { key } of this.#store.list('packs/', options)) {
      const name = key.slice('packs/'.length);
      if (isHexDigest(name) && !packs.has(name)) found.packs.push(name);
    }
    return found;
  }

  async #requireSize(key: string, expected: number | undefined): Promise<number> {
    const options = this.#signal === undefined ? {} : { signal: this.#signal };
    const found = (await this.#store.has(key, options))?.size;
    if (found === undefined) {
      throw new SiltError('OBJECT_MISSING', `${this.#store.location}: ${key} is missing`, {
        details: { key },
      });
    }
    if (expected !== undefined) requireEqual(key, 'size', expected, found);
    if (found > MAX_PACK && key.startsWith('packs/')) {
      throw new SiltError('FORMAT_INVALID', `${key}: expected at most ${MAX_PACK} bytes, found ${found}`);
    }
    return found;
  }

  async #read(key: string, offset: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array();
    this.bytesRead += length;
    return await readRange(this.#store, key, { offset, length }, { signal: this.#signal });
  }
}

function requireEqual(key: string, what: string, expected: string | number, found: string | number): void {
  if (expected === found) return;
  throw new SiltError('DIGEST_MISMATCH', `${key}: expected the ${what} ${expected}, found ${found}`, {
    details: { key, expected, found },
  });
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, worker));
}
