/**
 * Packs of stored frames, a plan of which window uses which of them, and a store that watches what is asked
 * ahead of its use.
 *
 * @module
 */
import { join } from 'node:path';
import { toHex } from '../../src/core/digest.ts';
import { FrameSource, type FrameSourceOptions, type FrameSpan } from '../../src/fetcher/frame-source.ts';
import { planRanges, type RangeCosts, type RangeRequest } from '../../src/fetcher/ranges.ts';
import { Spool } from '../../src/fetcher/spool.ts';
import { CODEC_STORED, type FrameRef, frameKey, tagOf } from '../../src/format/frame.ts';
import type { ReadStore } from '../../src/store/store.ts';
import { seededBytes } from './seeded-bytes.ts';

export interface PackedFrame {
  readonly frame: FrameRef;
  readonly bytes: Uint8Array;
}

/** Frames of these lengths, one behind the other, the packs filled in turn. */
export function packFrames(lengths: readonly number[], packs: number): PackedFrame[] {
  const ends = Array<number>(packs).fill(10);
  return lengths.map((length, number) => {
    const pack = number % packs;
    const bytes = seededBytes(`frame ${number}`, length);
    const offset = ends[pack] ?? 0;
    ends[pack] = offset + length;
    const frame = { pack, offset, stored: length, plain: length, codec: CODEC_STORED, tag: tagOf(bytes) };
    return { frame, bytes };
  });
}

/** The span of every frame that is used, in order of first use. @param uses frame numbers, window by window */
export function spansOf(frames: readonly PackedFrame[], uses: readonly (readonly number[])[]): FrameSpan[] {
  const spans = new Map<number, FrameSpan>();
  for (const [window, numbers] of uses.entries()) {
    for (const number of numbers) {
      const { frame } = frames[number] as PackedFrame;
      const known = spans.get(number);
      if (known !== undefined) known.lastWindow = window;
      else
        spans.set(number, {
          object: frame.pack,
          offset: frame.offset,
          length: frame.stored,
          frame,
          lastWindow: window,
        });
    }
  }
  return [...spans.values()];
}

/** Counts what is kept in memory, as far as it can be seen from outside. */
export class Watch {
  /** Stored bytes by frame: asked for, not in the spool, and of use to this window or a later one. */
  readonly #inMemory = new Map<number, number>();
  readonly #keys = new Map<string, number>();
  readonly #lastWindows = new Map<number, number>();
  most = 0;
  spooledBytes = 0;
  requests = 0;

  constructor(requests: readonly RangeRequest<FrameSpan>[]) {
    for (const { frame, lastWindow } of requests.flatMap(({ spans }) => spans)) {
      this.#keys.set(toHex(frame.tag), frameKey(frame));
      this.#lastWindows.set(frameKey(frame), lastWindow);
    }
  }

  asked(request: RangeRequest<FrameSpan>): void {
    this.requests += 1;
    for (const { frame } of request.spans) this.#inMemory.set(frameKey(frame), frame.stored);
    this.most = Math.max(this.most, this.bytes);
  }

  spooled(stored: Uint8Array): void {
    this.#inMemory.delete(this.#keys.get(toHex(tagOf(stored))) ?? -1);
    this.spooledBytes += stored.length;
  }

  entered(window: number): void {
    for (const key of this.#inMemory.keys()) {
      if ((this.#lastWindows.get(key) ?? -1) < window) this.#inMemory.delete(key);
    }
  }

  get bytes(): number {
    return [...this.#inMemory.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}

export class WatchedSpool extends Spool {
  readonly #heard: (stored: Uint8Array) => void;

  constructor(directory: string, heard: (stored: Uint8Array) => void) {
    super(join(directory, 'spool'));
    this.#heard = heard;
  }

  override append(bytes: Uint8Array): number {
    this.#heard(bytes);
    return super.append(bytes);
  }
}

export interface FrameBench {
  readonly source: FrameSource;
  readonly watch: Watch;
  readonly requests: readonly RangeRequest<FrameSpan>[];
  readonly spool: WatchedSpool;
}

export interface FrameBenchOptions extends FrameSourceOptions {
  readonly costs?: RangeCosts;
  /** Awaited before each piece of a body, and may throw. */
  readonly pace?: (pack: number, offset: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Heard of each append to the spool, before it happens. */
  readonly onSpool?: () => void;
}

/** A source for this plan over a store in memory; bodies come in two pieces. */
export function frameBench(
  directory: string,
  frames: readonly PackedFrame[],
  uses: readonly (readonly number[])[],
  options: FrameBenchOptions = {},
): FrameBench {
  const { costs, pace = async () => {}, onSpool = () => {}, ...rest } = options;
  const requests = planRanges(spansOf(frames, uses), costs);
  const watch = new Watch(requests);
  const packs = packsOf(frames);
  const store: ReadStore = {
    location: 'memory',
    async *getRange(key, { offset, length }, { signal } = {}) {
      const pack = Number.parseInt(key.slice(-2), 16);
      const request = requests.find((each) => each.object === pack && each.offset === offset);
      if (request !== undefined) watch.asked(request);
      await pace(pack, offset, signal);
      const body = packs[pack]?.body.subarray(offset, offset + length) ?? Buffer.alloc(0);
      yield Uint8Array.from(body.subarray(0, length >> 1));
      await pace(pack, offset, signal);
      yield Uint8Array.from(body.subarray(length >> 1));
    },
    get: async () => undefined,
    has: async () => undefined,
    close: async () => {},
  };
  const spool = new WatchedSpool(directory, (stored) => {
    onSpool();
    watch.spooled(stored);
  });
  const retry = { attempts: 1, ...rest.retry };
  const keys = packs.map(({ key }) => key);
  return {
    source: new FrameSource(store, keys, requests, spool, { ...rest, retry }),
    watch,
    requests,
    spool,
  };
}

function packsOf(frames: readonly PackedFrame[]): { key: string; body: Uint8Array }[] {
  const count = 1 + Math.max(0, ...frames.map(({ frame }) => frame.pack));
  return Array.from({ length: count }, (_, number) => {
    const own = frames.filter(({ frame }) => frame.pack === number);
    const body = Buffer.concat([Buffer.alloc(10), ...own.map(({ bytes }) => bytes)]);
    // The name tells the store which one it is.
    return { key: `packs/${toHex(new Uint8Array(32).fill(number))}`, body };
  });
}
