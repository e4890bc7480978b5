/**
 * Checks single objects of a repository, and takes note of what is wrong with them and of what was read.
 *
 * @module
 */
import { createSha256, isHexDigest, toHex } from '../core/digest.ts';
import { type ErrorCode, isSiltError } from '../core/errors.ts';
import { type IndexHead, indexSize } from '../format/index-head.ts';
import type { Manifest, ManifestDelta, Sealing } from '../format/manifest.ts';
import { parseRemnantKey } from '../format/remnant.ts';
import { isStore } from '../store/is-store.ts';
import { contentKeyFor, type OpenContentKey } from '../trust/seal/content-key.ts';
import { envelopeKey, readEnvelope } from '../trust/seal/recipient-keys.ts';
import { checkClosedObject, type NamedObject } from './check-closed.ts';
import { checkDelta } from './check-delta.ts';
import type { DamagedObject } from './damage.ts';
import { openIndex } from './known-chunks.ts';
import { requireEqual } from './object-check.ts';
import { type ImageOf, PackCheck, type ReleaseKey } from './pack-check.ts';
import { readLevel2 } from './read-level2.ts';

export type { ImageOf, PackOf } from './pack-check.ts';

/** A delta, and the image that it makes. */
export interface DeltaOf extends ImageOf {
  readonly delta: ManifestDelta;
}

/** Why a release cannot be opened: it is not for us, or its envelope is damaged, which is told by itself. */
const CLOSED: readonly ErrorCode[] = [
  'SEAL_KEY_REQUIRED',
  'SEAL_NOT_RECIPIENT',
  'DIGEST_MISMATCH',
  'OBJECT_MISSING',
];

export class RepositoryCheck extends PackCheck {
  /** Names of the envelopes that have been looked at. */
  readonly #envelopes = new Set<string>();

  /** The content key of a release; one that is not for us is no damage. */
  async keyOf(manifest: Manifest, open: OpenContentKey | undefined): Promise<ReleaseKey> {
    try {
      return await contentKeyFor(manifest, open);
    } catch (error) {
      if (!isSiltError(error) || !CLOSED.includes(error.code)) throw error;
      this.isPartial = true;
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
      await readEnvelope(this.store, sealing, this.signal);
    });
  }

  /** The level 1 of the index of an image, if that can be read. */
  async head({ image, key: releaseKey }: ImageOf): Promise<IndexHead | undefined> {
    let found: IndexHead | undefined;
    if (releaseKey === 'closed') return found;
    await this.guard(`indexes/${image.index.sha256}`, async () => {
      found = (await openIndex(this.store, image, releaseKey, this.signal)).head;
    });
    return found;
  }

  /** Checks the index of an image; returns its level 1, if that can be read. */
  async index({ image, key: releaseKey }: ImageOf): Promise<IndexHead | undefined> {
    const key = `indexes/${image.index.sha256}`;
    let found: IndexHead | undefined;
    await this.guard(key, async () => {
      if (releaseKey === 'closed') return await this.#closedObject(key, image.index);
      await this.requireSize(key, image.index.size);
      const { head, seal } = await openIndex(this.store, image, releaseKey, this.signal);
      found = head;
      const { size: headSize } = image.index.head;
      const digest = createSha256().update(await this.read(key, 0, headSize));
      const read = async (offset: number, length: number): Promise<Uint8Array> => {
        const bytes = await this.read(key, offset, length);
        digest.update(bytes);
        return bytes;
      };
      for await (const _ of readLevel2(head, read, seal)) this.signal?.throwIfAborted();
      await this.requireSize(key, indexSize(head, headSize));
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
      await this.requireSize(key, delta.size);
      const read = (offset: number, length: number) => this.read(key, offset, length);
      await checkDelta(image, delta, windows, read, releaseKey);
    });
  }

  async #closedObject(key: string, named: NamedObject): Promise<void> {
    this.closed += 1;
    await this.requireSize(key, named.size);
    await checkClosedObject(key, named, (offset, length) => this.read(key, offset, length));
  }

  /**
   * What the store lists in the places of silt, with its size; what cannot be silt's is noted as foreign. A listing
   * may be of yesterday, so what it shows is a hint, and what it does not show means nothing.
   */
  async *listed(): AsyncGenerator<{ readonly kind: string; readonly name: string; readonly size: number }> {
    if (!isStore(this.store)) return;
    const options = this.signal === undefined ? {} : { signal: this.signal };
    for (const kind of ['packs', 'indexes', 'deltas', 'keys']) {
      for await (const { key, size } of this.store.list(`${kind}/`, options)) {
        const name = key.slice(kind.length + 1);
        if (isHexDigest(name) || parseRemnantKey(key) !== undefined) yield { kind, name, size };
        else this.damaged.push(foreignObject(this.store.location, key));
      }
    }
  }

  /** The store can be listed. */
  get canList(): boolean {
    return isStore(this.store);
  }

  isEnvelope(name: string): boolean {
    return this.#envelopes.has(name);
  }
}

function foreignObject(location: string, key: string): DamagedObject {
  const message = `${location}: ${key} is no object of silt, which names what lies there by digests; remove it`;
  return { key, problem: 'foreign', code: 'FORMAT_INVALID', message };
}
