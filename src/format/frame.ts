/**
 * Frames: the unit of download. A frame is the bytes of consecutive new chunks, filtered and compressed
 * together; its codec byte names what was done, docs/format/pack.md §2:
 *
 * | bits | meaning |
 * |---|---|
 * | 0–3 | 0 stored as it is · 1 zstd (RFC 8878) · 2 brotli (RFC 7932) |
 * | 4 | the x86 branch filter was applied before compression |
 * | 5–7 | zero |
 *
 * The tag of a frame is the first 16 bytes of the SHA-256 of its stored bytes, before they are sealed. It is
 * checked before anything is decompressed; what a frame yields is trusted only once the window made of it has its digest.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { decompressBytes } from '../core/compression.ts';
import { sha256 } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { decodeX86 } from './x86-filter.ts';

export const CODEC_STORED = 0;
export const CODEC_ZSTD = 1;
export const CODEC_BROTLI = 2;
export const FILTER_X86 = 0x10;

/** Bytes of a truncated digest that gates what is parsed or decompressed. */
export const TAG_BYTES = 16;

/** The first 16 bytes of the SHA-256 of `stored`. */
export function tagOf(stored: Uint8Array): Uint8Array {
  return sha256(stored).subarray(0, TAG_BYTES);
}

/** Where a frame lies and how to open it. */
export interface FrameRef {
  /** Position in the pack table of the index. */
  readonly pack: number;
  /** Of the first stored byte, in the pack. */
  readonly offset: number;
  /** Length in the pack; in a sealed one the seal is part of it. */
  readonly stored: number;
  readonly plain: number;
  readonly codec: number;
  readonly tag: Uint8Array;
}

/** One number for a frame of an image: offsets in a pack are below 2^32, packs are fewer than 2^20. */
export function frameKey({ pack, offset }: Pick<FrameRef, 'pack' | 'offset'>): number {
  return pack * 2 ** 32 + offset;
}

/** True for a codec byte of this format version. */
export function isKnownCodec(codec: number): boolean {
  return (codec & 0x0f) <= CODEC_BROTLI && (codec & 0xe0) === 0;
}

/**
 * The plain bytes of a frame.
 *
 * Checks the tag first, lets decompression yield at most `frame.plain` bytes, and requires just as many.
 *
 * @throws SiltError DIGEST_MISMATCH for another tag, FORMAT_UNSUPPORTED for a codec of a later version,
 *   FORMAT_INVALID for bytes that do not decompress to it
 */
export function openFrame(frame: Pick<FrameRef, 'plain' | 'codec' | 'tag'>, stored: Uint8Array): Uint8Array {
  if (!equalBytes(tagOf(stored), frame.tag)) {
    throw new SiltError('DIGEST_MISMATCH', 'frame: its stored bytes do not have the digest of the index', {
      details: { expected: Buffer.from(frame.tag).toString('hex'), length: stored.length },
    });
  }
  if (!isKnownCodec(frame.codec)) {
    throw new SiltError('FORMAT_UNSUPPORTED', `frame: unknown codec ${frame.codec}; update silt`);
  }
  const plain = decompress(frame.codec & 0x0f, stored, frame.plain);
  if (plain.length !== frame.plain) {
    throw new SiltError(
      'FORMAT_INVALID',
      `frame: expected ${frame.plain} plain bytes, found ${plain.length}`,
    );
  }
  return (frame.codec & FILTER_X86) === 0 ? plain : decodeX86(plain);
}

/** log2 of the window that a frame may ask for: it is at most 16 MiB, so a larger one is hostile. */
const WINDOW_LOG = 24;

function decompress(codec: number, stored: Uint8Array, plain: number): Uint8Array {
  // A copy: filters work in place, and the caller's buffer is used again.
  if (codec === CODEC_STORED) return new Uint8Array(stored);
  try {
    return decompressBytes(stored, codec === CODEC_ZSTD ? 'zstd' : 'brotli', plain, WINDOW_LOG);
  } catch (cause) {
    throw new SiltError('FORMAT_INVALID', `frame: does not decompress to ${plain} bytes`, { cause });
  }
}
