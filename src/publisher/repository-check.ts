/**
 * Checks single objects of a repository, and takes note of what is wrong with them and of what was read.
 *
 * @module
 */
import { createSha256, isHexDigest, sha256Hex, toHex } from '../core/digest.ts';
import { type ErrorCode, isSiltError, SiltError } from '../core/errors.ts';
import { type IndexHead, indexSize, type PackEntry } from '../format/index-head.ts';
import { MAX_PACK } from '../format/limits.ts';
import type { Manifest, ManifestDelta, ManifestImage, Sealing } from '../format/manifest.ts';
import { isSealedPack } from '../format/sealed-front.ts';
import { isStore } from '../store/is-store.ts';
import { readRange } from '../store/read-range.ts';
import type { ReadStore } from '../store/store.ts';
import { type ContentKey, contentKeyFor, type OpenContentKey } from '../trust/seal/content-key.ts';
import { envelopeKey, readEnvelope } from '../trust/seal/recipient-keys.ts';
import { checkClosedObject, type NamedObject } from './check-closed.ts';
import { checkDelta } from './check-delta.ts';
import { type DamagedObject, problemOf } from './damage.ts';
import { openIndex } from './known-chunks.ts';
import { readLevel2 } from './read-level2.ts';
import { checkPackFrames, readPackFrames } from './read-pack.ts';

/** The content key of a release: none when it is not sealed, `closed` when it cannot be had. */
export type ReleaseKey = ContentKey | undefined | 'closed';

export interface ImageOf {
  readonly image: ManifestImage;
  readonly key: ReleaseKey;
}

/** A delta, and the image that it makes. */
export interface DeltaOf extends ImageOf {
  readonly delta: ManifestDelta;
}

/** A pack, as an index that could be opened describes it. */
export interface PackOf {
  readonly entry: PackEntry;
  readonly key: ContentKey | undefined;
}

/** Why a release cannot be opened: it is not for us, or its envelope is damaged, which is told by itself. */
const CLOSED: readonly ErrorCode[] = [
  'SEAL_KEY_REQUIRED',
  'SEAL_NOT_RECIPIENT',
  'DIGEST_MISMATCH',
  'OBJECT_MISSING',
];

