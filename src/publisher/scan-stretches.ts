/**
 * The chunks of an image in long stretches, so that it is known of many chunks at once what they use before any of
 * them is given a place.
 *
 * @module
 */
import type { ScannedChunks } from '../pool/tasks.ts';

/** Some 1.2 GiB of an image, in chunks of 5 KiB, and 10 MiB of memory. */
export const STRETCH_CHUNKS: number = 1 << 18;

/**
 * Gathers `batches` until there are `chunks` chunks or more.
 *
 * @param chunks 0 gives each batch on at once
 * @throws what `batches` throws
 */
export async function* inStretches(
  batches: AsyncIterable<ScannedChunks>,
  chunks: number,
): AsyncGenerator<ScannedChunks[]> {
  let stretch: ScannedChunks[] = [];
  let count = 0;
  for await (const batch of batches) {
    stretch.push(batch);
    count += batch.lengths.length;
    if (count < chunks) continue;
    yield stretch;
    stretch = [];
    count = 0;
  }
  if (stretch.length > 0) yield stretch;
}
