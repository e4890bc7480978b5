/**
 * Reads what is in use of a pack, checks every frame of it, and puts it together as a remnant. Nothing is opened or
 * encrypted anew: frames stay as they are stored, at the offsets at which indexes look for them.
 *
 * Memory: the remnant, twice for a moment.
 *
 * @module
 */
import { equalBytes } from '../../core/bytes.ts';
import { sha256 } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import { tagOf } from '../../format/frame.ts';
import {
  decodePackFooter,
  decodePackPreamble,
  decodePackTrailer,
  PACK_FOOTER_BYTES,
  PACK_PREAMBLE_BYTES,
} from '../../format/pack.ts';
import {
  encodeRemnantHead,
  type PackRange,
  piecesOf,
  REMNANT_HEAD_BYTES,
  type RemnantHead,
  remnantSize,
} from '../../format/remnant.ts';
import { decodeSealedPackPreamble } from '../../format/sealed-front.ts';
import { readRange } from '../../store/read-range.ts';
import type { Key, ReadStore } from '../../store/store.ts';
import { openSegment } from '../../trust/seal/sealed-head.ts';
import { trailerOffset } from '../pack-builder.ts';
import { ByteRanges } from './byte-ranges.ts';
import type { PackUse } from './pack-usage.ts';

/** The head of a remnant with all that is in use of the pack, and its two ends. */
export function remnantFor({ entry, live }: PackUse): RemnantHead {
  const ranges = new ByteRanges(live.list());
  ranges.add(0, PACK_PREAMBLE_BYTES);
  ranges.add(trailerOffset(entry), entry.trailerLength + PACK_FOOTER_BYTES);
  return { pack: entry.digest, packSize: entry.size, ranges: ranges.list() };
}

/**
 * The bytes of the remnant.
 *
 * @param store which has the pack, or a remnant of it with all of the ranges
 * @throws SiltError DIGEST_MISMATCH, SEAL_BROKEN, FORMAT_INVALID when what is in use is not what it must be, or is no
 *   run of whole frames; store errors
 */
export async function makeRemnant(
  store: ReadStore,
  packKey: Key,
  use: PackUse,
  head: RemnantHead,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(remnantSize(head));
  bytes.set(encodeRemnantHead(head));
  let at = REMNANT_HEAD_BYTES;
  for (const range of head.ranges) {
    bytes.set(await readRange(store, packKey, range, { signal }), at);
    at += range.length;
  }
  checkRemnant(packKey, use, head, bytes);
  return bytes;
}

/**
 * Compares every frame in the remnant with its tag, and the trailer with its digest.
 *
 * @throws SiltError DIGEST_MISMATCH, SEAL_BROKEN, FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
function checkRemnant(
  packKey: Key,
  { entry, key, live }: PackUse,
  head: RemnantHead,
  bytes: Uint8Array,
): void {
  const seal = key?.objectSeal('pack', entry.trailerDigest, packKey);
  const part = (range: PackRange): Uint8Array => {
    const [piece, another] = piecesOf(head, range);
    if (piece?.length !== range.length || another !== undefined) throw altered(packKey, range.offset);
    return bytes.subarray(piece.at, piece.at + piece.length);
  };
  const preamble = part({ offset: 0, length: PACK_PREAMBLE_BYTES });
  if (seal === undefined) decodePackPreamble(preamble);
  else decodeSealedPackPreamble(preamble);
  const offset = trailerOffset(entry);
  const trailer = openSegment(seal, offset, part({ offset, length: entry.trailerLength }));
  if (!equalBytes(sha256(trailer), entry.trailerDigest)) throw altered(packKey, offset);
  const end = offset + entry.trailerLength;
  decodePackFooter(part({ offset: end, length: PACK_FOOTER_BYTES }), entry.size);
  let checked = 0;
  for (const frame of decodePackTrailer(trailer, offset)) {
    const range = { offset: frame.offset, length: frame.stored };
    if (!live.has(range)) continue;
    if (!equalBytes(tagOf(openSegment(seal, frame.offset, part(range))), frame.tag)) {
      throw altered(packKey, frame.offset);
    }
    checked += frame.stored;
  }
  // An index that names other bytes than frames of the pack is one that silt did not write.
  if (checked !== live.bytes) throw altered(packKey, 0);
}

function altered(key: Key, offset: number): SiltError {
  return new SiltError(
    'DIGEST_MISMATCH',
    `${key}: what lies at ${offset} is not the frame that belongs there; run "silt verify" on the repository`,
    { details: { key, offset } },
  );
}
