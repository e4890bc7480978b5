/**
 * One small valid example of each format, the same in every run: the source of the golden vectors and the
 * soil for fuzzing.
 *
 * @module
 */
import { sha256 } from '../../src/core/digest.ts';
import { decodeCatalog, encodeCatalog } from '../../src/format/catalog.ts';
import { decodeDeltaHead, encodeDeltaHead } from '../../src/format/delta-file.ts';
import { decodeIndexFront, decodeIndexHead, encodeIndexHead } from '../../src/format/index-head.ts';
import { decodeLevel2, encodeLevel2, type WindowMap, ZERO_FRAME } from '../../src/format/level2.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../../src/format/manifest.ts';
import {
  decodePackFooter,
  decodePackPreamble,
  decodePackTrailer,
  encodePackFooter,
  encodePackPreamble,
  encodePackTrailer,
  PACK_PREAMBLE_BYTES,
} from '../../src/format/pack.ts';
import { decodeRemnantHead, encodeRemnantHead, type RemnantHead } from '../../src/format/remnant.ts';
import { decodeSeedFooter, encodeSeedFooter } from '../../src/format/seed-index.ts';
import { sampleDelta } from './delta-sample.ts';
import type { HeadInput } from './format-arbitraries.ts';
import { seededBytes } from './seeded-bytes.ts';

const digest = (name: string): Uint8Array => new Uint8Array(sha256(Buffer.from(name)));
const tag = (name: string): Uint8Array => digest(name).slice(0, 16);
const hex = (name: string): string => Buffer.from(digest(name)).toString('hex');

export const sampleHead: HeadInput = {
  imageSize: 300_000 + 4_194_304 + 1,
  imageDigest: digest('image'),
  chunker: { name: 'fastcdc-1', min: 2048, average: 4096, max: 16_384 },
  windowing: { min: 131_072, average: 524_288, max: 4_194_304 },
  packs: [
    { digest: digest('pack 0'), size: 1_000_000, trailerLength: 4321, trailerDigest: digest('trailer 0') },
    { digest: digest('pack 1'), size: 127, trailerLength: 60, trailerDigest: digest('trailer 1') },
  ],
  windows: [
    { length: 300_000, digest: digest('window 0'), level2: { length: 700, tag: tag('level 2 0') } },
    { length: 4_194_304, digest: undefined, level2: undefined },
    { length: 1, digest: digest('window 2'), level2: { length: 36, tag: tag('level 2 2') } },
  ],
};

/** A window with zeros, a repeated chunk, and chunks of two frames. */
export const sampleMap: WindowMap = {
  frames: [
    { pack: 0, offset: 10, stored: 5000, plain: 12_000, codec: 0x11, tag: tag('frame 0') },
    { pack: 1, offset: 5010, stored: 300, plain: 300, codec: 0, tag: tag('frame 1') },
  ],
  lengths: Uint32Array.of(4000, 8000, 16_384, 300, 4000),
  hints: Float64Array.of(1, 2 ** 48 - 1, 0, 0x0605_0403_0201, 1),
  frameOf: Int32Array.of(0, 0, ZERO_FRAME, 1, 0),
  offsetIn: Uint32Array.of(0, 4000, 0, 0, 0),
};
export const sampleMapLength: number = 4000 + 8000 + 16_384 + 300 + 4000;

export const sampleFrames = [
  {
    stored: 5000,
    plain: 12_000,
    codec: 0x11,
    tag: tag('frame 0'),
    chunkLengths: [4000, 8000],
    chunkIds: new Uint8Array([...digest('chunk 0'), ...digest('chunk 1')]),
  },
  {
    stored: 300,
    plain: 300,
    codec: 0,
    tag: tag('frame 1'),
    chunkLengths: [300],
    chunkIds: digest('chunk 2'),
  },
];
export const sampleFramesEnd: number = PACK_PREAMBLE_BYTES + 5300;

export const sampleRemnant: RemnantHead = {
  pack: digest('pack 0'),
  packSize: 1_000_000,
  ranges: [
    { offset: 0, length: 5010 },
    { offset: 70_000, length: 1 },
    { offset: 995_667, length: 4333 },
  ],
};

