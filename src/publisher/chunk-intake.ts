/**
 * Takes the chunks of an image in, in order; looks each up, sends new ones to the packer, and gives windows
 * out.
 *
 * A chunk that only other products hold is a special case: using it saves room on the server, but a device
 * of this product has to fetch a whole frame of another for it. So such chunks are used in runs of at least
 * {@link FOREIGN_RUN_BYTES} that also follow one another there, and stored again otherwise.
 *
 * A chunk of an earlier release of this product is stored again where {@link FrameUse} finds its frame not worth it.
 *
 * @module
 */
import type { ChunkerSpec } from '../chunker/chunker.ts';
import { WindowGatherer, type WindowSpec, windowSelector } from '../chunker/windows.ts';
import { DIGEST_BYTES } from '../core/digest.ts';
import { KiB } from '../core/sizes.ts';
import { ZERO_FRAME } from '../format/level2.ts';
import type { SourceFile } from '../io/source-file.ts';
import type { WorkerPool } from '../pool/pool.ts';
import type { ScannedChunks } from '../pool/tasks.ts';
import type { ChunkPlace, ChunkTable } from './chunk-table.ts';
import type { FrameGroup, FramePacker } from './frame-packer.ts';
import type { FrameTable } from './frame-table.ts';
import { FrameUse } from './frame-use.ts';
import type { GatheredWindow } from './index-writer.ts';

/** A quarter of a frame: what is fetched in vain stays below what a first install fetches anyway. */
export const FOREIGN_RUN_BYTES: number = 256 * KiB;

/** What all images of a release share. */
export interface ReleaseTables {
  readonly pool: WorkerPool;
  readonly chunks: ChunkTable;
  readonly frames: FrameTable;
  readonly packer: FramePacker;
  readonly chunker: ChunkerSpec;
}

export interface ImageTotals {
  chunks: number;
  newChunks: number;
  newBytes: number;
  /** Of `newBytes`, what lies in other frames already. */
  againBytes: number;
}

/** A window on its way to the index. */
export interface QueuedWindow {
  readonly window: GatheredWindow;
  readonly digest: Promise<Uint8Array>;
}

interface OpenWindow {
  readonly offset: number;
  length: number;
  zero: boolean;
  readonly lengths: number[];
  readonly ids: Uint8Array[];
  readonly frames: number[];
  readonly offsetsIn: number[];
}

/** A chunk of another product that may yet be stored again. */
interface ForeignChunk {
  readonly window: OpenWindow;
  /** Position in the window. */
  readonly at: number;
  readonly offset: number;
  readonly length: number;
  readonly id: Uint8Array;
  readonly place: ChunkPlace;
}

const NO_DIGEST = new Uint8Array();
const ZEROS: ChunkPlace = { frame: ZERO_FRAME, offset: 0 };

export class ChunkIntake {
  readonly totals: ImageTotals = { chunks: 0, newChunks: 0, newBytes: 0, againBytes: 0 };
  readonly #file: SourceFile;
  readonly #tables: ReleaseTables;
  readonly #gatherer: WindowGatherer;
  readonly #use: FrameUse;
  /** Windows that are complete but for the places of a foreign run. */
  readonly #closed: QueuedWindow[] = [];
  #open: OpenWindow = emptyWindow(0);
  /** Chunks of a foreign run: all of them while it is short, the last one when it is long enough to stay. */
  #run: ForeignChunk[] = [];
  #runBytes = 0;

  constructor(file: SourceFile, tables: ReleaseTables, windowing: WindowSpec) {
    this.#file = file;
    this.#tables = tables;
    this.#use = new FrameUse(tables.chunks, tables.frames);
    this.#gatherer = new WindowGatherer(windowing, tables.chunker.average);
  }

  /** Looks at the batches that will be taken next, for what they use of earlier frames. */
  weigh(stretch: readonly ScannedChunks[]): void {
    this.#use.weigh(stretch);
  }

