/**
 * Cuts a seed as the image was cut, so that what both have in common has the same chunks and windows.
 *
 * @module
 */
import { type ChunkerSpec, createChunker } from '../chunker/chunker.ts';
import { scanChunks } from '../chunker/scan.ts';
import { WindowGatherer, type WindowSpec, windowSelector } from '../chunker/windows.ts';
import { isZero } from '../core/bytes.ts';
import { createSha256, DIGEST_BYTES, sha256Text } from '../core/digest.ts';
import { droppedBuffers } from '../core/drop-buffers.ts';
import { MiB } from '../core/sizes.ts';
import { hintOf } from '../format/level2.ts';
import type { KnownDigest } from '../format/seed-index.ts';
import type { SourceFile } from '../io/source-file.ts';
import { PrefixDigests } from './prefix-digests.ts';
import { SeedIndexWriter } from './seed-index-file.ts';

/** Bytes between two chances for other work, such as a signal to stop. */
const STRETCH: number = 8 * MiB;

export interface ScanOptions {
  readonly signal?: AbortSignal | undefined;
  /** Hears how many bytes are done. */
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
  /** Bytes to look at, from the beginning. Default: all. */
  readonly size?: number | undefined;
  /** Digests that are known already. */
  readonly known?: readonly KnownDigest[] | undefined;
  /** Sizes whose digests are to be taken as well: of the first so many bytes. Another pass of SHA-256. */
  readonly digestSizes?: readonly number[] | undefined;
}

/**
 * Indexes `seed` and writes its seed index to `path`.
 *
 * @throws SiltError IO_FAILED, FORMAT_UNSUPPORTED for an unknown chunker; the reason of `signal`
 */
export async function scanSeed(
  seed: SourceFile,
  path: string,
  spec: ChunkerSpec,
  windowing: WindowSpec,
  options: ScanOptions = {},
): Promise<void> {
  const { size = seed.size } = options;
  const version = seed.version();
  using writer = new SeedIndexWriter(path);
  const chunker = createChunker(spec);
  const prefixes = new PrefixDigests(options.digestSizes ?? []);
  const gatherer = new WindowGatherer(windowing, spec.average);
  let running = createSha256();
  let length = 0;
  let allZero = true;
  const closeWindow = (): void => {
    writer.addWindow(length, allZero ? undefined : running.digest());
    running = createSha256();
    length = 0;
    allZero = true;
    gatherer.begin();
  };
  const id = Buffer.alloc(DIGEST_BYTES);
  for (let from = 0; from < size; ) {
    const range = { from, until: Math.min(from + STRETCH, size), size };
    const end = scanChunks(chunker, seed.read, range, (_offset, bytes) => {
      const zero = isZero(bytes);
      if (gatherer.endsBefore(bytes.length, zero)) closeWindow();
      if (zero) id.fill(0);
      else id.write(sha256Text(bytes), 'latin1');
      writer.addChunk({ length: bytes.length, zero, hint: hintOf(id) });
      running.update(bytes);
      prefixes.update(bytes);
      length += bytes.length;
      allZero &&= zero;
      if (gatherer.add(bytes.length, windowSelector(id), zero)) closeWindow();
      return undefined;
    });
    // It has become shorter.
    if (end === from) break;
    from = end;
    droppedBuffers(STRETCH);
    options.onProgress?.(from, size);
    await new Promise(setImmediate);
    options.signal?.throwIfAborted();
  }
  if (length > 0) closeWindow();
  writer.finish(version, spec, windowing, [...(options.known ?? []), ...prefixes.known]);
}
