/**
 * What is written is what is read.
 */
import test from 'ava';
import fc from 'fast-check';
import { canonicalJson } from '../../src/format/canonical-json.ts';
import {
  decodeIndexFront,
  decodeIndexHead,
  encodeIndexHead,
  indexSize,
} from '../../src/format/index-head.ts';
import { decodeLevel2, encodeLevel2, hintOf } from '../../src/format/level2.ts';
import { decodeManifest, encodeManifest } from '../../src/format/manifest.ts';
import {
  decodePackFooter,
  decodePackTrailer,
  encodePackFooter,
  encodePackPreamble,
  encodePackTrailer,
  PACK_FOOTER_BYTES,
  PACK_PREAMBLE_BYTES,
} from '../../src/format/pack.ts';
import { indexHead, manifest, packFrames, windowMap } from '../support/format-arbitraries.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const RUNS = { seed: 1, numRuns: 200 };

test('an index head is read as it was written, with the places of windows and level 2 filled in', (t) => {
  fc.assert(
    fc.property(indexHead, (head) => {
      const bytes = encodeIndexHead(head);
      const { windows, ...rest } = decodeIndexHead(bytes);
      const { windows: written, ...same } = head;
      t.deepEqual(rest, same);
      t.is(windows.length, written.length);
      let offset = 0;
      let level2Offset = bytes.length;
      windows.forEach((window, at) => {
        const { length, digest, level2 } = written[at] as (typeof written)[0];
        const place = level2 && { offset: level2Offset, ...level2 };
        t.deepEqual(window, { offset, length, digest, level2: place });
        offset += length;
        level2Offset += level2?.length ?? 0;
      });
      t.is(indexSize({ windows, ...rest }, bytes.length), level2Offset);
    }),
    RUNS,
  );
});

test('an index head is found at the front of its object, wherever it ends', (t) => {
  fc.assert(
    fc.property(indexHead, fc.uint8Array(), (head, behind) => {
      const bytes = encodeIndexHead(head);
      const front = decodeIndexFront(new Uint8Array([...bytes, ...behind]));
      t.is(front.headLength, bytes.length);
      t.deepEqual(front.head, decodeIndexHead(bytes));
    }),
    RUNS,
  );
});

test('level 2 of a window is read as it was written', (t) => {
  fc.assert(
    fc.property(windowMap, ({ map, length, packs }) => {
      const bytes = encodeLevel2(map);
      t.deepEqual(decodeLevel2(bytes, length, packs), map);
      t.deepEqual(encodeLevel2(decodeLevel2(bytes, length, packs)), bytes);
    }),
    RUNS,
  );
});

test('a pack trailer is read as it was written, with the places of frames filled in', (t) => {
  fc.assert(
    fc.property(packFrames, (frames) => {
      let offset = PACK_PREAMBLE_BYTES;
      const placed = frames.map((frame) => {
        const at = offset;
        offset += frame.stored;
        return { offset: at, ...frame };
      });
      t.deepEqual(decodePackTrailer(encodePackTrailer(frames), offset), placed);
    }),
    RUNS,
  );
});

test('a pack footer is read as it was written', (t) => {
  t.is(encodePackPreamble().length, PACK_PREAMBLE_BYTES);
  fc.assert(
    fc.property(fc.nat(32 * 2 ** 20), fc.nat(2 ** 20), (trailer, frames) => {
      const footer = encodePackFooter(trailer);
      t.is(footer.length, PACK_FOOTER_BYTES);
      t.is(decodePackFooter(footer, PACK_PREAMBLE_BYTES + frames + trailer + PACK_FOOTER_BYTES), trailer);
    }),
    RUNS,
  );
});

test('a manifest is read as it was written, and has one encoding', (t) => {
  fc.assert(
    fc.property(manifest, (value) => {
      const bytes = encodeManifest(value);
      t.deepEqual(decodeManifest(bytes), value);
      const reversed = Object.fromEntries(Object.entries(value).reverse()) as typeof value;
      t.deepEqual(encodeManifest(reversed), bytes);
    }),
    { seed: 1, numRuns: 60 },
  );
});

test('canonical JSON sorts members, leaves out white space and undefined, and refuses fractions', async (t) => {
  const value = { b: [1, 'ü"\n', null], a: { '10': true, '9': false }, A: undefined };
  t.is(canonicalJson(value), '{"a":{"10":true,"9":false},"b":[1,"ü\\"\\n",null]}');
  for (const number of [0.5, 2 ** 53, Number.NaN]) {
    await throwsSilt(t, async () => canonicalJson(number), 'INTERNAL');
  }
});

test('a hint is the first six bytes of a chunk id, little-endian, and exact', (t) => {
  const id = Uint8Array.from({ length: 64 }, (_, at) => 255 - at);
  t.is(hintOf(id), 0xfa_fb_fc_fd_fe_ff);
  t.is(hintOf(id, 32), 0xda_db_dc_dd_de_df);
});
