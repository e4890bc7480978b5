/**
 * Checks every object of a repository: each manifest, each index from front to back, each pack down to the
 * ids of its chunks, each delta down to its payloads; in a store that can be listed also objects that nothing
 * refers to. Of sealed releases that cannot be opened, the digest of every object and no more.
 *
 * Memory: {@link PARALLEL} packs at a time, some 100 bytes a window of as many indexes and deltas, and 4 of
 * every window there is.
 *
 * @module
 */
import { toHex } from '../core/digest.ts';
import type { ReadStore } from '../store/store.ts';
import type { Releases } from '../trust/releases.ts';
import type { OpenContentKey } from '../trust/seal/content-key.ts';
import {
  type DamagedObject,
  type DeltaOf,
  type ImageOf,
  type PackOf,
  RepositoryCheck,
} from './repository-check.ts';

export type { DamagedObject } from './repository-check.ts';

/** Objects checked at a time; at most 64 MiB each, 16 MiB as silt writes them. */
const PARALLEL = 4;

export interface RepositoryReport {
  readonly releases: number;
  readonly indexes: number;
  readonly packs: number;
  readonly deltas: number;
  readonly chunks: number;
  /** Sealed objects that could not be opened: only their digests were compared. */
  readonly closed: number;
  /** Bytes of indexes, packs and deltas that were read. */
  readonly bytesRead: number;
  /**
   * Indexes, packs and deltas of no release, as an interrupted publish leaves them: harmless, they will be used.
   * Sealed packs count only where every release could be opened, since no other index tells whose they are.
   */
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
  /** Opens sealed releases; what it does not open is compared with its digests only. */
  readonly contentKey?: OpenContentKey | undefined;
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
  const images = new Map<string, ImageOf>();
  const deltas = new Map<string, DeltaOf>();
  await inParallel(names, ({ product, version }) =>
    check.guard(`${product} ${version}`, async () => {
      const { signal } = options;
      const manifest = await releases.find(product, { version }, { signal });
      if (manifest.sealing !== undefined) await check.envelope(manifest.sealing);
      const key = await check.keyOf(manifest, options.contentKey);
      for (const image of manifest.images) {
        images.set(image.index.sha256, { image, key });
        for (const delta of image.deltas ?? []) deltas.set(delta.sha256, { image, delta, key });
      }
    }),
  );
  const packs = new Map<string, PackOf | undefined>();
  const windows = new Map<string, Uint32Array>();
  let done = 0;
  const progress = (): void => options.onProgress?.(++done, images.size + packs.size + deltas.size);
  await inParallel([...images.values()], async (each) => {
    const head = await check.index(each);
    const key = each.key === 'closed' ? undefined : each.key;
    for (const entry of head?.packs ?? []) packs.set(toHex(entry.digest), { entry, key });
    if (head !== undefined) windows.set(each.image.index.sha256, Uint32Array.from(head.windows, lengthOf));
    progress();
  });
  await inParallel([...deltas.values()], async (delta) => {
    await check.delta(delta, windows.get(delta.image.index.sha256));
    progress();
  });
  const unreferenced = await check.unreferenced(images, packs, deltas);
  for (const name of unreferenced.packs) packs.set(name, undefined);
  await inParallel([...packs], async ([name, pack]) => {
    await check.pack(name, pack);
    progress();
  });
  return {
    releases: names.length,
    indexes: images.size,
    packs: packs.size,
    deltas: deltas.size,
    chunks: check.chunks,
    closed: check.closed,
    bytesRead: check.bytesRead,
    unreferenced: unreferenced.packs.length + unreferenced.others - check.nobodys,
    damaged: check.damaged.sort((a, b) => (a.key < b.key ? -1 : 1)),
    seconds: (performance.now() - started) / 1000,
  };
}

function lengthOf({ length }: { readonly length: number }): number {
  return length;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, worker));
}
