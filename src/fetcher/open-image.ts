/**
 * From a product's name to level 1 of the index of one of its images, every step verified by the one
 * before.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { type RetryOptions, retryTransient } from '../core/retry.ts';
import { decodeIndexHead, type IndexHead, indexSize } from '../format/index-head.ts';
import type { Manifest, ManifestImage } from '../format/manifest.ts';
import type { ReadStore } from '../store/store.ts';
import type { ReleaseSelector, Releases, TrustedRelease } from '../trust/releases.ts';
import {
  type ContentKey,
  contentKeyFor,
  type ObjectSeal,
  type OpenContentKey,
} from '../trust/seal/content-key.ts';
import { openHead } from '../trust/seal/sealed-head.ts';
import { readHead } from './read-head.ts';

export interface OpenedImage {
  readonly manifest: Manifest;
  readonly image: ManifestImage;
  readonly indexKey: string;
  readonly head: IndexHead;
  /** Of a sealed release: opens its packs and deltas. */
  readonly contentKey: ContentKey | undefined;
  /** Of a sealed release: opens level 2 of the index. */
  readonly indexSeal: ObjectSeal | undefined;
}

export interface ImageSelector {
  readonly product: string;
  readonly selector: ReleaseSelector;
  /** May be left out when the release has one image. */
  readonly image?: string | undefined;
  /** Throws when this device must not have the release; asked before anything else is read of it. */
  readonly check?: ((release: TrustedRelease) => void | Promise<void>) | undefined;
  /** Opens sealed releases: `recipientKeys`, `masterKeys`. */
  readonly contentKey?: OpenContentKey | undefined;
}

/**
 * Finds the image and reads level 1 of its index.
 *
 * @throws SiltError whatever {@link Releases.open} and `check` throw, RELEASE_NOT_FOUND for an unknown image, OBJECT_MISSING,
 *   DIGEST_MISMATCH, FORMAT_INVALID, NETWORK; SEAL_KEY_REQUIRED, SEAL_NOT_RECIPIENT, SEAL_BROKEN
 */
export async function openImage(
  store: ReadStore,
  releases: Releases,
  selector: ImageSelector,
  retry: RetryOptions = {},
): Promise<OpenedImage> {
  const { signal } = retry;
  const find = () => releases.open(selector.product, selector.selector, { signal });
  const release = await retryTransient(find, retry);
  await selector.check?.(release);
  const { manifest } = release;
  const image = selectImage(manifest, selector.image);
  const indexKey = `indexes/${image.index.sha256}`;
  const contentKey = await retryTransient(() => contentKeyFor(manifest, selector.contentKey, store), retry);
  const bytes = await readHead(store, indexKey, image.index.head, retry);
  const { plain, seal: indexSeal } = openHead('index', bytes, contentKey, indexKey);
  const head = decodeIndexHead(plain, bytes.length);
  if (
    head.imageSize !== image.size ||
    Buffer.from(head.imageDigest).toString('hex') !== image.sha256 ||
    indexSize(head, bytes.length) !== image.index.size
  ) {
    throw new SiltError('FORMAT_INVALID', `the index ${indexKey} does not describe what the manifest says`, {
      details: { key: indexKey },
    });
  }
  return { manifest, image, indexKey, head, contentKey, indexSeal };
}

function selectImage(manifest: Manifest, name: string | undefined): ManifestImage {
  const names = manifest.images.map((image) => image.name).join(', ');
  if (name === undefined) {
    const [only, ...others] = manifest.images;
    if (only !== undefined && others.length === 0) return only;
    throw new SiltError(
      'USAGE',
      `${manifest.product} ${manifest.version} has ${manifest.images.length} images; choose one with --image: ${names}`,
    );
  }
  const image = manifest.images.find((candidate) => candidate.name === name);
  if (image === undefined) {
    throw new SiltError(
      'RELEASE_NOT_FOUND',
      `${manifest.product} ${manifest.version} has no image "${name}"; there is: ${names}`,
    );
  }
  return image;
}
