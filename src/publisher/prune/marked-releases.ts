/**
 * What each release of a repository needs, by the keys of objects: manifests name indexes, deltas and envelopes,
 * and the head of each index names packs. Nothing else is read, so marking costs one request a release and one an
 * image.
 *
 * Memory: some 100 bytes for each object that a release needs, 8 for each time that an image names a pack, and some 500
 * for each image that is not the same as another.
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
import type { OpenableImage } from './pack-usage.ts';

/** Heads of indexes read at a time. */
const PARALLEL = 8;

export interface MarkedImage extends OpenableImage {
  readonly packs: readonly Key[];
}

export interface MarkedRelease extends ReleaseFacts {
  readonly product: string;
  /** Of every object it needs; all but its packs where it is closed. */
  readonly keys: readonly Key[];
  /** None where it is closed. */
  readonly images: readonly MarkedImage[];
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
  readonly #images = new Map<string, MarkedImage>();

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
    const marked: MarkedImage[] = [];
    if (opened !== 'closed') {
      for await (const image of inOrder(images, PARALLEL, (each) => this.#image(each, opened))) {
        keys.push(...image.packs);
        marked.push(image);
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
      images: marked,
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

  async #image({ index }: ManifestImage, key: ContentKey | undefined): Promise<MarkedImage> {
    const known = this.#images.get(index.sha256);
    if (known !== undefined) return known;
    const { head } = await openIndex(this.#store, { index }, key, this.#signal);
    const packs = head.packs.map(({ digest }) => this.#shared(`packs/${toHex(digest)}`));
    const image = { index, key, packs };
    this.#images.set(index.sha256, image);
    return image;
  }

  #shared(key: Key): Key {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    this.#keys.set(key, key);
    return key;
  }
}
