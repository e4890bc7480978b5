/**
 * Checks the objects of a repository: each manifest, each index from front to back, each pack down to the ids of its
 * chunks, each delta down to its payloads; in a store that can be listed also objects that nothing refers to. Of
 * sealed releases that cannot be opened, the digest of every object and no more.
 *
 * A sample reads manifests and the level 1 of every index, and of all that these name only some objects whole. What
 * it does not read it looks for in the listing, and asks for by itself only where that has it not, or in another size.
 * Where a pack has made place for a remnant, level 2 of all indexes is read to tell whether that has what they need.
 *
 * Memory: as many packs as are checked at a time, some 100 bytes a window of as many indexes and deltas, and 4 of
 * every window there is; some 200 bytes a pack and 8 for each index that names it; for remnants
 * what `prune/pack-usage.ts` says.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { toHex } from '../core/digest.ts';
import type { IndexHead } from '../format/index-head.ts';
import { parseRemnantKey } from '../format/remnant.ts';
import type { ReadStore } from '../store/store.ts';
import type { Releases } from '../trust/releases.ts';
import { chooseSample, type SampleSize } from './choose-sample.ts';
import type { PackUse } from './prune/pack-usage.ts';
import { type DeltaOf, type ImageOf, type PackOf, RepositoryCheck } from './repository-check.ts';
import {
  PARALLEL_CHECKS,
  type ReleaseName,
  type RepositoryReport,
  type VerifyRepositoryOptions,
} from './repository-report.ts';

export type { RepositoryReport } from './repository-report.ts';

/** Something that releases need. */
interface Needed<T> {
  readonly what: T;
  /** Those that name it: releases, as positions in the list of names; for a pack, digests of indexes. */
  readonly by: (number | string)[];
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
  const run = new Verification(store, releases, names, options);
  await run.manifests();
  const { sampleSeed = randomBytes(8).toString('hex'), sample } = options;
  const unreferenced = sample === undefined ? await run.everything() : await run.sample(sample, sampleSeed);
  const { check, images, packs, deltas } = run;
  return {
    releases: names.length,
    indexes: images.size,
    packs: packs.size + run.unnamedPacks,
    deltas: deltas.size,
    chunks: check.chunks,
    closed: check.closed,
    bytesRead: check.bytesRead,
    unreferenced,
    ...(sample && { sample: { objects: run.sampled, seed: sampleSeed } }),
    damaged: check.damaged
      .map((damage) => ({ ...damage, releases: run.releasesOf(damage.key) }))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
    seconds: (performance.now() - started) / 1000,
  };
}

class Verification {
  readonly check: RepositoryCheck;
  readonly images = new Map<string, Needed<ImageOf>>();
  readonly deltas = new Map<string, Needed<DeltaOf>>();
  readonly packs = new Map<string, Needed<PackOf>>();
  readonly #others = new Map<string, Needed<undefined>>();
  /** Packs of no release that were checked. */
  unnamedPacks = 0;
  sampled = 0;
  readonly #releases: Pick<Releases, 'find'>;
  readonly #names: readonly ReleaseName[];
  readonly #options: VerifyRepositoryOptions;
  readonly #windows = new Map<string, Uint32Array>();
  #usage: Promise<ReadonlyMap<string, PackUse> | undefined> | undefined;
  #done = 0;

  constructor(
    store: ReadStore,
    releases: Pick<Releases, 'find'>,
    names: readonly ReleaseName[],
    options: VerifyRepositoryOptions,
  ) {
    this.check = new RepositoryCheck(store, options.signal);
    this.#releases = releases;
    this.#names = names;
    this.#options = options;
  }

  /** Reads every manifest, and takes note of what it names. */
  async manifests(): Promise<void> {
    const { signal, contentKey } = this.#options;
    await this.#each([...this.#names.entries()], async ([at, { product, version }]) => {
      const label = `${product} ${version}`;
      need(this.#others, label, undefined, at);
      await this.check.guard(label, async () => {
        const manifest = await this.#releases.find(product, { version }, { signal });
        if (manifest.sealing !== undefined) {
          need(this.#others, `keys/${manifest.sealing.envelope.sha256}`, undefined, at);
          await this.check.envelope(manifest.sealing);
        }
        const key = await this.check.keyOf(manifest, contentKey);
        for (const image of manifest.images) {
          need(this.images, image.index.sha256, { image, key }, at);
          for (const delta of image.deltas ?? []) need(this.deltas, delta.sha256, { image, delta, key }, at);
        }
      });
    });
  }

