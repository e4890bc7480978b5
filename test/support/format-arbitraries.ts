/**
 * Valid contents of silt's formats, for properties.
 *
 * @module
 */
import fc from 'fast-check';
import type { IndexHead, PackEntry, WindowRecord } from '../../src/format/index-head.ts';
import { type WindowMap, ZERO_FRAME } from '../../src/format/level2.ts';
import { MAX_ENVELOPE, MAX_FRAME_STORED, MAX_LEVEL2, MAX_PACK, MAX_WINDOW } from '../../src/format/limits.ts';
import { type Manifest, newManifest } from '../../src/format/manifest.ts';
import type { PackFrame } from '../../src/format/pack.ts';

export const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

const digest = bytesOf(32);
const tag = bytesOf(16);
const codec = fc.constantFrom(0, 1, 2, 0x10, 0x11, 0x12);
const from1 = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });

const sizes = (limit: number) =>
  fc
    .tuple(from1(limit), from1(limit), from1(limit))
    .map((three) => three.sort((a, b) => a - b))
    .map(([min, average, max]) => ({ min: min as number, average: average as number, max: max as number }));

const pack: fc.Arbitrary<PackEntry> = from1(MAX_PACK).chain((size) =>
  fc.record({
    digest,
    size: fc.constant(size),
    trailerLength: fc.nat(Math.min(size, 1e7)),
    trailerDigest: digest,
  }),
);

const windowRecord: fc.Arbitrary<WindowRecord> = fc.oneof(
  fc.record({
    length: from1(MAX_WINDOW),
    digest,
    level2: fc.record({ length: fc.nat(MAX_LEVEL2), tag }),
  }),
  fc.record({ length: from1(MAX_WINDOW), digest: fc.constant(undefined), level2: fc.constant(undefined) }),
);

export type HeadInput = Omit<IndexHead, 'windows'> & { windows: readonly WindowRecord[] };

/** What `encodeIndexHead` takes. */
export const indexHead: fc.Arbitrary<HeadInput> = fc
  .record({
    imageDigest: digest,
    chunker: sizes(16 * 2 ** 20).map((three) => ({ name: 'fastcdc-1', ...three })),
    windowing: sizes(MAX_WINDOW),
    packs: fc.array(pack, { maxLength: 5 }),
    windows: fc.array(windowRecord, { maxLength: 30 }),
  })
  .map((head) => ({ ...head, imageSize: head.windows.reduce((sum, { length }) => sum + length, 0) }));

interface Piece {
  readonly frame: number;
  readonly offset: number;
  readonly lengths: readonly number[];
  readonly hints: readonly number[];
}

/** A map of runs, whose chunks follow one another in a frame of enough bytes. */
export const windowMap: fc.Arbitrary<{ map: WindowMap; length: number; packs: number }> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 50 }))
  .chain(([frameCount, packs]) =>
    fc.record({
      packs: fc.constant(packs),
      frames: fc.array(
        fc.record({
          pack: fc.nat(packs - 1),
          offset: fc.nat(MAX_PACK),
          stored: from1(MAX_FRAME_STORED),
          plain: fc.constant(1 << 20),
          codec,
          tag,
        }),
        { minLength: frameCount, maxLength: frameCount },
      ),
      pieces: fc.array(
        fc.record({
          frame: fc.integer({ min: ZERO_FRAME, max: frameCount - 1 }),
          offset: fc.nat(1 << 19),
          lengths: fc.array(from1(20_000), { minLength: 1, maxLength: 20 }),
          hints: fc.array(fc.nat(2 ** 48 - 1), { minLength: 20, maxLength: 20 }),
        }),
        { maxLength: 8 },
      ),
    }),
  )
  .map(({ packs, frames, pieces }) => {
    const columns = pieces.flatMap(chunksOf);
    const map = {
      frames,
      lengths: Uint32Array.from(columns, (chunk) => chunk.length),
      hints: Float64Array.from(columns, (chunk) => chunk.hint),
      frameOf: Int32Array.from(columns, (chunk) => chunk.frame),
      offsetIn: Uint32Array.from(columns, (chunk) => chunk.offset),
    };
    return { map, packs, length: columns.reduce((sum, chunk) => sum + chunk.length, 0) };
  });

function chunksOf(piece: Piece) {
  let next = piece.offset;
  return piece.lengths.map((length, at) => {
    const offset = next;
    next += length;
    return piece.frame === ZERO_FRAME
      ? { length, frame: ZERO_FRAME, offset: 0, hint: 0 }
      : { length, frame: piece.frame, offset, hint: piece.hints[at] as number };
  });
}

/** Frames for `encodePackTrailer`. */
export const packFrames: fc.Arbitrary<Omit<PackFrame, 'offset'>[]> = fc.array(
  fc
    .record({
      stored: from1(MAX_FRAME_STORED),
      codec,
      tag,
      chunkLengths: fc.array(from1(200_000), { minLength: 1, maxLength: 12 }),
    })
    .chain((frame) =>
      fc.record({
        stored: fc.constant(frame.stored),
        plain: fc.constant(frame.chunkLengths.reduce((sum, length) => sum + length, 0)),
        codec: fc.constant(frame.codec),
        tag: fc.constant(frame.tag),
        chunkLengths: fc.constant(frame.chunkLengths),
        chunkIds: bytesOf(32 * frame.chunkLengths.length),
      }),
    ),
  { maxLength: 8 },
);

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._+~-]{0,20}$/);
const hexDigest = digest.map((bytes) => Buffer.from(bytes).toString('hex'));

const delta = fc.record({
  base: fc.record({ sha256: hexDigest, size: fc.nat(2 ** 40) }),
  sha256: hexDigest,
  size: fc.nat(2 ** 30),
  head: fc.record({ sha256: hexDigest, size: fc.nat(2 ** 20) }),
});

/** A valid Manifest. */
const manifestMembers = {
  product: name,
  version: name,
  created: fc
    .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  images: fc.uniqueArray(
    fc.record(
      {
        name,
        size: fc.nat(2 ** 40),
        sha256: hexDigest,
        index: fc.record({
          sha256: hexDigest,
          size: fc.nat(2 ** 30),
          head: fc.record({ sha256: hexDigest, size: fc.nat(2 ** 20) }),
        }),
        deltas: fc.array(delta, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ['name', 'size', 'sha256', 'index'] },
    ),
    { minLength: 1, maxLength: 4, selector: (image) => image.name },
  ),
};

const counter = from1(Number.MAX_SAFE_INTEGER);

/** What a release may leave out. */
const manifestOptions = {
  hardware: fc.array(
    fc.record({ name, variants: fc.array(name, { minLength: 1, maxLength: 3 }) }, { requiredKeys: ['name'] }),
    { minLength: 1, maxLength: 3 },
  ),
  requires: fc.record({ counter, silt: fc.constantFrom('0.1.0', '12.345.6789') }, { requiredKeys: [] }),
  allowDowngradeFrom: fc.array(counter, { minLength: 1, maxLength: 4 }),
  sealing: fc.record({
    cipher: fc.constant('aes-256-gcm' as const),
    epoch: counter,
    keyId: hexDigest.map((digest) => digest.slice(0, 32)),
    envelope: fc.record({ sha256: hexDigest, size: from1(MAX_ENVELOPE) }),
  }),
};

export const manifest: fc.Arbitrary<Manifest> = fc
  .tuple(fc.record(manifestMembers), fc.record(manifestOptions, { requiredKeys: [] }), counter)
  .map(([members, options, own]) => newManifest({ ...members, ...options }, own));
