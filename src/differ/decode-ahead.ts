/**
 * Decodes windows ahead of the one that is written, on this thread and on others.
 *
 * The others always have something to do; whenever the next window is not ready, this thread decodes the one
 * behind those that were begun, rather than wait.
 *
 * @module
 */
import { MiB } from '../core/sizes.ts';
import type { BaseReader } from '../delta/base-reader.ts';
import { bytesNeeded, decodePayload } from '../delta/payload.ts';
import { WindowDecoder } from '../delta/window-decoder.ts';
import { DecoderThread } from './decoder-thread.ts';

/** A window to decode. */
export interface CodedWindow {
  /** In the target. */
  readonly offset: number;
  readonly length: number;
  /** Reads the payload when its turn comes. */
  readonly payload: () => Uint8Array<ArrayBuffer>;
}

export interface DecodeAheadOptions {
  readonly basePath: string;
  readonly base: BaseReader;
  readonly targetPath: string;
  /** What of the target has been written. */
  readonly target: Pick<BaseReader, 'read'>;
  /** Threads, this one among them. */
  readonly workers: number;
}

/** Starting a thread takes as long as decoding so many bytes. */
const WORTH_THREADS: number = 4 * MiB;

/** Plain bytes of all windows that were begun and are not written yet. */
const AHEAD_BYTES: number = 6 * MiB;

/** Windows that a thread has: one under way, and one to go on with at once. */
const BACKLOG = 2;

interface Begun {
  readonly offset: number;
  readonly length: number;
  readonly result: Promise<Uint8Array<ArrayBuffer>>;
  settled: boolean;
}

export class DecodeAhead implements AsyncDisposable {
  readonly #base: BaseReader;
  readonly #target: Pick<BaseReader, 'read'>;
  readonly #threads: readonly DecoderThread[];
  /** Still to be begun, the next one last. */
  readonly #queue: CodedWindow[];
  /** In the order in which they are wanted. */
  readonly #begun: Begun[] = [];
  /** Buffers that have been read. */
  readonly #free: ArrayBuffer[] = [];
  #begunBytes = 0;
  /** Bytes of the target that are there. */
  #written = 0;
  /** The payload of the window that is next, once it was looked at. */
  #peeked:
    | { readonly window: CodedWindow; readonly payload: Uint8Array<ArrayBuffer>; readonly needs: number }
    | undefined;
  #decoder: WindowDecoder | undefined;

  /**
   * Begins to decode.
   *
   * @param queue windows in the order in which {@link DecodeAhead.take} will give them
   */
  constructor(queue: readonly CodedWindow[], options: DecodeAheadOptions) {
    const { basePath, base, targetPath, target, workers } = options;
    this.#base = base;
    this.#target = target;
    this.#queue = [...queue].reverse();
    const bytes = queue.reduce((sum, { length }) => sum + length, 0);
    const largest = queue.reduce((max, { length }) => Math.max(max, length), 0);
    // Of larger windows only one at a time has room in memory.
    const threads = bytes < WORTH_THREADS || largest * 2 > AHEAD_BYTES ? 0 : workers - 1;
    const thread = () => new DecoderThread({ path: basePath, size: base.size, targetPath });
    this.#threads = Array.from({ length: threads }, thread);
    // While the threads start, the first window is decoded here.
    if (threads > 0) this.#beginHere();
    this.#feedThreads();
  }

  /**
   * Gives the bytes of the next window to `use`, not compared with anything. Everything ahead of it in the
   * target must be written.
   *
   * @throws SiltError FORMAT_INVALID for a malformed payload; what reading the payload throws
   */
  async take<T>(use: (bytes: Uint8Array) => Promise<T> | T): Promise<T> {
    const upcoming = this.#begun[0] ?? (this.#queue.at(-1) as CodedWindow);
    this.#written = upcoming.offset;
    if (this.#threads.length === 0) {
      const window = this.#queue.pop() as CodedWindow;
      return await use(this.#decodeHere(window, window.payload()));
    }
    this.#feedThreads();
    if (this.#begun.length === 0) this.#beginHere();
    const next = this.#begun[0] as Begun;
    while (!next.settled) {
      if (!this.#beginHere()) break;
      // Answers of the threads come in only between turns.
      await new Promise(setImmediate);
      this.#feedThreads();
    }
    const bytes = await next.result;
    this.#begun.shift();
    this.#begunBytes -= next.length;
    try {
      return await use(bytes);
    } finally {
      this.#free.push(bytes.buffer);
    }
  }

  #feedThreads(): void {
    for (const thread of this.#threads) {
      while (thread.backlog < BACKLOG) {
        const next = this.#nextWithRoom();
        if (next === undefined) return;
        const { offset, length } = next.window;
        const into = this.#free.pop() ?? new ArrayBuffer(0);
        this.#begin(next.window, async () => thread.decode({ payload: next.payload, offset, length, into }));
      }
    }
  }

  /** Decodes one more window on this thread. @returns false when there is none, or no room for it */
  #beginHere(): boolean {
    const next = this.#nextWithRoom();
    if (next === undefined) return false;
    const { window, payload } = next;
    this.#begin(window, async () => {
      const free = this.#free.pop();
      const room =
        free !== undefined && free.byteLength >= window.length ? free : new ArrayBuffer(window.length);
      const bytes = new Uint8Array(room, 0, window.length);
      bytes.set(this.#decodeHere(window, payload));
      return bytes;
    });
    return true;
  }

  /** The next window, if there is room for it and what it needs of the target is there. */
  #nextWithRoom(): { readonly window: CodedWindow; readonly payload: Uint8Array<ArrayBuffer> } | undefined {
    const window = this.#queue.at(-1);
    if (window === undefined) return undefined;
    if (this.#begunBytes + window.length > AHEAD_BYTES && this.#begun.length > 0) return undefined;
    if (this.#peeked?.window !== window) {
      try {
        const payload = window.payload();
        this.#peeked = { window, payload, needs: bytesNeeded(decodePayload(payload), window.offset) };
      } catch (error) {
        // It fails when its turn comes; what is behind it does not matter any more.
        this.#queue.length = 0;
        this.#begin(window, () => Promise.reject(error));
        return undefined;
      }
    }
    if (this.#peeked.needs > this.#written) return undefined;
    this.#queue.pop();
    return this.#peeked;
  }

  #begin({ offset, length }: CodedWindow, decode: () => Promise<Uint8Array<ArrayBuffer>>): void {
    const begun: Begun = { offset, length, result: decode(), settled: false };
    const settle = (): void => {
      begun.settled = true;
    };
    // A failure waits for its turn.
    begun.result.then(settle, settle);
    this.#begun.push(begun);
    this.#begunBytes += length;
  }

  #decodeHere({ offset, length }: CodedWindow, payload: Uint8Array): Uint8Array {
    this.#decoder ??= new WindowDecoder();
    const earlier = { size: offset, read: this.#target.read };
    return this.#decoder.decode(payload, length, this.#base, earlier);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}
