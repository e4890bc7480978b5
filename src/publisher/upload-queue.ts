/**
 * Stores many objects at once while the rest of the publish goes on: at most {@link PARALLEL_UPLOADS} of them, and
 * at most {@link HELD_BYTES} in memory for it. How many requests a store takes at a time is its own business; what
 * waits for that waits here.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import type { Body, Key, Store } from '../store/store.ts';

/** Objects on their way at once: as many as a store takes requests. */
export const PARALLEL_UPLOADS = 64;

/** Bytes on their way at once, those that are read from a file while they are sent included; four large packs. */
export const HELD_BYTES: number = 64 * MiB;

/** What a store holds of a file that it sends, at most. */
const HELD_OF_FILE: number = 32 * MiB;

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
  #held = 0;
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
    const held = body instanceof Uint8Array ? body.length : Math.min(body.size, HELD_OF_FILE);
    while (!this.#hasRoom(held)) await Promise.race(this.#running);
    this.#check();
    this.#held += held;
    const upload = this.#send(key, body)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running.delete(upload);
        this.#held -= held;
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

  /** One that is larger than all the room goes alone. */
  #hasRoom(bytes: number): boolean {
    const { size } = this.#running;
    return size === 0 || (size < PARALLEL_UPLOADS && this.#held + bytes <= HELD_BYTES);
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
