/**
 * The seed index: the chunks and windows of a local file, kept on the device so that the next update need
 * not cut and hash the file again. docs/format/seed-index.md. Local, never published, and only a hint: what
 * is copied from a seed is verified like everything else.
 *
 * | field | bytes |
 * |---|---|
 * | magic `silt-sdx`, version 2 | 8 + 2 |
 * | chunks: length (bit 31: zeros), hint | (4 + 6) each |
 * | windows: length (bit 31: zeros), SHA-256 | (4 + 32) each |
 * | footer: chunks, windows, file size, time and inode of the file, chunker, window sizes, known digests, its own length | … |
 *
 * @module
 */
import { DIGEST_BYTES, toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { ChunkerParameters, WindowParameters } from './index-head.ts';
import { MAX_CHUNK, MAX_IMAGE, MAX_WINDOW } from './limits.ts';

export const SEED_INDEX_MAGIC = 'silt-sdx';
export const SEED_INDEX_VERSION = 2;
export const SEED_PREAMBLE_BYTES = 10;
export const SEED_CHUNK_BYTES = 10;
export const SEED_WINDOW_BYTES = 36;
/** The footer ends with its length as a u16. */
export const MAX_SEED_FOOTER_BYTES = 1024;
/** Digests that a seed index may keep. */
export const MAX_KNOWN_DIGESTS = 8;

const ZERO_BIT = 2 ** 31;

/** SHA-256 of the first `size` bytes of the file. */
export interface KnownDigest {
  readonly size: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** What the footer says. */
export interface SeedIndexSummary {
  readonly chunks: number;
  readonly windows: number;
  readonly size: number;
  /** Time of the file's last change in nanoseconds and its inode, as text: when it was indexed. */
  readonly changed: string;
  readonly inode: string;
  readonly chunker: ChunkerParameters;
  readonly windowing: WindowParameters;
  /** What image the file holds, as far as anybody looked. */
  readonly known: readonly KnownDigest[];
}

export interface SeedChunk {
  readonly length: number;
  readonly zero: boolean;
  readonly hint: number;
}

export function encodeSeedChunk(into: Buffer, at: number, chunk: SeedChunk): void {
  into.writeUInt32LE(chunk.length + (chunk.zero ? ZERO_BIT : 0), at);
  into.writeUIntLE(chunk.hint, at + 4, 6);
}

/** @throws SiltError FORMAT_INVALID */
export function decodeSeedChunk(from: Buffer, at: number): SeedChunk {
  const packed = from.readUInt32LE(at);
  const length = packed % ZERO_BIT;
  if (length === 0 || length > MAX_CHUNK) throw invalid(`a chunk of ${length} bytes`);
  return { length, zero: packed >= ZERO_BIT, hint: from.readUIntLE(at + 4, 6) };
}

export interface SeedWindow {
  readonly length: number;
  /** `undefined` for a window of zeros. */
  readonly digest: Uint8Array | undefined;
}

export function encodeSeedWindow(window: SeedWindow): Uint8Array {
  const out = new ByteWriter(SEED_WINDOW_BYTES);
  out.u32(window.length + (window.digest === undefined ? ZERO_BIT : 0));
  return out.bytes(window.digest ?? new Uint8Array(32)).finish();
}

/** @throws SiltError FORMAT_INVALID */
export function decodeSeedWindow(bytes: Uint8Array): SeedWindow {
  const reader = new ByteReader(bytes, 'seed index');
  const packed = reader.u32('window length');
  const length = packed % ZERO_BIT;
  if (length === 0 || length > MAX_WINDOW) throw invalid(`a window of ${length} bytes`);
  const digest = reader.bytes(32, 'window digest');
  return { length, digest: packed >= ZERO_BIT ? undefined : digest };
}

export function encodeSeedFooter(summary: SeedIndexSummary): Uint8Array {
  const { chunker, windowing } = summary;
  const out = new ByteWriter(MAX_SEED_FOOTER_BYTES);
  out.varint(summary.chunks).varint(summary.windows).varint(summary.size);
  out.name(summary.changed).name(summary.inode);
  out.name(chunker.name).varint(chunker.min).varint(chunker.average).varint(chunker.max);
  out.varint(windowing.min).varint(windowing.average).varint(windowing.max);
  out.varint(summary.known.length);
  for (const { size, sha256 } of summary.known) out.varint(size).bytes(Buffer.from(sha256, 'hex'));
  return out.u16(out.length + 2).finish();
}

/**
 * Reads the footer and checks that the file has just the length it speaks of.
 *
 * @param tail the last bytes of the file, at most {@link MAX_SEED_FOOTER_BYTES}
 * @throws SiltError FORMAT_INVALID
 */
export function decodeSeedFooter(tail: Uint8Array, fileSize: number): SeedIndexSummary {
  const length = tail.length < 2 ? 0 : (tail.at(-2) as number) + (tail.at(-1) as number) * 256;
  if (length < 2 || length > tail.length) throw invalid('no footer');
  const reader = new ByteReader(tail.subarray(tail.length - length), 'seed index');
  const chunks = reader.varint('number of chunks');
  const windows = reader.varint('number of windows');
  const size = reader.varint('file size', MAX_IMAGE);
  const changed = reader.name('time of change');
  const inode = reader.name('inode');
  const sizes = (limit: number) => ({
    min: reader.varint('smallest', limit),
    average: reader.varint('average', limit),
    max: reader.varint('largest', limit),
  });
  const chunker = { name: reader.name('chunker'), ...sizes(MAX_CHUNK) };
  const windowing = sizes(MAX_WINDOW);
  const known = Array.from({ length: reader.varint('number of digests', MAX_KNOWN_DIGESTS) }, () => ({
    size: reader.varint('size of what is known', MAX_IMAGE),
    sha256: toHex(reader.bytes(DIGEST_BYTES, 'digest')),
  }));
  reader.u16('footer length');
  reader.end();
  const expected = SEED_PREAMBLE_BYTES + chunks * SEED_CHUNK_BYTES + windows * SEED_WINDOW_BYTES + length;
  if (expected !== fileSize) throw invalid(`${fileSize} bytes, expected ${expected}`);
  return { chunks, windows, size, changed, inode, chunker, windowing, known };
}

function invalid(found: string): SiltError {
  return new SiltError('FORMAT_INVALID', `seed index: found ${found}; remove it, it will be made again`);
}
