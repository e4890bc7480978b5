/**
 * Frames on their way from packs to windows, and payloads on theirs from a delta: fetched ahead in the order
 * they will be used, a few requests at a time and no more than the memory bound, kept until their last use and
 * no longer.
 *
 * Memory: stored bytes in flight and in hand stay below {@link FrameSourceOptions.memoryBytes}; frames that
 * wait for a window further on move to a spool. Plain bytes of the last few frames are kept as well.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { droppedBuffers } from '../core/drop-buffers.ts';
import { SiltError } from '../core/errors.ts';
import type { RetryOptions } from '../core/retry.ts';
import { MiB } from '../core/sizes.ts';
import { type FrameRef, frameKey, openFrame, tagOf } from '../format/frame.ts';
import type { ReadStore } from '../store/store.ts';
import type { ObjectSeal } from '../trust/seal/content-key.ts';
import { BufferPool } from './buffer-pool.ts';
import { readSpans } from './range-reader.ts';
import type { RangeRequest, Span } from './ranges.ts';
import type { Spool } from './spool.ts';
import { unsealBuffer } from './unseal-buffer.ts';

/** A frame that is needed, as a span of its pack; or a payload, which is not compressed, of its delta. */
export interface FrameSpan extends Span {
  readonly frame: FrameRef;
  /** The last window that uses it. */
  lastWindow: number;
}

export interface FrameSourceOptions {
  /** Requests under way at once. Default 4. */
  readonly parallel?: number | undefined;
  /** Stored bytes in flight and in memory. Default 8 MiB; at least one request is always under way. */
  readonly memoryBytes?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  /** An object that is on trial: of it nothing is fetched ahead, until {@link FrameSource.trust}. */
  readonly trial?: number | undefined;
  /** Opens what arrives of an object, where that is sealed. */
  readonly sealOf?: ((object: number) => ObjectSeal | undefined) | undefined;
}

/** Plain bytes of opened frames that are kept: neighbouring windows share a frame. */
const OPENED_BYTES: number = 3 * MiB;

/** Stored bytes, as they were before they were sealed. */
interface Held {
  readonly stored: Uint8Array<ArrayBuffer> | undefined;
  readonly spooled: number;
  readonly length: number;
}

export class FrameSource {
  readonly #store: ReadStore;
  readonly #keys: readonly string[];
  /** Requests that have not been made. */
  readonly #requests: RangeRequest<FrameSpan>[];
  readonly #spool: Spool;
  readonly #retry: RetryOptions;
  readonly #parallel: number;
  readonly #memoryBytes: number;
  readonly #sealOf: (object: number) => ObjectSeal | undefined;
  readonly #held = new Map<number, Held>();
  readonly #lastWindows = new Map<number, number>();
  /** Planned frames that have not arrived yet. */
  readonly #awaited = new Set<number>();
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  readonly #opened = new Map<number, Uint8Array<ArrayBuffer>>();
  readonly #storedBuffers = new BufferPool();
  readonly #plainBuffers = new BufferPool();
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #openedBytes = 0;
  #heldBytes = 0;
  #inFlightBytes = 0;
  #failure: { readonly error: unknown; readonly object: number | undefined } | undefined;
  #trial: number | undefined;

