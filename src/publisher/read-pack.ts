/**
 * A whole pack, checked: for `silt verify` and `silt inspect`. In memory at once, at most 64 MiB of it.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { DIGEST_BYTES, sha256, toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { openFrame } from '../format/frame.ts';
import {
  decodePackFooter,
  decodePackPreamble,
  decodePackTrailer,
  PACK_FOOTER_BYTES,
  PACK_PREAMBLE_BYTES,
  type PackFrame,
} from '../format/pack.ts';
import { decodeSealedPackPreamble } from '../format/sealed-front.ts';
import type { ObjectSeal } from '../trust/seal/content-key.ts';
import { openSegment } from '../trust/seal/sealed-head.ts';

/**
 * The frames of a pack, as its trailer describes them.
 *
 * @param seal of a sealed pack
 * @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED, SEAL_BROKEN
 */
export function readPackFrames(pack: Uint8Array, seal?: ObjectSeal): PackFrame[] {
  const preamble = pack.subarray(0, PACK_PREAMBLE_BYTES);
  if (seal === undefined) decodePackPreamble(preamble);
  else decodeSealedPackPreamble(preamble);
  const footer = pack.subarray(Math.max(0, pack.length - PACK_FOOTER_BYTES));
  const trailerLength = decodePackFooter(footer, pack.length);
  const framesEnd = pack.length - PACK_FOOTER_BYTES - trailerLength;
  const trailer = pack.subarray(framesEnd, framesEnd + trailerLength);
  return decodePackTrailer(openSegment(seal, framesEnd, trailer), framesEnd);
}

/**
 * Opens every frame and requires each chunk to have its id.
 *
 * @param seal of a sealed pack
 * @returns the number of chunks
 * @throws SiltError DIGEST_MISMATCH, FORMAT_INVALID, FORMAT_UNSUPPORTED, SEAL_BROKEN
 */
export function checkPackFrames(pack: Uint8Array, frames: readonly PackFrame[], seal?: ObjectSeal): number {
  let chunks = 0;
  for (const frame of frames) {
    const stored = pack.subarray(frame.offset, frame.offset + frame.stored);
    const plain = openFrame(frame, openSegment(seal, frame.offset, stored));
    let at = 0;
    frame.chunkLengths.forEach((length, i) => {
      const expected = frame.chunkIds.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES);
      const found = sha256(plain.subarray(at, at + length));
      if (!equalBytes(found, expected)) {
        throw new SiltError(
          'DIGEST_MISMATCH',
          `pack: a chunk of the frame at ${frame.offset} does not have its id`,
          {
            details: { offset: frame.offset, expected: toHex(expected), found: toHex(found) },
          },
        );
      }
      at += length;
    });
    chunks += frame.chunkLengths.length;
  }
  return chunks;
}
