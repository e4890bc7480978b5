/**
 * Images that a worker has rebuilt from the repository. The last few stay, since jobs that follow one another mostly
 * have one of their two images in common.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobImage } from '../../format/delta-job.ts';
import type { IndexHead } from '../../format/index-head.ts';
import type { ReadStore } from '../../store/store.ts';
import type { ContentKey } from '../../trust/seal/content-key.ts';
import { type RestoreOptions, restoreImage } from '../restore-image.ts';

/** Both images of a job. */
const KEPT = 2;

export interface RestoredImage {
  readonly path: string;
  /** Level 1 of its index. */
  readonly head: IndexHead;
}

export class RestoredImages {
  readonly #store: ReadStore;
  readonly #directory: string;
  /** By index, the one used last at the end. */
  readonly #images = new Map<string, RestoredImage>();
  #count = 0;

  /** @param directory nobody else writes there */
  constructor(store: ReadStore, directory: string) {
    this.#store = store;
    this.#directory = directory;
  }

  /**
   * The image as a file, every window of it verified. It stays until two others have been asked for.
   *
   * @throws SiltError what {@link restoreImage} throws
   */
  async get(
    image: JobImage,
    key: ContentKey | undefined,
    options: RestoreOptions = {},
  ): Promise<RestoredImage> {
    const name = `${image.index.sha256} ${image.sha256}`;
    const found = this.#images.get(name) ?? (await this.#restore(name, image, key, options));
    this.#images.delete(name);
    this.#images.set(name, found);
    return found;
  }

  /** Removes all of them, with the directory. */
  async remove(): Promise<void> {
    this.#images.clear();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #restore(
    name: string,
    image: JobImage,
    key: ContentKey | undefined,
    options: RestoreOptions,
  ): Promise<RestoredImage> {
    for (const [oldest, { path }] of this.#images) {
      if (this.#images.size < KEPT) break;
      this.#images.delete(oldest);
      await rm(path, { force: true });
    }
    this.#count += 1;
    const path = join(this.#directory, `${this.#count}.image`);
    try {
      const head = await restoreImage(this.#store, { ...image, name: 'the image' }, path, {
        ...options,
        key,
      });
      const restored = { path, head };
      this.#images.set(name, restored);
      return restored;
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }
}
