/**
 * Frames on their way from packs to windows: fetched ahead in the order they will be used, a few requests at
 * a time and no more than the memory bound, kept until their last use and no longer.
 *
 * Memory: stored bytes in flight and in hand stay below {@link FrameSourceOptions.memoryBytes}; frames that
 * wait for a window further on move to a spool. Plain bytes of the last few frames are kept as well.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import type { RetryOptions } from '../core/retry.ts';
import { MiB } from '../core/sizes.ts';
import { droppedBuffers } from '../core/young-garbage.ts';
import { type FrameRef, openFrame, tagOf } from '../format/frame.ts';
import type { PackEntry } from '../format/index-head.ts';
import type { ReadStore } from '../store/store.ts';
import { BufferPool } from './buffer-pool.ts';
import { readSpans } from './range-reader.ts';
import type { RangeRequest, Span } from './ranges.ts';
import type { Spool } from './spool.ts';

/** A frame that is needed, as a span of its pack. */
export interface FrameSpan extends Span {
  readonly frame: FrameRef;
  /** The last window that uses it. */
  lastWindow: number;
}

/** One number for a frame: its pack and its offset. */
export function frameKey(frame: { readonly pack: number; readonly offset: number }): number {
  return frame.pack * 2 ** 32 + frame.offset;
}

export interface FrameSourceOptions {
  /** Requests under way at once. Default 4. */
  readonly parallel?: number | undefined;
  /** Stored bytes in flight and in memory. Default 8 MiB; at least one request is always under way. */
  readonly memoryBytes?: number | undefined;
  readonly retry?: RetryOptions | undefined;
}

/** Plain bytes of opened frames that are kept: neighbouring windows share a frame. */
const OPENED_BYTES: number = 3 * MiB;

interface Held {
  readonly stored: Uint8Array<ArrayBuffer> | undefined;
  readonly spooled: number;
}

export class FrameSource {
  readonly #store: ReadStore;
  readonly #packs: readonly PackEntry[];
  readonly #requests: readonly RangeRequest<FrameSpan>[];
  readonly #spool: Spool;
  readonly #retry: RetryOptions;
  readonly #parallel: number;
  readonly #memoryBytes: number;
  readonly #held = new Map<number, Held>();
  readonly #spans = new Map<number, FrameSpan>();
  /** Planned frames that have not arrived yet. */
  readonly #awaited = new Set<number>();
  /** Frames at hand that have been opened. */
  readonly #used = new Set<number>();
  readonly #waiting = new Map<number, () => void>();
  readonly #opened = new Map<number, Uint8Array<ArrayBuffer>>();
  readonly #storedBuffers = new BufferPool();
  readonly #plainBuffers = new BufferPool();
  #openedBytes = 0;
  #heldBytes = 0;
  #inFlightBytes = 0;
  #inFlight = 0;
  #next = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    store: ReadStore,
    packs: readonly PackEntry[],
    requests: readonly RangeRequest<FrameSpan>[],
    spool: Spool,
    options: FrameSourceOptions = {},
  ) {
    this.#store = store;
    this.#packs = packs;
    this.#requests = requests;
    this.#spool = spool;
    this.#retry = options.retry ?? {};
    this.#parallel = options.parallel ?? 4;
    this.#memoryBytes = options.memoryBytes ?? 8 * MiB;
    for (const request of requests) {
      for (const span of request.spans) {
        this.#spans.set(frameKey(span.frame), span);
        this.#awaited.add(frameKey(span.frame));
      }
    }
  }

  /** Begins work on a window: frames that no window needs from here on are let go. */
  enter(window: number): void {
    for (const key of this.#used) {
      if ((this.#spans.get(key)?.lastWindow ?? -1) >= window) continue;
      this.#used.delete(key);
      this.#release(key);
    }
    this.#pump();
  }

  /** The plain bytes of a planned frame; waits for them. Good until the next call. */
  async open(frame: FrameRef): Promise<Uint8Array> {
    const key = frameKey(frame);
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    while (!this.#held.has(key)) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (!this.#awaited.has(key)) {
        throw new SiltError('INTERNAL', `frame ${key} is neither planned nor at hand`);
      }
      await new Promise<void>((resolve) => {
        this.#waiting.set(key, resolve);
        this.#pump();
      });
    }
    const held = this.#held.get(key) as Held;
    const plain = openFrame(frame, held.stored ?? this.#spool.read(held.spooled, frame.stored));
    this.#used.add(key);
    return this.#remember(key, plain);
  }

  /** Fetches frames that were not planned, to repair a window. */
  async fetchNow(requests: readonly RangeRequest<FrameSpan>[]): Promise<void> {
    for (const request of requests) await this.#fetch(request);
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

  #release(key: number): void {
    const held = this.#held.get(key);
    if (held?.stored !== undefined) {
      this.#heldBytes -= held.stored.buffer.byteLength;
      this.#storedBuffers.give(held.stored);
    }
    this.#held.delete(key);
  }

  /**
   * Starts requests while there is room. When a frame is waited for and nothing is under way, there is room
   * in any case: what is held moves to the spool.
   */
  #pump(): void {
    while (this.#next < this.#requests.length && this.#inFlight < this.#parallel) {
      const request = this.#requests[this.#next] as RangeRequest<FrameSpan>;
      const room = this.#memoryBytes - this.#heldBytes - this.#inFlightBytes;
      if (request.length > room) {
        if (this.#inFlight > 0 || this.#waiting.size === 0) return;
        this.#spoolHeld();
      }
      this.#next += 1;
      this.#inFlight += 1;
      this.#inFlightBytes += request.length;
      this.#fetch(request)
        .catch((error: unknown) => {
          this.#failure ??= { error };
          for (const wake of this.#waiting.values()) wake();
        })
        .finally(() => {
          this.#inFlight -= 1;
          this.#inFlightBytes -= request.length;
          this.#pump();
        });
    }
  }

  /** Moves all that is held to the spool: the frame that is waited for needs the room. */
  #spoolHeld(): void {
    for (const [key, { stored }] of this.#held) {
      if (stored === undefined) continue;
      this.#held.set(key, { stored: undefined, spooled: this.#spool.append(stored) });
      this.#heldBytes -= stored.buffer.byteLength;
      this.#storedBuffers.give(stored);
    }
  }

  async #fetch(request: RangeRequest<FrameSpan>): Promise<void> {
    const pack = this.#packs[request.object] as PackEntry;
    await readSpans(
      this.#store,
      `packs/${toHex(pack.digest)}`,
      request,
      (span, stored) => {
        // The blocks that the socket gave.
        droppedBuffers(stored.length);
        if (!equalBytes(tagOf(stored), span.frame.tag)) return false;
        const key = frameKey(span.frame);
        this.#awaited.delete(key);
        this.#held.set(key, { stored: stored as Uint8Array<ArrayBuffer>, spooled: 0 });
        this.#heldBytes += stored.buffer.byteLength;
        this.#waiting.get(key)?.();
        this.#waiting.delete(key);
        return true;
      },
      this.#retry,
      (length) => this.#storedBuffers.take(length),
    );
  }
}
