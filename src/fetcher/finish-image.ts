/**
 * The last look: reads the whole image back, compares every window with the index, and only then gives it
 * its name. The same pass cuts it, so that the next update need not.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { SiltError } from '../core/errors.ts';
import type { IndexHead } from '../format/index-head.ts';
import { SourceFile } from '../io/source-file.ts';
import { keptWindows } from './kept-windows.ts';
import { scanSeed } from './scan-seed.ts';
import { SeedIndexReader } from './seed-index-file.ts';
import { savedIndexPath } from './seeds.ts';
import type { Target } from './target.ts';
import { isWindow } from './verified-window.ts';

export interface FinishOptions {
  readonly output: string;
  readonly stateDirectory: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (bytesDone: number) => void;
}

/**
 * Verifies what was written and completes the target.
 *
 * @throws SiltError DIGEST_MISMATCH when the medium does not give back what was written to it
 */
export async function finishImage(head: IndexHead, target: Target, options: FinishOptions): Promise<void> {
  const scratch = join(target.scratch, 'installed');
  using file = SourceFile.open(target.file.path);
  await scanSeed(file, scratch, head.chunker, head.windowing, {
    signal: options.signal,
    onProgress: options.onProgress,
    // A device may be larger than the image.
    size: head.imageSize,
  });
  const index = SeedIndexReader.open(scratch);
  const kept = keptWindows(head.windows, index);
  index.close();
  const buffer = new Uint8Array(head.windows.reduce((max, { length }) => Math.max(max, length), 0));
  for (const window of head.windows) {
    // Windows may be gathered in another way than this silt does it; their digests still hold.
    if (kept.has(window.offset)) continue;
    const bytes = buffer.subarray(0, window.length);
    if (file.read(window.offset, bytes) !== window.length || !isWindow(window, bytes)) {
      throw new SiltError(
        'DIGEST_MISMATCH',
        `${target.file.path}: the bytes from ${window.offset} on are not those that were written; ` +
          'the medium is failing or somebody else writes to it',
        { details: { offset: window.offset, length: window.length } },
      );
    }
  }
  const saved = options.stateDirectory === undefined ? undefined : keepAside(scratch, options.stateDirectory);
  await target.complete();
  saved?.(options.output);
}

/** Copies a seed index into the state directory, to be named once the image has its own name. */
function keepAside(scratch: string, directory: string): (output: string) => void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const aside = join(directory, `.new-${randomUUID()}`);
    copyFileSync(scratch, aside);
    return (output) => renameSync(aside, savedIndexPath(directory, output));
  } catch {
    // Only speed is lost: the next update cuts the seed again.
    return () => {};
  }
}
