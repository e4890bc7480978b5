/**
 * zstd (RFC 8878) and brotli (RFC 7932) of whole byte sequences, with the settings that all of silt's formats
 * share: no size and no checksum inside, since the formats have their own.
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

export type GeneralCodec = 'zstd' | 'brotli';

/** @param level zstd 1–22, brotli 0–11 */
export function compressBytes(plain: Uint8Array, codec: GeneralCodec, level: number): Uint8Array {
  if (codec === 'brotli') {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: level,
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

/**
 * Undoes {@link compressBytes}, for bytes that are not trusted.
 *
 * @param limit bytes that may come out; it stops as soon as there would be more
 * @param windowLog log2 of the largest window that zstd may ask memory for
 * @throws what zlib throws, for bytes that do not decompress to at most `limit`
 */
export function decompressBytes(
  stored: Uint8Array,
  codec: GeneralCodec,
  limit: number,
  windowLog: number,
): Uint8Array {
  // One allocation: `chunkSize` is what zlib reserves at a time, and it reserves more once that is full.
  const options = { maxOutputLength: Math.max(1, limit), chunkSize: limit + 64 };
  if (codec === 'brotli') return brotliDecompressSync(stored, options);
  return zstdDecompressSync(stored, { ...options, params: { [constants.ZSTD_d_windowLogMax]: windowLog } });
}
