/**
 * Cuts a stretch of an open image file and names the chunks.
 *
 * @module
 */
import type { Chunker } from '../chunker/chunker.ts';
import { scanChunks } from '../chunker/scan.ts';
import { isZero } from '../core/bytes.ts';
import { DIGEST_BYTES, sha256Text } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import type { SourceFile } from '../io/source-file.ts';
import type { ScannedChunks } from './tasks.ts';

/**
 * The chunks of `file` that begin in [from, until), as if a chunk ended at `from`.
 *
 * @param stopAt ends the scan behind the chunk that ends there
 *
 * @throws SiltError IMAGE_CHANGED when the file has become shorter
 */
export function scanFile(
  file: SourceFile,
  chunker: Chunker,
  range: { readonly from: number; readonly until: number; readonly size: number },
  stopAt: (end: number) => boolean = () => false,
): ScannedChunks {
  const lengths: number[] = [];
  // One buffer for all ids: thousands of small ones would stay in the way of large ones in the heap.
  let ids = Buffer.alloc(1024 * DIGEST_BYTES);
  const zeros: number[] = [];
  const readAt = (at: number, into: Uint8Array): number => {
    const count = file.read(at, into);
    if (count < into.length) throw imageChanged(file.path);
    return count;
  };
  scanChunks(chunker, readAt, range, (offset, bytes) => {
    const zero = isZero(bytes);
    const at = lengths.length * DIGEST_BYTES;
    if (at === ids.length) ids = Buffer.concat([ids], 2 * at);
    if (!zero) ids.write(sha256Text(bytes), at, 'latin1');
    lengths.push(bytes.length);
    zeros.push(zero ? 1 : 0);
    return stopAt(offset + bytes.length) ? 'stop' : undefined;
  });
  const joined = new Uint8Array(ids.subarray(0, lengths.length * DIGEST_BYTES));
  return { from: range.from, lengths: Uint32Array.from(lengths), ids: joined, zeros: Uint8Array.from(zeros) };
}

/** The error for an image that did not keep still. */
export function imageChanged(path: string): SiltError {
  return new SiltError(
    'IMAGE_CHANGED',
    `${path} changed while it was read; take a file that nobody writes to, such as a snapshot`,
    { details: { path } },
  );
}
