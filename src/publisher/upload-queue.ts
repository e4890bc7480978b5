/**
 * Stores objects a few at a time while the rest of the publish goes on.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import type { Body, Key, Store } from '../store/store.ts';

/** Objects on their way at once: with packs of 16 MiB, at most 48 MiB are held for it. */
export const PARALLEL_UPLOADS = 3;

/** What was sent; objects that were there already count for nothing. */
export interface UploadTotals {
  bytesUploaded: number;
  objectsUploaded: number;
}

export class UploadQueue implements AsyncDisposable {
  readonly totals: UploadTotals = { bytesUploaded: 0, objectsUploaded: 0 };
  readonly #store: Store;
  readonly #signal: AbortSignal;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(store: Store, signal?: AbortSignal) {
    this.#store = store;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /**
   * Sends `body` unless the object is there already, as after an interrupted publish. Returns once there is
   * room for the next, so a slow store slows its publisher down instead of filling its memory.
   *
   * @throws what an earlier upload failed with
   */
  async put(key: Key, body: Body): Promise<void> {
    while (this.#running.size >= PARALLEL_UPLOADS) await Promise.race(this.#running);
    this.#check();
    const upload = this.#send(key, body)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running.delete(upload);
      });
    this.#running.add(upload);
  }

  /** Waits until everything is stored. @throws what an upload failed with */
  async finish(): Promise<void> {
    await Promise.all(this.#running);
    this.#check();
  }

  /** Stops what is still running, as when the publish failed; nothing is sent any more when it returns. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #send(key: Key, body: Body): Promise<void> {
    const options = { signal: this.#signal };
    const size = body instanceof Uint8Array ? body.length : body.size;
    const there = await this.#store.has(key, options);
    if (there !== undefined) {
      // Named by its digest, so only damage or a foreign hand makes another size.
      if (there.size !== size) {
        throw new SiltError(
          'DIGEST_MISMATCH',
          `${this.#store.location}: ${key} has ${there.size} bytes, expected ${size}; remove it and publish again`,
          { details: { key, expected: size, found: there.size } },
        );
      }
      return;
    }
    if ((await this.#store.putIfAbsent(key, body, options)) === 'created') {
      this.totals.bytesUploaded += size;
      this.totals.objectsUploaded += 1;
    }
  }
}
