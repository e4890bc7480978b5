/**
 * Level 1 of the Index: what a device reads whole. docs/format/index.md §2.
 *
 * | field | bytes |
 * |---|---|
 * | magic `silt-idx`, version 1 | 8 + 2 |
 * | image size, image SHA-256 | 8 + 32 |
 * | chunker: name, smallest, average, largest | name, 3 varints |
 * | windows: smallest, average, largest | 3 varints |
 * | packs: count, then each SHA-256, size, trailer length, trailer SHA-256 | varint, 32 + 2 varints + 32 |
 * | windows: count, then each `length << 1 or zero`; unless zero: SHA-256, level 2 length and tag | … |
 *
 * The level 2 blocks follow the head in the same object, one behind the other in window order.
 *
 * @module
 */
import { DIGEST_BYTES } from '../core/digest.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { TAG_BYTES } from './frame.ts';
import {
  MAX_CHUNK,
  MAX_IMAGE,
  MAX_LEVEL2,
  MAX_PACK,
  MAX_PACK_TRAILER,
  MAX_PACKS,
  MAX_WINDOW,
  MAX_WINDOWS,
} from './limits.ts';

export const INDEX_MAGIC = 'silt-idx';
export const INDEX_VERSION = 1;

/** How the image was cut; the name is stored so that defaults may change. */
export interface ChunkerParameters {
  readonly name: string;
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

/** How chunks were gathered into windows. */
export interface WindowParameters {
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

export interface PackEntry {
  readonly digest: Uint8Array;
  readonly size: number;
  readonly trailerLength: number;
  readonly trailerDigest: Uint8Array;
}

export interface WindowEntry {
  readonly offset: number;
  readonly length: number;
  /** SHA-256 of the window's bytes; `undefined` for a window of zeros. */
  readonly digest: Uint8Array | undefined;
  /** Where level 2 lies in the index object; `undefined` for a window of zeros. */
  readonly level2: { readonly offset: number; readonly length: number; readonly tag: Uint8Array } | undefined;
}

export interface IndexHead {
  readonly imageSize: number;
  readonly imageDigest: Uint8Array;
  readonly chunker: ChunkerParameters;
  readonly windowing: WindowParameters;
  readonly packs: readonly PackEntry[];
  readonly windows: readonly WindowEntry[];
}

/** A window on the writing side: level 2 lies where the order of windows puts it. */
export interface WindowRecord {
  readonly length: number;
  readonly digest: Uint8Array | undefined;
  readonly level2: { readonly length: number; readonly tag: Uint8Array } | undefined;
}

/** Level 1 as bytes. The level 2 blocks must follow in the order of `windows`. */
export function encodeIndexHead(
  head: Omit<IndexHead, 'windows'> & { windows: readonly WindowRecord[] },
): Uint8Array {
  const out = new ByteWriter(1024 + head.windows.length * 56);
  out.preamble(INDEX_MAGIC, INDEX_VERSION).u64(head.imageSize).bytes(head.imageDigest);
  const { chunker, windowing } = head;
  out.name(chunker.name).varint(chunker.min).varint(chunker.average).varint(chunker.max);
  out.varint(windowing.min).varint(windowing.average).varint(windowing.max);
  out.varint(head.packs.length);
  for (const pack of head.packs) {
    out.bytes(pack.digest).varint(pack.size).varint(pack.trailerLength).bytes(pack.trailerDigest);
  }
  out.varint(head.windows.length);
  for (const { length, digest, level2 } of head.windows) {
    if (digest === undefined || level2 === undefined) {
      out.varint(length * 2 + 1);
    } else {
      out
        .varint(length * 2)
        .bytes(digest)
        .varint(level2.length)
        .bytes(level2.tag);
    }
  }
  return out.finish();
}

/**
 * Reads level 1. `bytes` must be the whole head and nothing else; the caller has checked its digest.
 *
 * @param level2From where level 2 begins in the object: behind the head as it is stored, which is longer when
 *   it is sealed
 * @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export function decodeIndexHead(bytes: Uint8Array, level2From: number = bytes.length): IndexHead {
  const reader = new ByteReader(bytes, 'index');
  const head = readHead(reader, level2From);
  reader.end();
  return head;
}

/**
 * Reads level 1 at the front of a whole index object, for whoever has no manifest to say how long it is.
 *
 * @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export function decodeIndexFront(bytes: Uint8Array): {
  readonly head: IndexHead;
  readonly headLength: number;
} {
  const reader = new ByteReader(bytes, 'index');
  // Level 2 lies behind the head, so its places are known once the length of the head is.
  readHead(reader, 0);
  const headLength = bytes.length - reader.left;
  return { head: decodeIndexHead(bytes.subarray(0, headLength)), headLength };
}

function readHead(reader: ByteReader, level2From: number): IndexHead {
  reader.preamble(INDEX_MAGIC, INDEX_VERSION);
  const imageSize = reader.u64('image size');
  if (imageSize > MAX_IMAGE) throw reader.invalid('image size', `at most ${MAX_IMAGE}`, imageSize);
  const imageDigest = reader.bytes(DIGEST_BYTES, 'image digest');
  const chunker = { name: reader.name('chunker'), ...readSizes(reader, 'chunk', MAX_CHUNK) };
  const windowing = readSizes(reader, 'window', MAX_WINDOW);
  const packs = readPacks(reader);
  const windows = readWindows(reader, level2From);
  const total = windows.reduce((sum, window) => sum + window.length, 0);
  if (total !== imageSize) throw reader.invalid('the sum of window lengths', `${imageSize}`, total);
  return { imageSize, imageDigest, chunker, windowing, packs, windows };
}

function readSizes(reader: ByteReader, what: string, limit: number): WindowParameters {
  const min = reader.varint(`smallest ${what}`, limit);
  const average = reader.varint(`average ${what}`, limit);
  const max = reader.varint(`largest ${what}`, limit);
  if (min < 1 || min > average || average > max) {
    throw reader.invalid(`${what} sizes`, 'smallest ≤ average ≤ largest', `${min}, ${average}, ${max}`);
  }
  return { min, average, max };
}

function readPacks(reader: ByteReader): PackEntry[] {
  const count = reader.varint('number of packs', MAX_PACKS);
  const packs: PackEntry[] = [];
  for (let i = 0; i < count; i++) {
    const digest = reader.bytes(DIGEST_BYTES, 'pack digest');
    const size = reader.varint('pack size', MAX_PACK);
    const trailerLength = reader.varint('pack trailer length', Math.min(MAX_PACK_TRAILER, size));
    packs.push({ digest, size, trailerLength, trailerDigest: reader.bytes(DIGEST_BYTES, 'trailer digest') });
  }
  return packs;
}

function readWindows(reader: ByteReader, level2From: number): WindowEntry[] {
  const count = reader.varint('number of windows', MAX_WINDOWS);
  const windows: WindowEntry[] = [];
  let offset = 0;
  let level2Offset = level2From;
  for (let i = 0; i < count; i++) {
    const packed = reader.varint('window length', MAX_WINDOW * 2 + 1);
    const length = Math.floor(packed / 2);
    if (length === 0) throw reader.invalid('window length', 'at least 1', 0);
    if (packed % 2 === 1) {
      windows.push({ offset, length, digest: undefined, level2: undefined });
    } else {
      const digest = reader.bytes(DIGEST_BYTES, 'window digest');
      const level2Length = reader.varint('level 2 length', MAX_LEVEL2);
      const tag = reader.bytes(TAG_BYTES, 'level 2 tag');
      windows.push({ offset, length, digest, level2: { offset: level2Offset, length: level2Length, tag } });
      level2Offset += level2Length;
    }
    offset += length;
  }
  return windows;
}

/** Size of the whole index object that begins with this head. */
export function indexSize(head: IndexHead, headLength: number): number {
  const last = head.windows.findLast((window) => window.level2 !== undefined)?.level2;
  return last === undefined ? headLength : last.offset + last.length;
}