  /** @param keys of the objects, by the number that requests give */
  constructor(
    store: ReadStore,
    keys: readonly string[],
    requests: readonly RangeRequest<FrameSpan>[],
    spool: Spool,
    options: FrameSourceOptions = {},
  ) {
    const { signal } = options.retry ?? {};
    this.#store = store;
    this.#keys = keys;
    this.#requests = [...requests];
    this.#spool = spool;
    this.#retry = {
      ...options.retry,
      signal: signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]),
    };
    this.#parallel = options.parallel ?? 4;
    this.#memoryBytes = options.memoryBytes ?? 8 * MiB;
    this.#sealOf = options.sealOf ?? (() => undefined);
    this.#trial = options.trial;
    for (const request of requests) {
      for (const { frame, lastWindow } of request.spans) {
        this.#lastWindows.set(frameKey(frame), lastWindow);
        this.#awaited.add(frameKey(frame));
      }
    }
  }

  /** Begins work on a window: frames that no window needs from here on are let go. */
  enter(window: number): void {
    let unplanned = 0;
    for (const [key, { stored }] of [...this.#held].reverse()) {
      if ((this.#lastWindows.get(key) ?? -1) >= window) continue;
      // A seed that spoilt one window may well spoil the next, which needs the same frames.
      unplanned += this.#lastWindows.has(key) ? 0 : (stored?.byteLength ?? 0);
      if (this.#lastWindows.has(key) || stored === undefined || unplanned > this.#memoryBytes / 4) {
        this.#release(key);
      }
    }
    this.#pump();
  }

  /** True for a frame that {@link FrameSource.open} can give: it is at hand, or planned and to come. */
  has(frame: FrameRef): boolean {
    return this.#held.has(frameKey(frame)) || this.#awaited.has(frameKey(frame));
  }

  /** The plain bytes of a planned frame; waits for them. Good until the next call. */
  async open(frame: FrameRef): Promise<Uint8Array> {
    const key = frameKey(frame);
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    return await this.use(frame, (stored) => this.#remember(key, openFrame(frame, stored)));
  }

  /** Waits for the stored bytes of a planned frame or payload, which have its tag; they are good while `use` runs. */
  async use<T>(frame: FrameRef, use: (stored: Uint8Array) => T): Promise<T> {
    const key = frameKey(frame);
    while (!this.#held.has(key)) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (!this.#awaited.has(key)) {
        throw new SiltError('INTERNAL', `frame ${key} is neither planned nor at hand`);
      }
      const arrival = this.#waiting.get(key) ?? Promise.withResolvers<void>();
      this.#waiting.set(key, arrival);
      this.#pump();
      await arrival.promise;
    }
    const held = this.#held.get(key) as Held;
    return use(held.stored ?? this.#spool.read(held.spooled, held.length));
  }

  /** Ends the trial of an object: it is fetched ahead like the others. */
  trust(): void {
    if (this.#trial === undefined) return;
    this.#trial = undefined;
    this.#pump();
  }

  /** The object whose request failed, after which nothing more comes. */
  get failedObject(): number | undefined {
    return this.#failure?.object;
  }

  /** Fetches frames that were not planned, to repair a window. Only the last few outlive it. */
  async fetchNow(requests: readonly RangeRequest<FrameSpan>[]): Promise<void> {
    for (const request of requests) await this.#fetch(request);
  }

  /** Stops what is under way, and waits until nothing more of it can happen. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= {
      error: new SiltError('INTERNAL', 'the frame source is closed'),
      object: undefined,
    };
    this.#stop.abort();
    await Promise.all(this.#underWay);
  }

  /** Keeps the plain bytes, in a buffer that is used again: what zlib gave is dropped at once. */
  #remember(key: number, plain: Uint8Array): Uint8Array {
    const kept = this.#plainBuffers.take(plain.length);
    kept.set(plain);
    droppedBuffers(plain.length);
    this.#opened.set(key, kept);
    this.#openedBytes += kept.length;
    for (const [oldest, bytes] of this.#opened) {
      if (this.#openedBytes <= OPENED_BYTES || oldest === key) break;
      this.#opened.delete(oldest);
      this.#openedBytes -= bytes.length;
      this.#plainBuffers.give(bytes);
    }
    return kept;
  }

  #hold(key: number, stored: Uint8Array<ArrayBuffer>): void {
    this.#held.set(key, { stored, spooled: 0, length: stored.length });
    this.#heldBytes += stored.buffer.byteLength;
  }

  #release(key: number): void {
    const stored = this.#held.get(key)?.stored;
    if (stored !== undefined) this.#giveBack(stored);
    this.#held.delete(key);
  }

  #giveBack(stored: Uint8Array<ArrayBuffer>): void {
    this.#heldBytes -= stored.buffer.byteLength;
    this.#storedBuffers.give(stored);
  }

  /**
   * Starts requests while there is room. When a frame is waited for and nothing is under way, there is room
   * in any case: what is held moves to the spool.
   */
  #pump(): void {
    while (this.#failure === undefined && this.#underWay.size < this.#parallel) {
      const next = this.#requests.findIndex((request) => !this.#isHeldBack(request));
      const request = this.#requests[next];
      if (request === undefined) return;
      if (request.length > this.#memoryBytes - this.#heldBytes - this.#inFlightBytes) {
        if (this.#underWay.size > 0 || this.#waiting.size === 0) return;
        this.#spoolHeld();
      }
      this.#requests.splice(next, 1);
      this.#inFlightBytes += request.length;
      const done = this.#fetch(request)
        .catch((error: unknown) => this.#fail(error, request.object))
        .then(() => {
          this.#inFlightBytes -= request.length;
          this.#underWay.delete(done);
          this.#pump();
        })
        // The spool may be full.
        .catch((error: unknown) => this.#fail(error));
      this.#underWay.add(done);
    }
  }

  /** What is on trial is asked for when it is waited for; what comes behind it need not wait for that. */
  #isHeldBack({ object, spans }: RangeRequest<FrameSpan>): boolean {
    return object === this.#trial && !spans.some(({ frame }) => this.#waiting.has(frameKey(frame)));
  }

  #fail(error: unknown, object?: number): void {
    this.#failure ??= { error, object };
    for (const { resolve } of this.#waiting.values()) resolve();
    this.#waiting.clear();
  }

  /** Moves all that is held to the spool: the frame that is waited for needs the room. */
  #spoolHeld(): void {
    for (const [key, { stored, length }] of this.#held) {
      if (stored === undefined) continue;
      this.#held.set(key, { stored: undefined, spooled: this.#spool.append(stored), length });
      this.#giveBack(stored);
    }
  }

  async #fetch(request: RangeRequest<FrameSpan>): Promise<void> {
    const seal = this.#sealOf(request.object);
    await readSpans(
      this.#store,
      this.#keys[request.object] as string,
      request,
      ({ frame, offset }, bytes) => {
        // The blocks that the socket gave.
        droppedBuffers(bytes.length);
        const stored = unsealBuffer(seal, offset, bytes as Uint8Array<ArrayBuffer>, this.#storedBuffers);
        if (!equalBytes(tagOf(stored), frame.tag)) {
          this.#storedBuffers.give(stored);
          return false;
        }
        const key = frameKey(frame);
        this.#hold(key, stored);
        // A window under repair may need more than there is room for.
        if (!this.#awaited.delete(key) && this.#heldBytes > this.#memoryBytes) this.#spoolHeld();
        this.#waiting.get(key)?.resolve();
        this.#waiting.delete(key);
        return true;
      },
      this.#retry,
      (length) => this.#storedBuffers.take(length),
    );
  }
}
