/**
 * All of level 2 of an index, in window order, a few megabytes at a time: for checks and for statistics. A
 * device never does this.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import { tagOf } from '../format/frame.ts';
import type { IndexHead, WindowEntry } from '../format/index-head.ts';
import { decodeLevel2, type WindowMap } from '../format/level2.ts';
import type { ObjectSeal } from '../trust/seal/content-key.ts';
import { openSegment } from '../trust/seal/sealed-head.ts';

/** Read at a time; a single window may have more. */
const BATCH_BYTES: number = 2 * MiB;

/**
 * The map of every window that is not zeros.
 *
 * @param read gives just these bytes of the index object; it is asked for all of level 2, front to back
 * @param seal of a sealed index
 * @throws SiltError DIGEST_MISMATCH, SEAL_BROKEN, FORMAT_INVALID, what `read` throws
 */
export async function* readLevel2(
  head: IndexHead,
  read: (offset: number, length: number) => Promise<Uint8Array> | Uint8Array,
  seal?: ObjectSeal,
): AsyncGenerator<{ readonly window: WindowEntry; readonly map: WindowMap }> {
  for (const batch of batches(head)) {
    const bytes = await read(batch.offset, batch.length);
    for (const window of batch.windows) {
      const { offset, length } = window.level2;
      const stored = bytes.subarray(offset - batch.offset).subarray(0, length);
      const block = openSegment(seal, offset, stored);
      if (!equalBytes(tagOf(block), window.level2.tag)) {
        throw new SiltError(
          'DIGEST_MISMATCH',
          `index: level 2 of the window at ${window.offset} was altered`,
          {
            details: { offset, length },
          },
        );
      }
      yield { window, map: decodeLevel2(block, window.length, head.packs.length) };
    }
  }
}

type FullWindow = WindowEntry & { readonly level2: NonNullable<WindowEntry['level2']> };

interface Batch {
  readonly offset: number;
  length: number;
  readonly windows: FullWindow[];
}

function* batches(head: IndexHead): Generator<Batch> {
  let batch: Batch | undefined;
  for (const window of head.windows) {
    if (!hasLevel2(window)) continue;
    if (batch !== undefined && batch.length + window.level2.length > BATCH_BYTES) {
      yield batch;
      batch = undefined;
    }
    batch ??= { offset: window.level2.offset, length: 0, windows: [] };
    batch.length += window.level2.length;
    batch.windows.push(window);
  }
  if (batch !== undefined) yield batch;
}

function hasLevel2(window: WindowEntry): window is FullWindow {
  return window.level2 !== undefined;
}
