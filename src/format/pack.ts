/**
 * Packs: immutable objects of frames, named by the SHA-256 of their bytes. docs/format/pack.md §1.
 *
 * | at | bytes | field |
 * |---|---|---|
 * | 0 | 8 + 2 | magic `silt-pak`, version 1 |
 * | 10 | Σ stored | frames, one behind the other |
 * | size − 12 − n | n | trailer: the frames and the full ids of their chunks |
 * | size − 12 | 4 + 8 | trailer length (u32), magic `silt-end` |
 *
 * A device reads frames only, where the index says they are. The trailer is for publishers, who learn from
 * it which chunks the repository holds, and for verification and pruning.
 *
 * @module
 */
import { DIGEST_BYTES } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { isKnownCodec, TAG_BYTES } from './frame.ts';
import {
  MAX_CHUNK,
  MAX_CHUNKS_PER_WINDOW,
  MAX_FRAME_PLAIN,
  MAX_FRAME_STORED,
  MAX_FRAMES_PER_PACK,
  MAX_PACK,
  MAX_PACK_TRAILER,
} from './limits.ts';

export const PACK_MAGIC = 'silt-pak';
export const PACK_END_MAGIC = 'silt-end';
export const PACK_VERSION = 1;
/** Bytes ahead of the first frame. */
export const PACK_PREAMBLE_BYTES = 10;
/** Bytes behind the trailer. */
export const PACK_FOOTER_BYTES = 12;

/** A frame as the trailer of its pack describes it. */
export interface PackFrame {
  readonly offset: number;
  readonly stored: number;
  readonly plain: number;
  readonly codec: number;
  readonly tag: Uint8Array;
  readonly chunkLengths: readonly number[];
  /** 32 bytes a chunk. */
  readonly chunkIds: Uint8Array;
}

/** The bytes ahead of the first frame. */
export function encodePackPreamble(): Uint8Array {
  return new ByteWriter(PACK_PREAMBLE_BYTES).preamble(PACK_MAGIC, PACK_VERSION).finish();
}

/**
 * Checks the bytes ahead of the first frame.
 *
 * @throws SiltError FORMAT_INVALID for what is no pack, FORMAT_UNSUPPORTED for another version
 */
export function decodePackPreamble(bytes: Uint8Array): void {
  const reader = new ByteReader(bytes, 'pack');
  reader.preamble(PACK_MAGIC, PACK_VERSION);
  reader.end();
}

/** The trailer, without the footer. Offsets are not stored: frames follow one another. */
export function encodePackTrailer(frames: readonly Omit<PackFrame, 'offset'>[]): Uint8Array {
  const out = new ByteWriter(64 * 1024);
  out.varint(frames.length);
  for (const frame of frames) {
    out.varint(frame.stored).varint(frame.plain).u8(frame.codec).bytes(frame.tag);
    out.varint(frame.chunkLengths.length);
    for (const length of frame.chunkLengths) out.varint(length);
    out.bytes(frame.chunkIds);
  }
  return out.finish();
}

/** The last bytes of a pack, which say where the trailer begins. */
export function encodePackFooter(trailerLength: number): Uint8Array {
  return new ByteWriter(PACK_FOOTER_BYTES)
    .u32(trailerLength)
    .bytes(Buffer.from(PACK_END_MAGIC, 'latin1'))
    .finish();
}

/**
 * The trailer length that a footer names.
 *
 * @param size bytes of the whole pack
 * @throws SiltError FORMAT_INVALID
 */
export function decodePackFooter(footer: Uint8Array, size: number): number {
  const reader = new ByteReader(footer, 'pack');
  const length = reader.u32('trailer length');
  const magic = Buffer.from(reader.bytes(8, 'end magic')).toString('latin1');
  reader.end();
  if (magic !== PACK_END_MAGIC || size > MAX_PACK) {
    throw new SiltError('FORMAT_INVALID', 'pack: its end is missing; it is truncated or no silt pack');
  }
  if (length > MAX_PACK_TRAILER || length + PACK_PREAMBLE_BYTES + PACK_FOOTER_BYTES > size) {
    throw reader.invalid('trailer length', `less than the pack's ${size} bytes`, length);
  }
  return length;
}

/**
 * Reads a trailer whose digest the caller has checked.
 *
 * @param framesEnd where the frames must end: the pack's size less trailer and footer
 * @throws SiltError FORMAT_INVALID
 */
export function decodePackTrailer(bytes: Uint8Array, framesEnd: number): PackFrame[] {
  const reader = new ByteReader(bytes, 'pack trailer');
  const count = reader.varint('number of frames', MAX_FRAMES_PER_PACK);
  const frames: PackFrame[] = [];
  let offset = PACK_PREAMBLE_BYTES;
  for (let i = 0; i < count; i++) {
    const stored = reader.varint('stored length', MAX_FRAME_STORED);
    const plain = reader.varint('plain length', MAX_FRAME_PLAIN);
    const codec = reader.u8('frame codec');
    if (!isKnownCodec(codec)) throw reader.invalid('frame codec', 'a codec of this version', codec);
    if (stored === 0 || plain === 0) throw reader.invalid('frame', 'at least 1 byte', 0);
    const tag = reader.bytes(TAG_BYTES, 'frame tag');
    const chunkLengths = readChunkLengths(reader, plain);
    const chunkIds = reader.bytes(chunkLengths.length * DIGEST_BYTES, 'chunk ids');
    frames.push({ offset, stored, plain, codec, tag, chunkLengths, chunkIds });
    offset += stored;
  }
  if (offset !== framesEnd) throw reader.invalid('the end of the frames', `${framesEnd}`, offset);
  reader.end();
  return frames;
}

function readChunkLengths(reader: ByteReader, plain: number): number[] {
  const count = reader.varint('chunks of a frame', Math.min(MAX_CHUNKS_PER_WINDOW, reader.left));
  const lengths: number[] = [];
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const length = reader.varint('chunk length', MAX_CHUNK);
    if (length === 0) throw reader.invalid('chunk length', 'at least 1', 0);
    lengths.push(length);
    sum += length;
  }
  if (sum !== plain) throw reader.invalid('the sum of chunk lengths', `${plain}`, sum);
  return lengths;
}
