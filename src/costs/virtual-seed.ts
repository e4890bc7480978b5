/**
 * A device that has a release, without its image: a file of holes in the image's size, beside a seed index made
 * from the Index of the release instead of from bytes. A plan looks at indexes alone, so it comes out as it would on
 * the device; nothing may be fetched with it.
 *
 * @module
 */
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '../core/digest.ts';
import { SeedIndexWriter } from '../fetcher/seed-index-file.ts';
import { savedIndexPath } from '../fetcher/seeds.ts';
import type { IndexHead, WindowEntry } from '../format/index-head.ts';
import { type WindowMap, ZERO_FRAME } from '../format/level2.ts';
import { MAX_CHUNK } from '../format/limits.ts';
import { makeDirectorySync } from '../io/disk.ts';
import { ioError } from '../io/io-error.ts';
import { SourceFile } from '../io/source-file.ts';

/** What a fetch is told of the device. */
export interface VirtualSeed {
  readonly path: string;
  readonly stateDirectory: string;
}

/**
 * Makes the seed in `directory`, which must be empty.
 *
 * @param level2 the maps of all windows that are not zeros, in order
 * @throws SiltError IO_FAILED, NO_SPACE; what `level2` throws
 */
export async function virtualSeed(
  directory: string,
  head: IndexHead,
  level2: AsyncIterable<{ readonly window: WindowEntry; readonly map: WindowMap }>,
): Promise<VirtualSeed> {
  const path = join(directory, 'image');
  const stateDirectory = join(directory, 'state');
  makeHoles(path, head.imageSize);
  makeDirectorySync(stateDirectory, 0o700, true);
  using file = SourceFile.open(path);
  using writer = new SeedIndexWriter(savedIndexPath(stateDirectory, path));
  const maps = level2[Symbol.asyncIterator]();
  for (const window of head.windows) {
    if (window.level2 === undefined) addZeros(writer, window.length);
    else addChunks(writer, ((await maps.next()).value as { map: WindowMap }).map);
    writer.addWindow(window.length, window.digest);
  }
  const known = [{ size: head.imageSize, sha256: toHex(head.imageDigest) }];
  writer.finish(file.version(), head.chunker, head.windowing, known);
  return { path, stateDirectory };
}

/** How zeros are cut makes no difference: they are never looked for. */
function addZeros(writer: SeedIndexWriter, length: number): void {
  for (let left = length; left > 0; left -= MAX_CHUNK) {
    writer.addChunk({ length: Math.min(left, MAX_CHUNK), zero: true, hint: 0 });
  }
}

function addChunks(writer: SeedIndexWriter, { lengths, hints, frameOf }: WindowMap): void {
  for (const [at, length] of lengths.entries()) {
    writer.addChunk({ length, zero: frameOf[at] === ZERO_FRAME, hint: hints[at] as number });
  }
}

function makeHoles(path: string, size: number): void {
  try {
    const file = openSync(path, 'wx');
    try {
      ftruncateSync(file, size);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw ioError(error, 'create', path);
  }
}
