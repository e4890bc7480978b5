import test from 'ava';
import { concatBytes } from '../../src/core/bytes.ts';
import { sha256, sha256Hex, toHex } from '../../src/core/digest.ts';
import { tagOf } from '../../src/format/frame.ts';
import { MAX_FRAMES_PER_PACK, MAX_PACK, MAX_PACK_TRAILER } from '../../src/format/limits.ts';
import {
  decodePackFooter,
  decodePackPreamble,
  decodePackTrailer,
  PACK_FOOTER_BYTES,
  PACK_PREAMBLE_BYTES,
  type PackFrame,
} from '../../src/format/pack.ts';
import { PACK_BYTES, PackBuilder, trailerOffset } from '../../src/publisher/pack-builder.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

type NewFrame = Omit<PackFrame, 'offset' | 'stored'>;

/** A frame of `chunks` chunks, stored in `stored`. */
function frameOf(stored: Uint8Array, chunks: number, chunkLength = 5000): NewFrame {
  const chunkIds = concatBytes(Array.from({ length: chunks }, (_, i) => sha256(Buffer.from(`chunk ${i}`))));
  const chunkLengths = Array.from({ length: chunks }, () => chunkLength);
  return {
    plain: chunks * chunkLength,
    codec: 1,
    tag: new Uint8Array(tagOf(stored)),
    chunkLengths,
    chunkIds,
  };
}

test('a pack says of its frames what it was told, and they lie where it said', (t) => {
  const builder = new PackBuilder();
  t.true(builder.isEmpty);
  const stored = [1, 1000, 70_000].map((length, i) => seededBytes(`frame ${i}`, length));
  const frames = stored.map((bytes, i) => frameOf(bytes, i + 1));
  const offsets = stored.map((bytes, i) => builder.add(bytes, frames[i]!));
  t.false(builder.isEmpty);
  const { name, bytes, entry } = builder.finish();

  t.is(name, sha256Hex(bytes));
  t.is(toHex(entry.digest), name);
  t.is(entry.size, bytes.length);
  decodePackPreamble(bytes.subarray(0, PACK_PREAMBLE_BYTES));
  const trailerLength = decodePackFooter(bytes.subarray(-PACK_FOOTER_BYTES), bytes.length);
  t.is(trailerLength, entry.trailerLength);
  const from = trailerOffset(entry);
  const trailer = bytes.subarray(from, from + trailerLength);
  t.is(toHex(sha256(trailer)), toHex(entry.trailerDigest));
  const decoded = decodePackTrailer(trailer, from);
  decoded.forEach((frame, i) => {
    t.is(frame.offset, offsets[i]!);
    t.deepEqual(
      Buffer.from(bytes.subarray(frame.offset, frame.offset + frame.stored)),
      Buffer.from(stored[i]!),
    );
    t.deepEqual(frame.chunkLengths, frames[i]!.chunkLengths);
    t.is(toHex(frame.chunkIds), toHex(frames[i]!.chunkIds));
    t.is(frame.plain, frames[i]!.plain);
  });
  t.is(decoded.length, 3);
});

test('a pack stays within its limit, trailer included, unless one frame is larger', (t) => {
  for (const chunks of [1, 200]) {
    const builder = new PackBuilder(100_000);
    const stored = seededBytes('limited', 3000);
    t.true(builder.fits(1_000_000, 1), 'an empty pack takes any frame');
    while (builder.fits(stored.length, chunks)) builder.add(stored, frameOf(stored, chunks));
    const { length } = builder.finish().bytes;
    t.true(length <= 100_000 && length > 100_000 - 2 * (stored.length + chunks * 36 + 32), String(length));
  }
});

test('data that compresses to next to nothing makes no pack that readers refuse', (t) => {
  // Ten bytes for a mebibyte: a thousand chunks each, whose ids take far more than their bytes.
  const builder = new PackBuilder();
  const stored = seededBytes('tiny', 10);
  const frame = frameOf(stored, 1000, 1024);
  let frames = 0;
  while (builder.fits(stored.length, 1000) && frames < 2000) {
    builder.add(stored, frame);
    frames += 1;
  }
  const { entry } = builder.finish();
  t.true(entry.size <= PACK_BYTES && entry.size <= MAX_PACK, String(entry.size));
  t.true(entry.trailerLength <= MAX_PACK_TRAILER);
});

test('a pack holds no more frames than readers take', (t) => {
  const builder = new PackBuilder();
  const stored = seededBytes('small', 1);
  const frame = frameOf(stored, 1);
  for (let i = 0; i < MAX_FRAMES_PER_PACK; i++) {
    if (!builder.fits(1, 1)) {
      t.fail(`full after ${i} frames`);
      return;
    }
    builder.add(stored, frame);
  }
  t.false(builder.fits(1, 1));
});
