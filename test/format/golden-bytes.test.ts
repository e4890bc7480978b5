/**
 * Golden bytes: what each format is. Devices in the field read them, so a change needs a new format version
 * and never new vectors.
 *
 * `SILT_WRITE_VECTORS=1` writes the vectors that are missing; it never replaces one.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { decodeIndexHead, encodeIndexHead } from '../../src/format/index-head.ts';
import { decodeLevel2, encodeLevel2 } from '../../src/format/level2.ts';
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
import { decodeRemnantHead, encodeRemnantHead } from '../../src/format/remnant.ts';
import { encodeX86 } from '../../src/format/x86-filter.ts';
import {
  sampleDeltaManifest,
  sampleFrames,
  sampleHead,
  sampleManifest,
  sampleMap,
  sampleMapLength,
  sampleRemnant,
  sampleSealedManifest,
} from '../support/format-samples.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { x86Code } from '../support/x86-code.ts';

const folder = fileURLToPath(new URL('../vectors/', import.meta.url));

/** A whole pack: the stored bytes of its frames are noise, which its trailer does not mind. */
function samplePack(): Uint8Array {
  const trailer = encodePackTrailer(sampleFrames);
  const frames = seededBytes('golden pack', 5300);
  return Buffer.concat([encodePackPreamble(), frames, trailer, encodePackFooter(trailer.length)]);
}

/** What is encoded today, by the name of its vector. */
const vectors: Readonly<Record<string, () => Uint8Array>> = {
  'index-1/head.bin': () => encodeIndexHead(sampleHead),
  'index-1/level2.bin': () => encodeLevel2(sampleMap),
  'pack-1/pack.bin': samplePack,
  'pack-1/x86-plain.bin': () => x86Code(2048),
  'pack-1/x86-filtered.bin': () => encodeX86(x86Code(2048)),
  'remnant-1/head.bin': () => encodeRemnantHead(sampleRemnant),
  'manifest-1/manifest.json': () => encodeManifest(sampleManifest),
  'manifest-1/deltas.json': () => encodeManifest(sampleDeltaManifest),
  'manifest-2/sealed.json': () => encodeManifest(sampleSealedManifest),
};

if (process.env.SILT_WRITE_VECTORS === '1') {
  for (const [name, encode] of Object.entries(vectors)) {
    mkdirSync(fileURLToPath(new URL('.', `file://${folder}${name}`)), { recursive: true });
    if (!existsSync(folder + name)) writeFileSync(folder + name, encode());
  }
}

const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(folder + name));

for (const [name, encode] of Object.entries(vectors)) {
  test(`golden bytes: ${name} is what is written today`, (t) => {
    t.is(Buffer.from(encode()).toString('hex'), Buffer.from(golden(name)).toString('hex'));
  });
}

test('the golden index says what it always said', (t) => {
  const head = golden('index-1/head.bin');
  const { windows, ...rest } = decodeIndexHead(head);
  const { windows: written, ...same } = sampleHead;
  t.deepEqual(rest, same);
  t.deepEqual(
    windows.map(({ offset, length }) => [offset, length]),
    [
      [0, 300_000],
      [300_000, 4_194_304],
      [4_494_304, 1],
    ],
  );
  t.deepEqual(windows[2]?.level2, { offset: head.length + 700, ...written[2]?.level2 });
  t.deepEqual(decodeLevel2(golden('index-1/level2.bin'), sampleMapLength, 2), sampleMap);
});

test('the golden pack says what it always said', (t) => {
  const pack = golden('pack-1/pack.bin');
  const trailerEnd = pack.length - PACK_FOOTER_BYTES;
  const trailerLength = decodePackFooter(pack.subarray(trailerEnd), pack.length);
  const framesEnd = trailerEnd - trailerLength;
  const frames = decodePackTrailer(pack.slice(framesEnd, trailerEnd), framesEnd);
  t.deepEqual(
    frames.map(({ offset }) => offset),
    [PACK_PREAMBLE_BYTES, PACK_PREAMBLE_BYTES + 5000],
  );
  t.deepEqual(
    frames.map(({ offset: _, ...frame }) => frame),
    sampleFrames,
  );
});

test('the golden remnant says what it always said', (t) => {
  t.deepEqual(decodeRemnantHead(golden('remnant-1/head.bin')), sampleRemnant);
});

test('the golden manifest says what it always said', (t) => {
  t.deepEqual(decodeManifest(golden('manifest-1/manifest.json')), sampleManifest);
  t.deepEqual(decodeManifest(golden('manifest-1/deltas.json')), sampleDeltaManifest);
  t.deepEqual(decodeManifest(golden('manifest-2/sealed.json')), sampleSealedManifest);
});