export const sampleManifest: Manifest = {
  format: 'silt-manifest',
  formatVersion: 1,
  product: 'router',
  version: '1.2.3+build~4',
  counter: 7,
  created: '2026-01-02T03:04:05.678Z',
  images: [
    {
      name: 'rootfs',
      size: 4_494_305,
      sha256: hex('image'),
      index: { sha256: hex('index'), size: 1234, head: { sha256: hex('head'), size: 498 } },
    },
  ],
};

/** The same with two deltas, as they stand since there are any. */
export const sampleDeltaManifest: Manifest = {
  ...sampleManifest,
  images: sampleManifest.images.map((image) => ({
    ...image,
    deltas: [4_400_000, 0].map((baseSize, i) => ({
      base: { sha256: hex(`base ${i}`), size: baseSize },
      sha256: hex(`delta ${i}`),
      size: 70_000 + i,
      head: { sha256: hex(`delta head ${i}`), size: 310 + i },
    })),
  })),
};

/** Everything that version 2 added. */
export const sampleSealedManifest: Manifest = {
  ...sampleManifest,
  formatVersion: 2,
  hardware: [{ name: 'gw-100' }, { name: 'gw-200', variants: ['eu', 'us'] }],
  requires: { counter: 5, silt: '1.2.3' },
  allowDowngradeFrom: [8, 9],
  sealing: {
    cipher: 'aes-256-gcm',
    epoch: 3,
    keyId: hex('content key').slice(0, 32),
    envelope: { sha256: hex('envelope'), size: 812 },
  },
};

const catalogBytes = encodeCatalog({
  format: 'silt-catalog',
  formatVersion: 1,
  products: {
    router: {
      channels: { stable: '1.2.3' },
      releases: [{ version: '1.2.3', counter: 7, sha256: hex('manifest'), size: 512 }],
    },
  },
});

const seedFooter = encodeSeedFooter({
  chunks: 3,
  windows: 2,
  size: 70_000,
  changed: '1700000000000000000',
  inode: '4711',
  chunker: sampleHead.chunker,
  windowing: sampleHead.windowing,
  known: [{ size: 70_000, sha256: hex('image') }],
});

export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

/** Every decoder with bytes that it accepts. */
export const samples: readonly Sample[] = [
  { name: 'index head', bytes: encodeIndexHead(sampleHead), decode: decodeIndexHead },
  { name: 'index front', bytes: encodeIndexHead(sampleHead), decode: decodeIndexFront },
  {
    name: 'index level 2',
    bytes: encodeLevel2(sampleMap),
    decode: (bytes) => decodeLevel2(bytes, sampleMapLength, 2),
  },
  {
    name: 'pack trailer',
    bytes: encodePackTrailer(sampleFrames),
    decode: (bytes) => decodePackTrailer(bytes, sampleFramesEnd),
  },
  { name: 'pack preamble', bytes: encodePackPreamble(), decode: decodePackPreamble },
  { name: 'pack footer', bytes: encodePackFooter(200), decode: (bytes) => decodePackFooter(bytes, 5522) },
  { name: 'remnant head', bytes: encodeRemnantHead(sampleRemnant), decode: decodeRemnantHead },
  { name: 'delta head', bytes: encodeDeltaHead(sampleDelta), decode: decodeDeltaHead },
  { name: 'manifest', bytes: encodeManifest(sampleManifest), decode: decodeManifest },
  { name: 'manifest with deltas', bytes: encodeManifest(sampleDeltaManifest), decode: decodeManifest },
  { name: 'manifest of version 2', bytes: encodeManifest(sampleSealedManifest), decode: decodeManifest },
  { name: 'catalog', bytes: catalogBytes, decode: decodeCatalog },
  {
    name: 'seed index footer',
    bytes: seedFooter,
    decode: (bytes) => decodeSeedFooter(bytes, 10 + 30 + 72 + seedFooter.length),
  },
];

/** Bytes for a frame: half text, half noise. */
export const samplePlain: Uint8Array = new Uint8Array([
  ...Buffer.from('a line that repeats, again and again\n'.repeat(100)),
  ...seededBytes('frame', 1000),
]);
