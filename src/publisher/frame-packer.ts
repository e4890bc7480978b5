/**
 * Takes new chunks in image order, makes frames of them on the workers, and packs the frames in the order
 * they were opened, whichever is done first. So the packs do not depend on the number of workers.
 *
 * @module
 */
import { concatBytes } from '../core/bytes.ts';
import { DIGEST_BYTES } from '../core/digest.ts';
import { droppedBuffers } from '../core/drop-buffers.ts';
import { MiB } from '../core/sizes.ts';
import type { Compression } from '../format/compression.ts';
import { MAX_FRAME_PLAIN } from '../format/limits.ts';
import type { WorkerPool } from '../pool/pool.ts';
import type { BuiltFrame } from '../pool/tasks.ts';
import type { ContentKey } from '../trust/seal/content-key.ts';
import type { ChunkPlace } from './chunk-table.ts';
import type { FrameTable } from './frame-table.ts';
import { type BuiltPack, PackBuilder } from './pack-builder.ts';

/** Plain bytes of a frame, about: it is closed by the chunk that reaches this. docs/decisions/0004-frames.md. */
export const FRAME_BYTES: number = 1 * MiB;

/**
 * A frame is closed when the image has been read this far past its first chunk, however few have joined it:
 * windows wait in memory for the frames of their chunks, and an image of which all is known but the first
 * chunk would wait there whole.
 */
export const FRAME_SPAN_BYTES: number = 256 * MiB;

/**
 * Chunks that are kept apart: `new` for those that a device with the release before has not, `held` for those that
 * it has. Each group has an open frame of its own.
 */
export type FrameGroup = (typeof GROUPS)[number];

const GROUPS = ['new', 'held'] as const;

interface OpenFrame {
  readonly number: number;
  readonly path: string;
  readonly offsets: number[];
  readonly lengths: number[];
  readonly ids: Uint8Array[];
  plain: number;
}

interface PendingFrame {
  readonly number: number;
  readonly lengths: readonly number[];
  readonly ids: Uint8Array;
  readonly built: Promise<BuiltFrame>;
  /** Built, or failed to be. */
  done: boolean;
}

export interface FramePackerOptions {
  readonly compression: Compression;
  readonly frameBytes?: number | undefined;
  readonly packBytes?: number | undefined;
  /** Of a sealed release. */
  readonly key?: ContentKey | undefined;
  /** Hears of each pack as it is finished, and holds the packer up until it returns. */
  readonly onPack: (pack: BuiltPack) => Promise<void>;
}

export class FramePacker {
  readonly #pool: WorkerPool;
  readonly #table: FrameTable;
  readonly #options: FramePackerOptions;
  readonly #frameBytes: number;
  readonly #open = new Map<FrameGroup, OpenFrame>();
  readonly #pending: PendingFrame[] = [];
  #builder: PackBuilder;
  #packNumber: number | undefined;
  /** Plain and stored bytes of all frames so far. */
  plainBytes = 0;
  storedBytes = 0;

  constructor(pool: WorkerPool, table: FrameTable, options: FramePackerOptions) {
    this.#pool = pool;
    this.#table = table;
    this.#options = options;
    this.#frameBytes = options.frameBytes ?? FRAME_BYTES;
    this.#builder = new PackBuilder(options.packBytes, options.key);
  }

  /** Frames on their way through the workers. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Adds a chunk of the image at `path`; returns where it will lie. */
  add(path: string, offset: number, length: number, id: Uint8Array, group: FrameGroup = 'new'): ChunkPlace {
    if ((this.#open.get(group)?.plain ?? 0) + length > MAX_FRAME_PLAIN) this.#endFrame(group);
    const frame = this.#open.get(group) ?? this.#openFrame(group, path);
    const place = { frame: frame.number, offset: frame.plain };
    frame.offsets.push(offset);
    frame.lengths.push(length);
    frame.ids.push(id);
    frame.plain += length;
    if (frame.plain >= this.#frameBytes) this.#endFrame(group);
    return place;
  }

  /** Says that all chunks of the image ahead of `offset` have been added, or needed not be. */
  reached(offset: number): void {
    for (const group of GROUPS) {
      const first = this.#open.get(group)?.offsets[0];
      if (first !== undefined && offset - first >= FRAME_SPAN_BYTES) this.#endFrame(group);
    }
  }

  /** Closes the open frames, as at the end of an image: a frame holds chunks of one image only. */
  endFrame(): void {
    for (const group of GROUPS) this.#endFrame(group);
  }

  #openFrame(group: FrameGroup, path: string): OpenFrame {
    const frame = { number: this.#table.open(), path, offsets: [], lengths: [], ids: [], plain: 0 };
    this.#open.set(group, frame);
    return frame;
  }

  #endFrame(group: FrameGroup): void {
    const frame = this.#open.get(group);
    if (frame === undefined) return;
    this.#open.delete(group);
    const ids = concatBytes(frame.ids);
    const built = this.#pool.frame({
      path: frame.path,
      offsets: Float64Array.from(frame.offsets),
      lengths: Uint32Array.from(frame.lengths),
      ids,
      compression: this.#options.compression,
    });
    const pending = { number: frame.number, lengths: frame.lengths, ids, built, done: false };
    const done = (): void => {
      pending.done = true;
    };
    // Failures are met where the frame is awaited, in order.
    built.then(done, done);
    this.#pending.push(pending);
  }

  /**
   * Packs frames in order: those that are done, and the oldest ones, waiting for them, until at most `limit`
   * are pending.
   */
  async settle(limit: number): Promise<void> {
    while (this.#pending.length > limit || this.#pending[0]?.done) {
      const frame = this.#pending.shift() as PendingFrame;
      await this.#pack(frame, await frame.built);
    }
  }

  /** Packs all that was added. */
  async finish(): Promise<void> {
    this.endFrame();
    await this.settle(0);
    await this.#closePack();
  }

  async #pack(frame: PendingFrame, built: BuiltFrame): Promise<void> {
    if (!this.#builder.fits(built.stored.length, frame.lengths.length)) await this.#closePack();
    this.#packNumber ??= this.#table.openPack();
    const { plain, codec, tag } = built;
    const offset = this.#builder.add(built.stored, {
      plain,
      codec,
      tag,
      chunkLengths: frame.lengths,
      chunkIds: frame.ids.subarray(0, frame.lengths.length * DIGEST_BYTES),
    });
    this.#table.place(frame.number, {
      pack: this.#packNumber,
      offset,
      stored: built.stored.length + this.#builder.overhead,
      plain,
      codec,
      tag,
    });
    this.plainBytes += plain;
    this.storedBytes += built.stored.length;
    droppedBuffers(built.stored.length);
  }

  async #closePack(): Promise<void> {
    if (this.#packNumber === undefined) return;
    const pack = this.#builder.finish();
    this.#table.namePack(this.#packNumber, pack.entry);
    this.#packNumber = undefined;
    this.#builder = new PackBuilder(this.#options.packBytes, this.#options.key);
    await this.#options.onPack(pack);
  }
}
