/**
 * A sealed segment opened within the pooled buffer that it arrived in: a copy is cheaper than one more buffer
 * that lives as long as a frame does.
 *
 * @module
 */
import { droppedBuffers } from '../core/drop-buffers.ts';
import type { ObjectSeal } from '../trust/seal/content-key.ts';
import type { BufferPool } from './buffer-pool.ts';

/**
 * The plain bytes, in the same buffer; `bytes` themselves where nothing is sealed.
 *
 * @param offset of the segment in its object
 * @param pool that gets the buffer back when it is of no use
 * @throws SiltError SEAL_BROKEN
 */
export function unsealBuffer(
  seal: ObjectSeal | undefined,
  offset: number,
  bytes: Uint8Array<ArrayBuffer>,
  pool: BufferPool,
): Uint8Array<ArrayBuffer> {
  if (seal === undefined) return bytes;
  try {
    const plain = seal.open(offset, bytes);
    bytes.set(plain);
    droppedBuffers(plain.length);
    return bytes.subarray(0, plain.length);
  } catch (error) {
    pool.give(bytes);
    throw error;
  }
}
