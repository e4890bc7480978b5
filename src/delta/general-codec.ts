/**
 * zstd and brotli for one stream of a payload, with the limits of a reader that trusts nothing.
 *
 * @module
 */
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { invalidPayload } from './payload.ts';

export type GeneralCodec = 'zstd' | 'brotli';

/** A larger window would be hostile: no stream is longer than 2^25 bytes. */
const WINDOW_LOG = 25;

/** @param level of zstd; brotli works at its best quality */
export function compress(plain: Uint8Array, codec: GeneralCodec, level: number = 19): Uint8Array {
  if (codec === 'brotli') {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
    };
    return brotliCompressSync(plain, { params });
  }
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_contentSizeFlag]: 0,
    [constants.ZSTD_c_checksumFlag]: 0,
  };
  return zstdCompressSync(plain, { params, pledgedSrcSize: plain.length });
}

/** At most `limit` bytes come out. @throws SiltError FORMAT_INVALID */
export function decompress(stored: Uint8Array, codec: GeneralCodec, limit: number): Uint8Array {
  const options = { maxOutputLength: Math.max(1, limit), chunkSize: Math.max(64, limit + 64) };
  try {
    if (codec === 'brotli') return brotliDecompressSync(stored, options);
    return zstdDecompressSync(stored, {
      ...options,
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
    });
  } catch (cause) {
    throw invalidPayload(`a stream does not decompress to at most ${limit} bytes`, cause);
  }
}
