/**
 * One image on its way into a release: cut, look each chunk up, pack the new ones, write the index.
 *
 * @module
 */
import type { ChunkerSpec } from '../chunker/chunker.ts';
import { WindowGatherer, type WindowSpec, windowSelector } from '../chunker/windows.ts';
import { DIGEST_BYTES } from '../core/digest.ts';
import { ZERO_FRAME } from '../format/level2.ts';
import { type FileVersion, type SourceFile, sameVersion } from '../io/source-file.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { imageChanged } from '../pool/scan-file.ts';
import type { ScannedChunks } from '../pool/tasks.ts';
import type { ChunkTable } from './chunk-table.ts';
import type { FramePacker } from './frame-packer.ts';
import type { FrameTable } from './frame-table.ts';
import type { GatheredWindow, IndexWriter } from './index-writer.ts';
import { scanImage } from './scan-image.ts';

/** What all images of a release share. */
export interface ReleaseTables {
  readonly pool: WorkerPool;
  readonly chunks: ChunkTable;
  readonly frames: FrameTable;
  readonly packer: FramePacker;
  readonly chunker: ChunkerSpec;
  readonly windowing: WindowSpec;
}

export interface ImageTotals {
  chunks: number;
  newChunks: number;
  newBytes: number;
}

interface QueuedWindow {
  readonly window: GatheredWindow;
  readonly digest: Promise<Uint8Array>;
}

const NO_DIGEST = new Uint8Array();

/**
 * Indexes the whole image; on return every window is written and every new chunk packed or about to be.
 *
 * @param onProgress hears how many bytes of the image are done
 * @throws SiltError IMAGE_CHANGED, IO_FAILED
 */
export async function indexImage(
  file: SourceFile,
  tables: ReleaseTables,
  index: IndexWriter,
  onProgress: (bytesDone: number) => void,
): Promise<ImageTotals> {
  const before = file.version();
  const intake = new Intake(file, tables);
  const queue: QueuedWindow[] = [];
  for await (const batch of scanImage(file, tables.chunker, tables.pool)) {
    intake.take(batch, queue);
    // Two frames a worker keep all of them busy; more would only take memory.
    await tables.packer.settle(tables.pool.workers * 2);
    await writePlaced(queue, tables.frames, index, onProgress);
  }
  intake.end(queue);
  tables.packer.endFrame();
  await tables.packer.settle(0);
  await writePlaced(queue, tables.frames, index, onProgress);
  checkUnchanged(file, before);
  return intake.totals;
}

/** Writes windows, in order, up to the first that waits for a frame. */
async function writePlaced(
  queue: QueuedWindow[],
  frames: FrameTable,
  index: IndexWriter,
  onProgress: (bytesDone: number) => void,
): Promise<void> {
  let written = 0;
  for (const { window, digest } of queue) {
    if (!window.frames.every((frame) => frame === ZERO_FRAME || frames.isPlaced(frame))) break;
    await index.add(window, await digest);
    onProgress(window.offset + window.length);
    written += 1;
  }
  queue.splice(0, written);
}

function checkUnchanged(file: SourceFile, before: FileVersion): void {
  if (!sameVersion(before, file.version())) throw imageChanged(file.path);
}

/** Takes chunks in, gives windows out. */
class Intake {
  readonly totals: ImageTotals = { chunks: 0, newChunks: 0, newBytes: 0 };
  readonly #file: SourceFile;
  readonly #tables: ReleaseTables;
  readonly #gatherer: WindowGatherer;
  #open: {
    offset: number;
    length: number;
    zero: boolean;
    lengths: number[];
    ids: Uint8Array[];
    frames: number[];
    offsetsIn: number[];
  };

  constructor(file: SourceFile, tables: ReleaseTables) {
    this.#file = file;
    this.#tables = tables;
    this.#gatherer = new WindowGatherer(tables.windowing, tables.chunker.average);
    this.#open = emptyWindow(0);
  }

  take(batch: ScannedChunks, queue: QueuedWindow[]): void {
    let offset = batch.from;
    batch.lengths.forEach((length, i) => {
      const at = i * DIGEST_BYTES;
      const zero = batch.zeros[i] === 1;
      if (this.#gatherer.endsBefore(length, zero)) this.#close(queue);
      const id = batch.ids.subarray(at, at + DIGEST_BYTES);
      const place = zero ? { frame: ZERO_FRAME, offset: 0 } : this.#place(offset, length, batch.ids, at);
      const window = this.#open;
      window.length += length;
      window.zero &&= zero;
      window.lengths.push(length);
      window.ids.push(id);
      window.frames.push(place.frame);
      window.offsetsIn.push(place.offset);
      this.totals.chunks += 1;
      offset += length;
      if (this.#gatherer.add(length, zero ? 0 : windowSelector(id), zero)) this.#close(queue);
    });
  }

  end(queue: QueuedWindow[]): void {
    if (this.#open.length > 0) this.#close(queue);
  }

  #place(offset: number, length: number, ids: Uint8Array, at: number): { frame: number; offset: number } {
    const { chunks, packer } = this.#tables;
    const known = chunks.find(ids, at);
    if (known !== undefined) return known;
    const place = packer.add(this.#file.path, offset, length, ids.subarray(at, at + DIGEST_BYTES));
    chunks.add(ids, at, place);
    this.totals.newChunks += 1;
    this.totals.newBytes += length;
    return place;
  }

  #close(queue: QueuedWindow[]): void {
    const window = this.#open;
    const digest = window.zero ? Promise.resolve(NO_DIGEST) : this.#digest(window.offset, window.length);
    // Failures are met where the digest is awaited.
    digest.catch(() => {});
    queue.push({ window, digest });
    this.#open = emptyWindow(window.offset + window.length);
    this.#gatherer.begin();
  }

  #digest(offset: number, length: number): Promise<Uint8Array> {
    return this.#tables.pool.digests({
      path: this.#file.path,
      offsets: Float64Array.of(offset),
      lengths: Float64Array.of(length),
    });
  }
}

function emptyWindow(offset: number) {
  return { offset, length: 0, zero: true, lengths: [], ids: [], frames: [], offsetsIn: [] };
}