  /** Checks every object; gives how many belong to no release. */
  async everything(): Promise<number> {
    await this.#each([...this.images.keys()], (name) => this.#index(name));
    await this.#each([...this.deltas.keys()], (name) => this.#delta(name));
    const stray = { packs: [] as string[], others: [] as string[] };
    const remnants: string[] = [];
    for await (const { kind, name } of this.check.listed()) {
      if (this.#isNamed(kind, name)) {
        if (parseRemnantKey(`${kind}/${name}`) !== undefined) remnants.push(`${kind}/${name}`);
        continue;
      }
      if (kind === 'packs') stray.packs.push(name);
      else stray.others.push(`${kind}/${name}`);
    }
    await this.#each([...this.packs.keys()], (name) => this.#pack(name));
    // Those that readers do not need yet; those that they need have been checked.
    await this.#each(remnants, async (key) => {
      const { packKey, number } = parseRemnantKey(key) as { packKey: string; number: number };
      await this.check.remnant(packKey, number, this.packs.get(packOf(key))?.what);
    });
    let others = 0;
    await this.#each(stray.packs, async (name) => {
      if (await this.check.unnamedPack(name)) this.unnamedPacks += 1;
      this.#progress();
    });
    await this.#each(stray.others, async (key) => {
      if (await this.check.isThere(key)) others += 1;
    });
    return this.unnamedPacks + others - this.check.nobodys;
  }

  /** Checks some objects whole and looks for the rest; gives how many the listing has of no release. */
  async sample(size: SampleSize, seed: string): Promise<number> {
    await this.#each([...this.images], async ([name, { what }]) => {
      this.#note(name, what, await this.check.head(what));
    });
    const rest = this.#sizes();
    const chosen = chooseSample([...rest.keys()], size, seed);
    this.sampled = chosen.size;
    for (const key of chosen) rest.delete(key);
    let stray = 0;
    for await (const { kind, name, size: found } of this.check.listed()) {
      const key = `${kind}/${name}`;
      if (rest.get(key) === found) rest.delete(key);
      if (!this.#isNamed(kind, name)) stray += 1;
    }
    await this.#each([...chosen], async (key) => {
      const [kind, name = ''] = key.split('/');
      if (kind === 'indexes') await this.#index(name);
      else if (kind === 'deltas') await this.#delta(name);
      else await this.#pack(name);
    });
    if (this.check.canList)
      await this.#each([...rest], ([key, expected]) => this.check.glance(key, expected));
    return stray;
  }

  /** The releases that need the object, as far as indexes could be read. */
  releasesOf(key: string): string[] {
    const [kind, name = ''] = key.split('/');
    const positions = new Set<number>();
    const add = (by: readonly (number | string)[] | undefined): void => {
      for (const one of by ?? []) {
        if (typeof one === 'number') positions.add(one);
        else add(this.images.get(one)?.by);
      }
    };
    if (kind === 'packs') add(this.packs.get(packOf(key))?.by);
    else if (kind === 'indexes') add(this.images.get(name)?.by);
    else if (kind === 'deltas') add(this.deltas.get(name)?.by);
    else add(this.#others.get(key)?.by);
    return [...positions].sort((a, b) => a - b).map((at) => labelOf(this.#names[at] as ReleaseName));
  }

  /** Every object that a manifest or an index names and of which nothing is known yet, with its size. */
  #sizes(): Map<string, number> {
    // An index whose level 1 cannot be read has been noted.
    const images = [...this.images].filter(
      ([name, { what }]) => what.key === 'closed' || this.#windows.has(name),
    );
    return new Map([
      ...images.map(([name, { what }]) => [`indexes/${name}`, what.image.index.size] as const),
      ...[...this.deltas].map(([name, { what }]) => [`deltas/${name}`, what.delta.size] as const),
      ...[...this.packs].map(([name, { what }]) => [`packs/${name}`, what.entry.size] as const),
    ]);
  }

  #isNamed(kind: string, name: string): boolean {
    if (kind === 'packs') return this.packs.has(packOf(`packs/${name}`));
    if (kind === 'indexes') return this.images.has(name);
    return kind === 'deltas' ? this.deltas.has(name) : this.check.isEnvelope(name);
  }

  async #index(name: string): Promise<void> {
    const { what } = this.images.get(name) as Needed<ImageOf>;
    const head = await this.check.index(what);
    if (!this.#windows.has(name)) this.#note(name, what, head);
    this.#progress();
  }

  #note(name: string, { key }: ImageOf, head: IndexHead | undefined): void {
    if (head === undefined) return;
    const packKey = key === 'closed' ? undefined : key;
    for (const entry of head.packs) need(this.packs, toHex(entry.digest), { entry, key: packKey }, name);
    this.#windows.set(
      name,
      Uint32Array.from(head.windows, ({ length }) => length),
    );
  }

  async #delta(name: string): Promise<void> {
    const { what } = this.deltas.get(name) as Needed<DeltaOf>;
    await this.check.delta(what, this.#windows.get(what.image.index.sha256));
    this.#progress();
  }

  async #pack(name: string): Promise<void> {
    const { what } = this.packs.get(name) as Needed<PackOf>;
    await this.check.pack(name, what, async () => (await this.#live())?.get(`packs/${name}`)?.live);
    this.#progress();
  }

  /** What all indexes need of packs, for packs that were made smaller; an index that is damaged is told by itself. */
  #live(): Promise<ReadonlyMap<string, PackUse> | undefined> {
    this.#usage ??= this.check.usage([...this.images.values()].map(({ what }) => what));
    return this.#usage;
  }

  #progress(): void {
    this.#done += 1;
    const all = this.images.size + this.packs.size + this.deltas.size;
    this.#options.onProgress?.(this.#done, this.sampled || Math.max(all, this.#done));
  }

  async #each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const queue = items.values();
    const worker = async (): Promise<void> => {
      for (const item of queue) await work(item);
    };
    const count = Math.min(this.#options.parallel ?? PARALLEL_CHECKS, items.length);
    await Promise.all(Array.from({ length: count }, worker));
  }
}

function need<T>(map: Map<string, Needed<T>>, name: string, what: T, by: number | string): void {
  const known = map.get(name);
  if (known === undefined) map.set(name, { what, by: [by] });
  else known.by.push(by);
}

/** The name of the pack, of the key of a pack or a remnant. */
function packOf(key: string): string {
  return (parseRemnantKey(key)?.packKey ?? key).slice('packs/'.length);
}

function labelOf({ product, version }: ReleaseName): string {
  return `${product} ${version}`;
}
