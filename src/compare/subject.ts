/**
 * The images that a comparison is about.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createSha256 } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { ioError } from '../io/io-error.ts';
import type { PairInfo } from './result.ts';

/** Releases of one image, and the files that hold them, the oldest first. */
export interface Subject {
  readonly info: PairInfo;
  readonly files: readonly string[];
}

/**
 * Reads the files of a pair, or of a longer row of releases, for their sizes and digests.
 *
 * @throws SiltError USAGE for fewer than two files, IO_FAILED when one cannot be read
 */
export async function openSubject(
  about: Pick<PairInfo, 'name' | 'standsFor' | 'series'>,
  files: readonly string[],
): Promise<Subject> {
  if (files.length < 2)
    throw new SiltError('USAGE', `${about.name}: expected at least two releases, found ${files.length}`);
  const releases: { bytes: number; sha256: string }[] = [];
  for (const file of files) releases.push(await digestFile(file));
  return { info: { ...about, releases }, files };
}

/** Size and SHA-256 of a file. @throws SiltError IO_FAILED; the reason of the signal */
export async function digestFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createSha256();
  let bytes = 0;
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), async (blocks) => {
      for await (const block of blocks as AsyncIterable<Buffer>) {
        signal?.throwIfAborted();
        bytes += block.length;
        hash.update(block);
      }
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw ioError(error, 'read', path);
  }
  return { bytes, sha256: hash.digest('hex') };
}
