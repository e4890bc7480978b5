/**
 * The delta file: how to rebuild one image from another, its Base, window by window. docs/format/delta.md.
 *
 * | field | bytes |
 * |---|---|
 * | magic `silt-dlt`, version 1 | 8 + 2 |
 * | length of the stored head | 4 |
 * | SHA-256 of the stored head | 32 |
 * | stored head: `delta-columns.ts` has what is in it, compressed with brotli | … |
 * | payloads, one behind the other in window order | … |
 *
 * The head is all that a reader needs at once; it says where the payload of each window lies, how long it is
 * and which tag it has. The bytes of a payload are the business of `delta/`.
 *
 * @module
 */
import { brotliDecompressSync } from 'node:zlib';
import { equalBytes } from '../core/bytes.ts';
import { compressBytes } from '../core/compression.ts';
import { DIGEST_BYTES, sha256 } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { readColumns, writeColumns } from './delta-columns.ts';
import { MAX_DELTA_HEAD } from './limits.ts';

export const DELTA_MAGIC = 'silt-dlt';
export const DELTA_VERSION = 1;

/** Bytes that tell how long the head is: preamble, length and digest. */
export const DELTA_FRONT: number = 10 + 4 + DIGEST_BYTES;

/** An image that a delta speaks of. */
export interface DeltaImage {
  readonly size: number;
  readonly digest: Uint8Array;
}

/** How a window comes to be. */
export type DeltaWindowSource =
  /** Not by this delta: its chunks cost less. */
  | { readonly kind: 'none' }
  | { readonly kind: 'zero' }
  /** All bytes are those of the Base from here on. */
  | { readonly kind: 'copy'; readonly from: number }
  /** By its payload: `delta/window-decoder.ts`. */
  | {
      readonly kind: 'coded';
      /** 0, or the position in the list of transforms, from 1. */
      readonly transform: number;
      /** Where it lies in the delta file, and the first 16 bytes of its SHA-256. */
      readonly payload: { readonly offset: number; readonly length: number; readonly tag: Uint8Array };
    };

export interface DeltaWindow {
  /** In the target image. */
  readonly offset: number;
  readonly length: number;
  /** The first 8 bytes of the SHA-256 of its bytes, where the delta has them: for kinds `copy` and `coded`. */
  readonly check: Uint8Array | undefined;
  readonly source: DeltaWindowSource;
}

export interface DeltaHead {
  readonly base: DeltaImage;
  readonly target: DeltaImage;
  readonly transforms: readonly string[];
  readonly windows: readonly DeltaWindow[];
}

/** A window on the writing side: it lies where the order of windows puts it, and so does its payload. */
export interface DeltaWindowRecord {
  readonly length: number;
  readonly check: Uint8Array | undefined;
  readonly source:
    | Exclude<DeltaWindowSource, { readonly kind: 'coded' }>
    | {
        readonly kind: 'coded';
        readonly transform: number;
        readonly payload: { readonly length: number; readonly tag: Uint8Array };
      };
}

/** What {@link encodeDeltaHead} takes. */
export type DeltaHeadRecord = Omit<DeltaHead, 'windows'> & { readonly windows: readonly DeltaWindowRecord[] };

/** Above it, the best quality of brotli would take seconds for what is mostly digests. */
const THOROUGH_BYTES: number = 1 * MiB;

/**
 * Everything ahead of the payloads, which must follow in the order of `head.windows`. Either every window of
 * the kinds `copy` and `coded` has a check, or none has.
 *
 * @throws SiltError FORMAT_INVALID for more windows than any reader takes
 */
export function encodeDeltaHead(head: DeltaHeadRecord): Uint8Array {
  const columns = writeColumns(head);
  const stored = compressBytes(columns, 'brotli', columns.length > THOROUGH_BYTES ? 9 : 11);
  const out = new ByteWriter(DELTA_FRONT + stored.length);
  out.preamble(DELTA_MAGIC, DELTA_VERSION).u32(stored.length).bytes(sha256(stored));
  return out.bytes(stored).finish();
}

/**
 * Length of everything ahead of the payloads, from the first {@link DELTA_FRONT} bytes.
 *
 * @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export function deltaHeadLength(front: Uint8Array): number {
  return DELTA_FRONT + readFront(new ByteReader(front.subarray(0, DELTA_FRONT), 'delta')).length;
}

/**
 * Reads the head. `bytes` must be everything ahead of the payloads and nothing else.
 *
 * @param payloadsFrom where the payloads begin in the object: behind the head as it is stored, which is longer
 *   when it is sealed
 * @throws SiltError DIGEST_MISMATCH when the head was altered, FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export function decodeDeltaHead(bytes: Uint8Array, payloadsFrom: number = bytes.length): DeltaHead {
  const reader = new ByteReader(bytes, 'delta');
  const { length, digest } = readFront(reader);
  const stored = reader.bytes(length, 'head');
  reader.end();
  if (!equalBytes(sha256(stored), digest)) {
    throw new SiltError(
      'DIGEST_MISMATCH',
      'delta: its head does not have the digest ahead of it; get it anew',
    );
  }
  return readColumns(new ByteReader(decompress(stored), 'delta head'), payloadsFrom);
}

function readFront(reader: ByteReader): { readonly length: number; readonly digest: Uint8Array } {
  reader.preamble(DELTA_MAGIC, DELTA_VERSION);
  const length = reader.u32('head length');
  const limit = MAX_DELTA_HEAD - DELTA_FRONT;
  if (length > limit) throw reader.invalid('head length', `at most ${limit}`, length);
  return { length, digest: reader.bytes(DIGEST_BYTES, 'head digest') };
}

function decompress(stored: Uint8Array): Uint8Array {
  try {
    // It stops as soon as more would come out.
    const plain = brotliDecompressSync(stored, { maxOutputLength: MAX_DELTA_HEAD });
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
  } catch (cause) {
    throw new SiltError('FORMAT_INVALID', 'delta: its head does not decompress', { cause });
  }
}
