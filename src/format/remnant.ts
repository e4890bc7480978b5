/**
 * Remnants: what is left of a pack of which most frames are dead. docs/format/remnant.md.
 *
 * | at | bytes | field |
 * |---|---|---|
 * | 0 | 8 + 2 | magic `silt-rem`, version 1 |
 * | 10 | 32 | digest of the pack, which names it |
 * | 42 | 4 | size of the pack |
 * | 46 | 2 | number of ranges, n |
 * | 48 | 8 n | ranges of the pack: offset and length, u32 each |
 * | … | | zeros |
 * | 4080 | 16 | tag of the bytes so far |
 * | 4096 | Σ length | the bytes of the ranges, one behind the other |
 *
 * Ranges ascend and do not touch; the first begins where the pack does, the last ends there. The tag finds what was
 * damaged on the way. It need not be trusted: what a remnant says wrongly ends with bytes that do not have the tags
 * and digests of the signed index.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { DIGEST_BYTES } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { TAG_BYTES, tagOf } from './frame.ts';
import { MAX_PACK, MAX_REMNANT_RANGES, MAX_REMNANTS } from './limits.ts';
import { PACK_FOOTER_BYTES, PACK_PREAMBLE_BYTES } from './pack.ts';

export const REMNANT_MAGIC = 'silt-rem';
export const REMNANT_VERSION = 1;
/** Bytes ahead of the ranges' own: always as many, so that one request brings them. */
export const REMNANT_HEAD_BYTES = 4096;

const WHAT = 'remnant of a pack';

const PACK_KEY = /^packs\/[0-9a-f]{64}$/;
const REMNANT_KEY = /^(packs\/[0-9a-f]{64})\.([1-9])$/;

/** True for the key of a pack, whole. */
export function isPackKey(key: string): boolean {
  return PACK_KEY.test(key);
}

/** The key of a remnant. @param number from 1 to {@link MAX_REMNANTS} */
export function remnantKey(packKey: string, number: number): string {
  return `${packKey}.${number}`;
}

/** Of which pack the object at `key` is a remnant, if it is one. */
export function parseRemnantKey(
  key: string,
): { readonly packKey: string; readonly number: number } | undefined {
  const match = REMNANT_KEY.exec(key);
  const number = Number(match?.[2]);
  return match !== null && number <= MAX_REMNANTS ? { packKey: match[1] as string, number } : undefined;
}

/** A run of bytes of a pack. */
export interface PackRange {
  readonly offset: number;
  readonly length: number;
}

export interface RemnantHead {
  /** SHA-256 of the whole pack. */
  readonly pack: Uint8Array;
  readonly packSize: number;
  readonly ranges: readonly PackRange[];
}

/** The head; ranges must be as a reader demands them. */
export function encodeRemnantHead({ pack, packSize, ranges }: RemnantHead): Uint8Array {
  const out = new ByteWriter(REMNANT_HEAD_BYTES);
  out.preamble(REMNANT_MAGIC, REMNANT_VERSION).bytes(pack).u32(packSize).u16(ranges.length);
  for (const { offset, length } of ranges) out.u32(offset).u32(length);
  out.bytes(new Uint8Array(REMNANT_HEAD_BYTES - TAG_BYTES - out.length));
  return out.bytes(tagOf(out.finish())).finish();
}

/**
 * Reads a head.
 *
 * @param bytes the first {@link REMNANT_HEAD_BYTES} of a remnant
 * @throws SiltError FORMAT_INVALID for what is no remnant, FORMAT_UNSUPPORTED for another version, DIGEST_MISMATCH
 *   for a head that was altered
 */
export function decodeRemnantHead(bytes: Uint8Array): RemnantHead {
  const reader = new ByteReader(bytes, WHAT);
  if (bytes.length !== REMNANT_HEAD_BYTES) {
    throw reader.invalid('the head', `${REMNANT_HEAD_BYTES} bytes`, bytes.length);
  }
  reader.preamble(REMNANT_MAGIC, REMNANT_VERSION);
  const checked = REMNANT_HEAD_BYTES - TAG_BYTES;
  if (!equalBytes(tagOf(bytes.subarray(0, checked)), bytes.subarray(checked))) {
    throw new SiltError(
      'DIGEST_MISMATCH',
      `${WHAT}: its head was altered; run "silt verify" on the repository`,
    );
  }
  const pack = reader.bytes(DIGEST_BYTES, 'digest of the pack');
  const packSize = reader.u32('size of the pack');
  if (packSize > MAX_PACK) throw reader.invalid('size of the pack', `at most ${MAX_PACK}`, packSize);
  const ranges = readRanges(reader, packSize);
  const padding = reader.bytes(reader.left - TAG_BYTES, 'padding');
  if (padding.some((byte) => byte !== 0)) throw reader.invalid('padding', 'zeros', 'something else');
  return { pack: pack.slice(), packSize, ranges };
}

function readRanges(reader: ByteReader, packSize: number): PackRange[] {
  const count = reader.u16('number of ranges');
  if (count === 0 || count > MAX_REMNANT_RANGES) {
    throw reader.invalid('number of ranges', `1 to ${MAX_REMNANT_RANGES}`, count);
  }
  const ranges: PackRange[] = [];
  let end = 0;
  for (let i = 0; i < count; i++) {
    const offset = reader.u32('offset of a range');
    const length = reader.u32('length of a range');
    const isInOrder = i === 0 ? offset === 0 : offset > end;
    if (!isInOrder) throw reader.invalid('offset of a range', i === 0 ? '0' : `more than ${end}`, offset);
    if (length === 0 || offset + length > packSize) {
      throw reader.invalid('length of a range', `1 to ${packSize - offset}`, length);
    }
    end = offset + length;
    ranges.push({ offset, length });
  }
  if (end !== packSize) throw reader.invalid('the end of the last range', `${packSize}`, end);
  const [first, last] = [ranges[0] as PackRange, ranges.at(-1) as PackRange];
  if (first.length < PACK_PREAMBLE_BYTES || last.length < PACK_FOOTER_BYTES) {
    throw reader.invalid('ranges', 'those of the ends of a pack', `${first.length} and ${last.length} bytes`);
  }
  return ranges;
}

/** Bytes of the whole remnant. */
export function remnantSize({ ranges }: Pick<RemnantHead, 'ranges'>): number {
  return ranges.reduce((sum, { length }) => sum + length, REMNANT_HEAD_BYTES);
}

/** A run of bytes that a remnant has, and where. */
export interface RemnantPiece extends PackRange {
  /** Offset in the remnant. */
  readonly at: number;
}

/**
 * What the remnant has of `wanted`, in order. Pieces follow one another in the remnant without a gap, so that one
 * request brings all of them.
 */
export function piecesOf({ ranges }: Pick<RemnantHead, 'ranges'>, wanted: PackRange): RemnantPiece[] {
  const pieces: RemnantPiece[] = [];
  let at = REMNANT_HEAD_BYTES;
  for (const { offset, length } of ranges) {
    const from = Math.max(offset, wanted.offset);
    const to = Math.min(offset + length, wanted.offset + wanted.length);
    if (from < to) pieces.push({ at: at + from - offset, offset: from, length: to - from });
    at += length;
  }
  return pieces;
}
