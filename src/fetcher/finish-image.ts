/**
 * The last look: reads the whole image back, compares every window with the index, and only then gives it
 * its name. The same pass cuts it, so that the next update need not.
 *
 * @module
 */
import { join, resolve } from 'node:path';
import { sha256Hex, toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import type { IndexHead } from '../format/index-head.ts';
import { copyFileSync, makeDirectorySync, removeTreeSync, renameSync } from '../io/disk.ts';
import { SourceFile } from '../io/source-file.ts';
import { findKept } from './kept-windows.ts';
import { scanSeed } from './scan-seed.ts';
import { SeedIndexReader } from './seed-index-file.ts';
import { savedIndexPath } from './seeds.ts';
import type { Target } from './target.ts';

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
    known: [{ size: head.imageSize, sha256: toHex(head.imageDigest) }],
  });
  const index = SeedIndexReader.open(scratch);
  const right = await findKept(head.windows, file.read, index, options.signal).finally(() => index.close());
  const wrong = head.windows.find(({ offset }) => !right.has(offset));
  if (wrong !== undefined) {
    const { offset, length } = wrong;
    throw new SiltError(
      'DIGEST_MISMATCH',
      `${target.file.path}: the bytes from ${offset} on are not those that were written; ` +
        'the medium is failing or somebody else writes to it',
      { details: { offset, length } },
    );
  }
  const saved =
    options.stateDirectory === undefined
      ? undefined
      : keepAside(scratch, options.stateDirectory, options.output);
  await target.complete();
  saved?.();
}

/** Copies a seed index into the state directory, to be named once the image has its own name. */
function keepAside(scratch: string, directory: string, output: string): (() => void) | undefined {
  const aside = join(directory, `${sha256Hex(Buffer.from(resolve(output))).slice(0, 32)}.new`);
  // Only speed is lost where this fails: the next update cuts the seed again.
  try {
    makeDirectorySync(directory, 0o700, true);
    copyFileSync(scratch, aside);
  } catch {
    try {
      removeTreeSync(aside);
    } catch {}
    return undefined;
  }
  return () => {
    try {
      renameSync(aside, savedIndexPath(directory, output));
    } catch {}
  };
}