  /** Takes a batch; returns the windows that are complete. */
  take(batch: ScannedChunks): QueuedWindow[] {
    let offset = batch.from;
    batch.lengths.forEach((length, i) => {
      const zero = batch.zeros[i] === 1;
      const id = batch.ids.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES);
      if (this.#gatherer.endsBefore(length, zero)) this.#closeWindow();
      this.#add(offset, length, id, zero);
      offset += length;
      if (this.#gatherer.add(length, windowSelector(id), zero)) this.#closeWindow();
    });
    return this.#complete();
  }

  /** Ends the image; returns its last windows. */
  end(): QueuedWindow[] {
    this.#settleRun();
    if (this.#open.length > 0) this.#closeWindow();
    return this.#complete();
  }

  #complete(): QueuedWindow[] {
    return this.#run.length > 0 && !this.#runStays ? [] : this.#closed.splice(0);
  }

  get #runStays(): boolean {
    return this.#runBytes >= FOREIGN_RUN_BYTES;
  }

  #add(offset: number, length: number, id: Uint8Array, zero: boolean): void {
    const { chunks, frames } = this.#tables;
    let known = zero ? undefined : chunks.find(id, 0);
    const foreign = known !== undefined && frames.isForeign(known.frame);
    if (this.#run.length > 0 && !(foreign && this.#continuesRun(known as ChunkPlace))) {
      this.#settleRun();
      // Settling may have stored this very chunk again.
      known = zero ? undefined : chunks.find(id, 0);
    }
    const group = known && this.#use.storedAgain(known);
    if (group !== undefined) known = this.#storeAgain(offset, length, id, group);
    const window = this.#open;
    const at = window.lengths.length;
    window.length += length;
    window.zero &&= zero;
    window.lengths.push(length);
    window.ids.push(id);
    this.totals.chunks += 1;
    const place = zero ? ZEROS : (known ?? this.#store(offset, length, id));
    window.frames.push(place.frame);
    window.offsetsIn.push(place.offset);
    if (zero || !frames.isForeign(place.frame)) return;
    this.#run.push({ window, at, offset, length, id, place });
    this.#runBytes += length;
    if (this.#runStays) this.#run = this.#run.slice(-1);
  }

  /** Stores a new chunk. */
  #store(offset: number, length: number, id: Uint8Array): ChunkPlace {
    const place = this.#tables.packer.add(this.#file.path, offset, length, id);
    this.#tables.chunks.add(id, 0, place);
    this.totals.newChunks += 1;
    this.totals.newBytes += length;
    return place;
  }

  /** Gives a known chunk another place. */
  #storeAgain(offset: number, length: number, id: Uint8Array, group: FrameGroup): ChunkPlace {
    const place = this.#tables.packer.add(this.#file.path, offset, length, id, group);
    this.#tables.chunks.move(id, 0, place);
    this.totals.newChunks += 1;
    this.totals.newBytes += length;
    this.totals.againBytes += length;
    return place;
  }

  #continuesRun(place: ChunkPlace): boolean {
    const last = this.#run.at(-1) as ForeignChunk;
    const behind = last.place.offset + last.length;
    return place.frame === last.place.frame
      ? place.offset === behind
      : place.frame === last.place.frame + 1 && place.offset === 0;
  }

  /** Keeps a long run as it is, and stores the chunks of a short one again. */
  #settleRun(): void {
    const [run, stays] = [this.#run, this.#runStays];
    this.#run = [];
    this.#runBytes = 0;
    if (stays) return;
    const { chunks, frames } = this.#tables;
    for (const { window, at, offset, length, id } of run) {
      let place = chunks.find(id, 0) as ChunkPlace;
      if (frames.isForeign(place.frame)) place = this.#storeAgain(offset, length, id, 'new');
      window.frames[at] = place.frame;
      window.offsetsIn[at] = place.offset;
    }
  }

  #closeWindow(): void {
    const window = this.#open;
    const digest = window.zero ? Promise.resolve(NO_DIGEST) : this.#digest(window.offset, window.length);
    // Failures are met where the digest is awaited.
    digest.catch(() => {});
    this.#closed.push({ window, digest });
    this.#open = emptyWindow(window.offset + window.length);
    this.#gatherer.begin();
    this.#tables.packer.reached(window.offset + window.length);
  }

  #digest(offset: number, length: number): Promise<Uint8Array> {
    return this.#tables.pool.digests({
      path: this.#file.path,
      offsets: Float64Array.of(offset),
      lengths: Float64Array.of(length),
    });
  }
}

function emptyWindow(offset: number): OpenWindow {
  return { offset, length: 0, zero: true, lengths: [], ids: [], frames: [], offsetsIn: [] };
}