export class RepositoryCheck {
  readonly damaged: DamagedObject[] = [];
  chunks = 0;
  closed = 0;
  /** Sealed packs that no index names which could be opened; they may well be of a release. */
  nobodys = 0;
  bytesRead = 0;
  /** Names of the envelopes that have been looked at. */
  readonly #envelopes = new Set<string>();
  /** Some release could not be opened. */
  #isPartial = false;
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
      if (!isSiltError(error) || error.code === 'INTERRUPTED') throw error;
      // Other bytes may come from a cache, but they were asked for more than once.
      if (error.transient && error.code !== 'DIGEST_MISMATCH') throw error;
      // A server that does not let us see it tells nothing of the object.
      if (error.code === 'STORE_REFUSED' && error.details.status !== undefined) throw error;
      this.#note(key, error);
    }
  }

  #note(key: string, error: SiltError): void {
    this.damaged.push({ key, problem: problemOf(error), code: error.code, message: error.message });
  }

  /** The content key of a release; one that is not for us is no damage. */
  async keyOf(manifest: Manifest, open: OpenContentKey | undefined): Promise<ReleaseKey> {
    try {
      return await contentKeyFor(manifest, open);
    } catch (error) {
      if (!isSiltError(error) || !CLOSED.includes(error.code)) throw error;
      this.#isPartial = true;
      return 'closed';
    }
  }

  /** Checks the envelope of a release, once. */
  async envelope(sealing: Sealing): Promise<void> {
    const key = envelopeKey(sealing);
    const { sha256 } = sealing.envelope;
    if (this.#envelopes.has(sha256)) return;
    this.#envelopes.add(sha256);
    await this.guard(key, async () => {
      await readEnvelope(this.#store, sealing, this.#signal);
    });
  }

  /** The level 1 of the index of an image, if that can be read. */
  async head({ image, key: releaseKey }: ImageOf): Promise<IndexHead | undefined> {
    let found: IndexHead | undefined;
    if (releaseKey === 'closed') return found;
    await this.guard(`indexes/${image.index.sha256}`, async () => {
      found = (await openIndex(this.#store, image, releaseKey, this.#signal)).head;
    });
    return found;
  }

  /** Checks the index of an image; returns its level 1, if that can be read. */
  async index({ image, key: releaseKey }: ImageOf): Promise<IndexHead | undefined> {
    const key = `indexes/${image.index.sha256}`;
    let found: IndexHead | undefined;
    await this.guard(key, async () => {
      if (releaseKey === 'closed') return await this.#closedObject(key, image.index);
      await this.#requireSize(key, image.index.size);
      const { head, seal } = await openIndex(this.#store, image, releaseKey, this.#signal);
      found = head;
      const { size: headSize } = image.index.head;
      const digest = createSha256().update(await this.#read(key, 0, headSize));
      const read = async (offset: number, length: number): Promise<Uint8Array> => {
        const bytes = await this.#read(key, offset, length);
        digest.update(bytes);
        return bytes;
      };
      for await (const _ of readLevel2(head, read, seal)) this.#signal?.throwIfAborted();
      await this.#requireSize(key, indexSize(head, headSize));
      requireEqual(key, 'digest', image.index.sha256, digest.digest('hex'));
      requireEqual(key, 'image digest', image.sha256, toHex(head.imageDigest));
    });
    return found;
  }

  /** Checks a delta. @param windows lengths of the image's windows, if its index can be read */
  async delta({ image, delta, key: releaseKey }: DeltaOf, windows: Uint32Array | undefined): Promise<void> {
    const key = `deltas/${delta.sha256}`;
    await this.guard(key, async () => {
      if (releaseKey === 'closed') return await this.#closedObject(key, delta);
      await this.#requireSize(key, delta.size);
      const read = (offset: number, length: number) => this.#read(key, offset, length);
      await checkDelta(image, delta, windows, read, releaseKey);
    });
  }

  async #closedObject(key: string, named: NamedObject): Promise<void> {
    this.closed += 1;
    await this.#requireSize(key, named.size);
    await checkClosedObject(key, named, (offset, length) => this.#read(key, offset, length));
  }

  /** Checks a pack that an index names. */
  async pack(name: string, pack: PackOf): Promise<void> {
    const key = `packs/${name}`;
    await this.guard(key, async () => await this.#wholePack(key, name, pack));
  }

  /** Checks a pack that a listing names, and nothing else. False when it is not there: a listing may be old. */
  async unnamedPack(name: string): Promise<boolean> {
    const key = `packs/${name}`;
    let isThere = true;
    await this.guard(key, async () => {
      isThere = (await this.#sizeOf(key)) !== undefined;
      if (isThere) await this.#wholePack(key, name, undefined);
    });
    return isThere;
  }

  /** Requires that the object is there, and of that size where one is given, without reading it. */
  async glance(key: string, size: number | undefined): Promise<void> {
    await this.guard(key, async () => void (await this.#requireSize(key, size)));
  }

  /** True when the object is there. */
  async isThere(key: string): Promise<boolean> {
    return (await this.#sizeOf(key)) !== undefined;
  }

  async #wholePack(key: string, name: string, pack: PackOf | undefined): Promise<void> {
    const size = await this.#requireSize(key, pack?.entry.size);
    const bytes = await this.#read(key, 0, size);
    requireEqual(key, 'digest', name, sha256Hex(bytes));
    if (pack === undefined && isSealedPack(bytes)) {
      this.closed += 1;
      if (this.#isPartial) this.nobodys += 1;
      return;
    }
    const seal = pack?.key?.objectSeal('pack', pack.entry.trailerDigest, key);
    this.chunks += checkPackFrames(bytes, readPackFrames(bytes, seal), seal);
  }

  /**
   * What the store lists in the places of silt, with its size; what cannot be silt's is noted as foreign. A listing
   * may be of yesterday, so what it shows is a hint, and what it does not show means nothing.
   */
  async *listed(): AsyncGenerator<{ readonly kind: string; readonly name: string; readonly size: number }> {
    if (!isStore(this.#store)) return;
    const options = this.#signal === undefined ? {} : { signal: this.#signal };
    for (const kind of ['packs', 'indexes', 'deltas', 'keys']) {
      for await (const { key, size } of this.#store.list(`${kind}/`, options)) {
        const name = key.slice(kind.length + 1);
        if (isHexDigest(name)) yield { kind, name, size };
        else this.damaged.push(foreignObject(this.#store.location, key));
      }
    }
  }

  /** The store can be listed. */
  get canList(): boolean {
    return isStore(this.#store);
  }

  isEnvelope(name: string): boolean {
    return this.#envelopes.has(name);
  }

  async #sizeOf(key: string): Promise<number | undefined> {
    const options = this.#signal === undefined ? {} : { signal: this.#signal };
    return (await this.#store.has(key, options))?.size;
  }

  async #requireSize(key: string, expected: number | undefined): Promise<number> {
    const found = await this.#sizeOf(key);
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

function foreignObject(location: string, key: string): DamagedObject {
  const message = `${location}: ${key} is no object of silt, which names what lies there by digests; remove it`;
  return { key, problem: 'foreign', code: 'FORMAT_INVALID', message };
}

function requireEqual(key: string, what: string, expected: string | number, found: string | number): void {
  if (expected === found) return;
  throw new SiltError('DIGEST_MISMATCH', `${key}: expected the ${what} ${expected}, found ${found}`, {
    details: { key, expected, found },
  });
}
