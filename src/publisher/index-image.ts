/**
 * One image on its way into a release: cut, look each chunk up, pack the new ones, write the index.
 *
 * @module
 */
import type { WindowSpec } from '../chunker/windows.ts';
import { ZERO_FRAME } from '../format/level2.ts';
import { type FileVersion, type SourceFile, sameVersion } from '../io/source-file.ts';
import { imageChanged } from '../pool/scan-file.ts';
import { ChunkIntake, type ImageTotals, type QueuedWindow, type ReleaseTables } from './chunk-intake.ts';
import { FRAME_SPAN_BYTES } from './frame-packer.ts';
import type { FrameTable } from './frame-table.ts';
import type { IndexWriter } from './index-writer.ts';
import { scanImage } from './scan-image.ts';
import { inStretches, STRETCH_CHUNKS } from './scan-stretches.ts';

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
  windowing: WindowSpec,
  onProgress: (bytesDone: number) => void,
): Promise<ImageTotals> {
  const before = file.version();
  const intake = new ChunkIntake(file, tables, windowing);
  const queue: QueuedWindow[] = [];
  const batches = scanImage(file, tables.chunker, tables.pool);
  // A first release has nothing to weigh.
  const stretchChunks = tables.frames.isEarlier(0) ? STRETCH_CHUNKS : 0;
  for await (const stretch of inStretches(batches, stretchChunks)) {
    intake.weigh(stretch);
    for (const batch of stretch) {
      queue.push(...intake.take(batch));
      // Two frames a worker keep all of them busy; more would only take memory, as do windows that wait.
      const limit = bytesOf(queue) > FRAME_SPAN_BYTES ? 0 : tables.pool.workers * 2;
      await tables.packer.settle(limit);
      await writePlaced(queue, tables.frames, index, onProgress);
    }
  }
  queue.push(...intake.end());
  tables.packer.endFrame();
  await tables.packer.settle(0);
  await writePlaced(queue, tables.frames, index, onProgress);
  checkUnchanged(file, before);
  return intake.totals;
}

function bytesOf(queue: readonly QueuedWindow[]): number {
  return queue.reduce((sum, { window }) => sum + window.length, 0);
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
