/**
 * Checks packs of a repository, whole ones and what is left of those that were made smaller.
 *
 * @module
 */
import { sha256Hex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import type { PackEntry } from '../format/index-head.ts';
import { MAX_PACK, MAX_REMNANTS } from '../format/limits.ts';
import type { ManifestImage } from '../format/manifest.ts';
import {
  isPackKey,
  parseRemnantKey,
  REMNANT_HEAD_BYTES,
  type RemnantHead,
  remnantKey,
} from '../format/remnant.ts';
import { isSealedPack } from '../format/sealed-front.ts';
import type { ContentKey } from '../trust/seal/content-key.ts';
import { checkRemnant } from './check-remnant.ts';
import { ObjectCheck, requireEqual } from './object-check.ts';
import { ByteRanges } from './prune/byte-ranges.ts';
import { type PackUse, packUsage } from './prune/pack-usage.ts';
import { checkPackFrames, readPackFrames } from './read-pack.ts';

/** The content key of a release: none when it is not sealed, `closed` when it cannot be had. */
export type ReleaseKey = ContentKey | undefined | 'closed';

export interface ImageOf {
  readonly image: ManifestImage;
  readonly key: ReleaseKey;
}

/** A pack, as an index that could be opened describes it. */
export interface PackOf {
  readonly entry: PackEntry;
  readonly key: ContentKey | undefined;
}

export class PackCheck extends ObjectCheck {
  chunks = 0;
  closed = 0;
  /** Sealed packs that no index names which could be opened; they may well be of a release. */
  nobodys = 0;
  /** Some release could not be opened. */
  protected isPartial = false;
  /** Keys of the remnants that have been looked at. */
  readonly #remnants = new Set<string>();

  /**
   * Checks a pack that an index names; where it has made place for a remnant, that this has all that is in use.
   *
   * @param live the bytes of the pack that any index names; `undefined` when that cannot be told
   */
  async pack(name: string, pack: PackOf, live: () => Promise<ByteRanges | undefined>): Promise<void> {
    const key = `packs/${name}`;
    await this.guard(key, async () => {
      if ((await this.sizeOf(key)) !== undefined) return await this.#wholePack(key, name, pack);
      const number = await this.#firstRemnant(key);
      if (number === undefined) throw this.missing(key);
      const head = await this.remnant(key, number, pack);
      if (head === undefined) return;
      const left = new ByteRanges(head.ranges);
      const lost = (await live())?.list().find((range) => !left.has(range));
      if (lost === undefined) return;
      throw new SiltError(
        'OBJECT_MISSING',
        `${this.store.location}: ${key} is missing, and ${remnantKey(key, number)} has not all of the ${lost.length} bytes at ${lost.offset}, which releases need`,
        { details: { key, ...lost } },
      );
    });
  }

  /**
   * Checks a remnant, once.
   *
   * @param pack as an index describes it, `undefined` where none does
   * @returns its head; `undefined` when it is damaged, was checked before, or is not there
   */
  async remnant(packKey: string, number: number, pack: PackOf | undefined): Promise<RemnantHead | undefined> {
    const key = remnantKey(packKey, number);
    if (this.#remnants.has(key)) return undefined;
    this.#remnants.add(key);
    let found: RemnantHead | undefined;
    await this.guard(key, async () => {
      const size = await this.sizeOf(key);
      if (size === undefined) return;
      const most = MAX_PACK + REMNANT_HEAD_BYTES;
      if (size > most) {
        throw new SiltError('FORMAT_INVALID', `${key}: expected at most ${most} bytes, found ${size}`);
      }
      const { head, chunks } = checkRemnant(packKey, key, await this.read(key, 0, size), pack);
      found = head;
      this.chunks += chunks ?? 0;
      if (chunks === undefined) this.#closedPack();
    });
    return found;
  }

  /** What the images need of packs, as far as they can be opened; `undefined` where an index is damaged. */
  async usage(images: readonly ImageOf[]): Promise<ReadonlyMap<string, PackUse> | undefined> {
    const opened = images.flatMap(({ image: { index }, key }) => (key === 'closed' ? [] : [{ index, key }]));
    try {
      return await packUsage(this.store, opened, { wanted: () => true, signal: this.signal });
    } catch (error) {
      if (!isSiltError(error) || error.transient || error.code === 'INTERRUPTED') throw error;
      // Where a sample passed the index by, nobody has told of it yet.
      const { key } = error.details;
      if (typeof key === 'string' && !this.damaged.some((damage) => damage.key === key))
        this.note(key, error);
      return undefined;
    }
  }

  async #firstRemnant(packKey: string): Promise<number | undefined> {
    for (let number = 1; number <= MAX_REMNANTS; number += 1) {
      if ((await this.sizeOf(remnantKey(packKey, number))) !== undefined) return number;
    }
    return undefined;
  }

  /** Checks a pack that a listing names, and nothing else. False when it is not there: a listing may be old. */
  async unnamedPack(name: string): Promise<boolean> {
    const key = `packs/${name}`;
    const remnant = parseRemnantKey(key);
    let isThere = true;
    await this.guard(key, async () => {
      isThere = (await this.sizeOf(key)) !== undefined;
      if (!isThere) return;
      if (remnant === undefined) await this.#wholePack(key, name, undefined);
      else await this.remnant(remnant.packKey, remnant.number, undefined);
    });
    return isThere;
  }

  /** Requires that the object is there, and of that size where one is given, without reading it. */
  async glance(key: string, size: number | undefined): Promise<void> {
    await this.guard(key, async () => {
      const isLess = isPackKey(key) && !(await this.isThere(key));
      if (isLess && (await this.#firstRemnant(key)) !== undefined) return;
      await this.requireSize(key, size);
    });
  }

  async #wholePack(key: string, name: string, pack: PackOf | undefined): Promise<void> {
    const size = await this.requireSize(key, pack?.entry.size);
    const bytes = await this.read(key, 0, size);
    requireEqual(key, 'digest', name, sha256Hex(bytes));
    if (pack === undefined && isSealedPack(bytes)) return this.#closedPack();
    const seal = pack?.key?.objectSeal('pack', pack.entry.trailerDigest, key);
    this.chunks += checkPackFrames(bytes, readPackFrames(bytes, seal), seal);
  }

  #closedPack(): void {
    this.closed += 1;
    if (this.isPartial) this.nobodys += 1;
  }
}
