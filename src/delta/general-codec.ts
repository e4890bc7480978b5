/**
 * zstd and brotli for one stream of a payload, with the limits of a reader that trusts nothing.
 *
 * @module
 */
import { compressBytes, decompressBytes, type GeneralCodec } from '../core/compression.ts';
import { invalidPayload } from './payload.ts';

/** log2 of the largest window: no stream is longer than 2^25 bytes, so a larger one would be hostile. */
const WINDOW_LOG = 25;

const BEST: Readonly<Record<GeneralCodec, number>> = { zstd: 19, brotli: 11 };

/** Compresses thoroughly, or at a `level` of the codec. */
export function compress(plain: Uint8Array, codec: GeneralCodec, level: number = BEST[codec]): Uint8Array {
  return compressBytes(plain, codec, level);
}

/** At most `limit` bytes come out. @throws SiltError FORMAT_INVALID */
export function decompress(stored: Uint8Array, codec: GeneralCodec, limit: number): Uint8Array {
  try {
    return decompressBytes(stored, codec, limit, WINDOW_LOG);
  } catch (cause) {
    throw invalidPayload(`a stream does not decompress to at most ${limit} bytes`, cause);
  }
}
