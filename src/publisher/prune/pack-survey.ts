/**
 * Finds out which packs have remnants, and how every pack stands for a set of releases. Nothing is read of packs of
 * which nobody could wish to know it: without remnants, and without repacking, one more listing is all it takes.
 *
 * Memory: what `pack-usage.ts` says, and up to some 20 KiB a remnant.
 *
 * @module
 */
import { toHex } from '../../core/digest.ts';
import { type ErrorCode, isSiltError } from '../../core/errors.ts';
import { inOrder } from '../../core/in-order.ts';
import {
  decodeRemnantHead,
  parseRemnantKey,
  REMNANT_HEAD_BYTES,
  type RemnantHead,
  remnantKey,
} from '../../format/remnant.ts';
import { readRange } from '../../store/read-range.ts';
import type { Key, Store } from '../../store/store.ts';
import type { MarkedImage, MarkedRelease } from './marked-releases.ts';
import { type PackStanding, standIn } from './pack-standing.ts';
import { type PackUse, packUsage } from './pack-usage.ts';

/** Heads of remnants read at a time. */
const PARALLEL = 8;

/** A remnant of which the head is not what it must be: then nothing of its pack is touched. */
const DAMAGED: readonly ErrorCode[] = [
  'FORMAT_INVALID',
  'FORMAT_UNSUPPORTED',
  'DIGEST_MISMATCH',
  'RANGE_INVALID',
];

/** How packs stand, by their keys. A pack that is not among them is whole, and has no remnant that was listed. */
export type PackStandings = Map<Key, PackStanding>;

export class PackSurvey {
  readonly #store: Store;
  readonly #isForAll: boolean;
  readonly #signal: AbortSignal | undefined;
  /** Numbers of the remnants that were listed. */
  readonly #listed = new Map<Key, number[]>();
  readonly #heads = new Map<Key, RemnantHead | 'damaged' | 'gone'>();
  /** What was measured last, by the indexes that it was measured for. */
  #last: { readonly of: string; readonly usage: Map<Key, PackUse> } | undefined;

  /** @param isForAll tells of every pack how it stands, also of those without remnants */
  constructor(store: Store, isForAll: boolean, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#isForAll = isForAll;
    this.#signal = signal;
  }

  /** Looks which remnants there are. A listing may be old: what it shows is asked for before it counts. */
  async list(): Promise<void> {
    for await (const { key } of this.#store.list('packs/', this.#signal && { signal: this.#signal })) {
      const remnant = parseRemnantKey(key);
      if (remnant === undefined) continue;
      const numbers = this.#listed.get(remnant.packKey) ?? [];
      if (!numbers.includes(remnant.number)) numbers.push(remnant.number);
      this.#listed.set(remnant.packKey, numbers.sort());
    }
  }

  /**
   * How packs stand that `kept` need, and that have remnants or might get some.
   *
   * @param also releases that stand beside them for now: a pack stands in what has all that these need of it too
   * @throws SiltError what reading a damaged index throws, store errors
   */
  async standings(
    kept: readonly MarkedRelease[],
    also: readonly MarkedRelease[] = [],
  ): Promise<PackStandings> {
    const images = imagesOf(kept);
    const others = new Map([...imagesOf(also)].filter(([name]) => !images.has(name)));
    const usage = await this.#usage(images);
    const hasRemnants = (pack: Key): boolean => this.#listed.has(pack);
    const beside = await this.#measure(others.values(), hasRemnants);
    const isPartial = [...kept, ...also].some(({ isClosed }) => isClosed);
    const standings: PackStandings = new Map();
    const all = new Map([...beside, ...usage]);
    for await (const standing of inOrder(all, PARALLEL, async ([packKey, use]): Promise<PackStanding> => {
      const needs = [usage.get(packKey), beside.get(packKey)].filter((each) => each !== undefined);
      const remnants = await this.#remnants(packKey);
      // A sealed release that cannot be opened may need any frame of a sealed pack.
      const isUnknown = remnants === 'damaged' || (isPartial && use.key !== undefined);
      return {
        packKey,
        use,
        remnants: remnants === 'damaged' ? new Map() : remnants,
        inUse: isUnknown ? undefined : standIn(remnants, needs),
      };
    })) {
      standings.set(standing.packKey, standing);
    }
    return standings;
  }

  async #usage(images: ReadonlyMap<string, MarkedImage>): Promise<Map<Key, PackUse>> {
    const of = [...images.keys()].sort().join();
    if (this.#last?.of === of) return this.#last.usage;
    const wanted = (pack: Key): boolean => this.#isForAll || this.#listed.has(pack);
    const usage = await this.#measure(images.values(), wanted);
    this.#last = { of, usage };
    return usage;
  }

  async #measure(images: Iterable<MarkedImage>, wanted: (pack: Key) => boolean): Promise<Map<Key, PackUse>> {
    const touching = [...images].filter(({ packs }) => packs.some(wanted));
    return await packUsage(this.#store, touching, { wanted, signal: this.#signal });
  }

  async #remnants(packKey: Key): Promise<Map<number, RemnantHead> | 'damaged'> {
    const found = new Map<number, RemnantHead>();
    for (const number of this.#listed.get(packKey) ?? []) {
      const head = await this.#head(packKey, remnantKey(packKey, number));
      if (head === 'damaged') return 'damaged';
      if (head !== 'gone') found.set(number, head);
    }
    return found;
  }

  async #head(packKey: Key, key: Key): Promise<RemnantHead | 'damaged' | 'gone'> {
    const known = this.#heads.get(key) ?? (await readRemnantHead(this.#store, packKey, key, this.#signal));
    this.#heads.set(key, known);
    return known;
  }
}

/** The head of the remnant at `key`. @throws SiltError store errors */
export async function readRemnantHead(
  store: Store,
  packKey: Key,
  key: Key,
  signal: AbortSignal | undefined,
): Promise<RemnantHead | 'damaged' | 'gone'> {
  try {
    const head = decodeRemnantHead(
      await readRange(store, key, { offset: 0, length: REMNANT_HEAD_BYTES }, { signal }),
    );
    return `packs/${toHex(head.pack)}` === packKey ? head : 'damaged';
  } catch (error) {
    if (isSiltError(error, 'OBJECT_MISSING')) return 'gone';
    if (isSiltError(error) && DAMAGED.includes(error.code)) return 'damaged';
    throw error;
  }
}

/** Each image once, by the digest of its index. */
function imagesOf(releases: readonly MarkedRelease[]): Map<string, MarkedImage> {
  const all = releases.flatMap(({ images }) => images);
  return new Map(all.map((image) => [image.index.sha256, image]));
}
