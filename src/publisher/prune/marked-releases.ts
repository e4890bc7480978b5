/**
 * What each release of a repository needs, by the keys of objects: manifests name indexes, deltas and envelopes,
 * and the head of each index names packs. Nothing else is read, so marking costs one request a release and one an
 * image.
 *
 * Memory: some 100 bytes for each object that a release needs, and 8 for each time that an image names a pack.
 *
 * @module
 */
import { toHex } from '../../core/digest.ts';
import { isSiltError } from '../../core/errors.ts';
import { inOrder } from '../../core/in-order.ts';
import type { ManifestImage } from '../../format/manifest.ts';
import type { Key, ReadStore } from '../../store/store.ts';
import { cmsKey, type HeldRelease, type RepositorySurvey } from '../../trust/releases.ts';
import { type ContentKey, contentKeyFor, type OpenContentKey } from '../../trust/seal/content-key.ts';
import { envelopeKey } from '../../trust/seal/recipient-keys.ts';
import { openIndex } from '../known-chunks.ts';
import type { ReleaseFacts } from './keep-releases.ts';

/** Heads of indexes read at a time. */
const PARALLEL = 8;

export interface MarkedRelease extends ReleaseFacts {
  readonly product: string;
  /** Of every object it needs; all but its packs where it is closed. */
  readonly keys: readonly Key[];
  /** It is sealed, and cannot be opened: which packs it needs is not known. */
  readonly isClosed: boolean;
}

export class ReleaseMarker {
  readonly #store: ReadStore;
  readonly #contentKey: OpenContentKey | undefined;
  readonly #signal: AbortSignal | undefined;
  /** One string a key, however many releases need it. */
  readonly #keys = new Map<Key, Key>();
  /** Immutable objects need not be read twice. */
  readonly #packs = new Map<string, readonly Key[]>();

  constructor(store: ReadStore, contentKey: OpenContentKey | undefined, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#contentKey = contentKey;
    this.#signal = signal;
  }

  /**
   * Marks every release.
   *
   * @throws SiltError DIGEST_MISMATCH, OBJECT_MISSING and the like where a manifest or the head of an index is
   *   damaged: what such a release needs is not known, so nothing may go
   */
  async mark(
    survey: RepositorySurvey,
    onRelease: (done: number) => void = () => {},
  ): Promise<MarkedRelease[]> {
    const marked: MarkedRelease[] = [];
    for await (const held of survey.releases) {
      this.#signal?.throwIfAborted();
      marked.push(await this.#release(held));
      onRelease(marked.length);
    }
    return marked;
  }

  async #release({ manifest, key, channels }: HeldRelease): Promise<MarkedRelease> {
    const { product, version, counter, images, sealing, requires } = manifest;
    const keys = [key, cmsKey(key), ...(sealing === undefined ? [] : [envelopeKey(sealing)])];
    for (const { index, deltas = [] } of images) {
      keys.push(`indexes/${index.sha256}`, ...deltas.map(({ sha256 }) => `deltas/${sha256}`));
    }
    const opened = await this.#openKey(manifest);
    if (opened !== 'closed') {
      for await (const packs of inOrder(images, PARALLEL, (image) => this.#packsOf(image, opened))) {
        keys.push(...packs);
      }
    }
    return {
      product,
      version,
      counter,
      channels,
      requires: requires?.counter,
      epoch: sealing?.epoch,
      keys: keys.map((each) => this.#shared(each)),
      isClosed: opened === 'closed',
    };
  }

  async #openKey(manifest: HeldRelease['manifest']): Promise<ContentKey | undefined | 'closed'> {
    try {
      return await contentKeyFor(manifest, this.#contentKey);
    } catch (error) {
      if (isSiltError(error, 'SEAL_KEY_REQUIRED') || isSiltError(error, 'SEAL_NOT_RECIPIENT'))
        return 'closed';
      throw error;
    }
  }

  async #packsOf(image: ManifestImage, key: ContentKey | undefined): Promise<readonly Key[]> {
    const { sha256 } = image.index;
    const known = this.#packs.get(sha256);
    if (known !== undefined) return known;
    const { head } = await openIndex(this.#store, image, key, this.#signal);
    const packs = head.packs.map(({ digest }) => this.#shared(`packs/${toHex(digest)}`));
    this.#packs.set(sha256, packs);
    return packs;
  }

  #shared(key: Key): Key {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    this.#keys.set(key, key);
    return key;
  }
}
