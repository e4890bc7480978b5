/**
 * SHA-256 of a whole image, by a worker.
 *
 * @module
 */
import type { SourceFile } from '../io/source-file.ts';
import type { WorkerPool } from './pool.ts';

/** @throws SiltError IMAGE_CHANGED, IO_FAILED */
export function imageDigest(pool: WorkerPool, file: SourceFile): Promise<Uint8Array> {
  return pool.digests({
    path: file.path,
    offsets: Float64Array.of(0),
    lengths: Float64Array.of(file.size),
  });
}
