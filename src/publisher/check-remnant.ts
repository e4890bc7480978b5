/**
 * A whole remnant of a pack, checked: for `silt verify`. In memory at once, a little more than a pack.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { sha256, toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import type { PackEntry } from '../format/index-head.ts';
import { decodePackFooter, PACK_FOOTER_BYTES, PACK_PREAMBLE_BYTES } from '../format/pack.ts';
import {
  decodeRemnantHead,
  piecesOf,
  REMNANT_HEAD_BYTES,
  type RemnantHead,
  remnantSize,
} from '../format/remnant.ts';
import { isSealedPack } from '../format/sealed-front.ts';
import type { ContentKey } from '../trust/seal/content-key.ts';
import { openSegment } from '../trust/seal/sealed-head.ts';
import { isWithin } from './known-chunks.ts';
import { checkPackFrames, readPackFrames } from './read-pack.ts';

/** The pack, as an index that could be opened describes it. */
interface DescribedPack {
  readonly entry: PackEntry;
  readonly key: ContentKey | undefined;
}

export interface CheckedRemnant {
  readonly head: RemnantHead;
  /** Chunks whose ids were compared; `undefined` for a sealed pack of which nothing is known. */
  readonly chunks: number | undefined;
}

/**
 * Requires that the head fits the object and the pack, that every range is made of whole frames, and that each chunk
 * in them has its id.
 *
 * @param pack `undefined` when no index names it
 * @throws SiltError DIGEST_MISMATCH, FORMAT_INVALID, FORMAT_UNSUPPORTED, SEAL_BROKEN
 */
export function checkRemnant(
  packKey: string,
  key: string,
  bytes: Uint8Array,
  pack: DescribedPack | undefined,
): CheckedRemnant {
  const head = decodeRemnantHead(bytes.subarray(0, REMNANT_HEAD_BYTES));
  if (`packs/${toHex(head.pack)}` !== packKey)
    throw unlike(key, 'pack', packKey, `packs/${toHex(head.pack)}`);
  if (bytes.length !== remnantSize(head)) throw unlike(key, 'size', remnantSize(head), bytes.length);
  const whole = packOf(head, bytes);
  const expected = pack?.entry.size ?? whole.length;
  if (whole.length !== expected) throw unlike(key, 'size of the pack', expected, whole.length);
  if (pack === undefined && isSealedPack(whole)) return { head, chunks: undefined };
  const seal = pack?.key?.objectSeal('pack', pack.entry.trailerDigest, key);
  const footer = whole.length - PACK_FOOTER_BYTES;
  const from = footer - decodePackFooter(whole.subarray(footer), whole.length);
  const trailer = openSegment(seal, from, whole.subarray(from, footer));
  if (pack !== undefined && !equalBytes(sha256(trailer), pack.entry.trailerDigest)) {
    throw unlike(key, 'trailer digest', toHex(pack.entry.trailerDigest), toHex(sha256(trailer)));
  }
  const frames = readPackFrames(whole, seal).filter((frame) => isWithin(head.ranges, frame));
  const inFrames = frames.reduce((sum, { stored }) => sum + stored, 0);
  const ends = PACK_PREAMBLE_BYTES + whole.length - from;
  const inRanges = head.ranges.reduce((sum, { length }) => sum + length, 0);
  if (inRanges !== inFrames + ends) throw unlike(key, 'bytes of whole frames', inFrames + ends, inRanges);
  return { head, chunks: checkPackFrames(whole, frames, seal) };
}

/** The pack, with zeros for what is not left of it. */
function packOf(head: RemnantHead, bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.packSize);
  for (const { at, offset, length } of piecesOf(head, { offset: 0, length: head.packSize })) {
    whole.set(bytes.subarray(at, at + length), offset);
  }
  return whole;
}

function unlike(key: string, what: string, expected: string | number, found: string | number): SiltError {
  return new SiltError('DIGEST_MISMATCH', `${key}: expected the ${what} ${expected}, found ${found}`, {
    details: { key, expected, found },
  });
}
