/**
 * Golden payloads: what a decoder makes of the bytes of a delta window, for ever. Devices in the field decode
 * them, so a change of the entropy model needs a new version of the format, and never new vectors.
 *
 * Only decoding is held to them: an encoder may find better segments. `SILT_WRITE_VECTORS=1` writes the vectors
 * that are missing; it never replaces one.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type BaseReader, readAround } from '../../src/delta/base-reader.ts';
import { Matcher } from '../../src/delta/matcher.ts';
import { DIFFERENCES, decodePayload, LITERALS } from '../../src/delta/payload.ts';
import { WindowDecoder } from '../../src/delta/window-decoder.ts';
import { WindowEncoder } from '../../src/delta/window-encoder.ts';
import { COPY, COVER, EARLIER, LITERAL, type Segment } from '../../src/kernel/window-coder.ts';
import { bytesReader } from '../support/bytes-reader.ts';
import { payloadOf } from '../support/hand-made-window.ts';
import { programBytes } from '../support/program-bytes.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { changed } from '../support/window-script.ts';

const folder = fileURLToPath(new URL('../vectors/delta-1/', import.meta.url));
const isWriting = process.env.SILT_WRITE_VECTORS === '1';

/** The bytes of a vector; `make` is what they are made of, once. */
function golden(name: string, make: () => Uint8Array): Uint8Array {
  if (isWriting && !existsSync(folder + name)) writeFileSync(folder + name, make());
  return new Uint8Array(readFileSync(folder + name));
}

const base = golden('window-base.bin', () => programBytes(24_000, 7));

/** Where the window begins in the target. */
const OFFSET = 3000;
/** A program linked anew, its text, and what repeats. */
const target = golden('window-target.bin', () => {
  const earlier = seededBytes('golden earlier', OFFSET);
  const text = sampleData('text', 5000, 7);
  const parts = [
    earlier,
    changed(base.subarray(0, 9000), 'fields', 7),
    text,
    text.subarray(1000, 1700),
    earlier.subarray(500, 900),
    changed(base.subarray(15_000, 23_999), 'now and then', 7),
    new Uint8Array(600).fill(0x90),
    changed(base.subarray(9000, 9400), 'everything', 7),
  ];
  return Buffer.concat(parts);
});
const segments: readonly Segment[] = [
  { kind: COVER, length: 9000, from: 0 },
  { kind: LITERAL, length: 5000, from: 0 },
  { kind: COPY, length: 700, from: 10_000 },
  { kind: EARLIER, length: 400, from: 500 },
  { kind: COVER, length: 8999, from: 15_000 },
  { kind: LITERAL, length: 1, from: 0 },
  { kind: COPY, length: 599, from: 24_099 },
  { kind: COVER, length: 400, from: 9000 },
];

const earlier = target.subarray(0, OFFSET);
const window = target.subarray(OFFSET);
const decoder = new WindowDecoder();

interface Golden {
  readonly window?: Uint8Array;
  readonly base?: BaseReader;
  readonly earlier?: BaseReader;
  readonly layouts: readonly [difference: number, literal: number];
}

/** Holds the payload `name` to its layouts and to its window. */
function comesBack(name: string, expected: Golden, make: () => Uint8Array): void {
  test(`golden payload: ${name} gives the window it always gave`, (t) => {
    const payload = golden(`payload-${name}.bin`, make);
    const { differenceLayout, literalLayout } = decodePayload(payload);
    t.deepEqual([differenceLayout, literalLayout], [...expected.layouts]);
    const wanted = expected.window ?? window;
    const { base: from = bytesReader(base), earlier: ahead = bytesReader(earlier) } = expected;
    t.is(Buffer.compare(decoder.decode(payload, wanted.length, from, ahead), wanted), 0);
  });
}

for (const [name, ...layouts] of [
  ['model', DIFFERENCES.model, LITERALS.model],
  ['sparse-zstd', DIFFERENCES.sparseZstd, LITERALS.zstd],
  ['sparse-brotli', DIFFERENCES.sparseBrotli, LITERALS.brotli],
  ['dense-zstd', DIFFERENCES.denseZstd, LITERALS.stored],
  ['dense-brotli', DIFFERENCES.denseBrotli, LITERALS.model],
] as const) {
  const made = { base, earlier, window, segments };
  comesBack(name, { layouts }, () => payloadOf(made, ...layouts));
}

const equal = Buffer.concat([base.subarray(23_000), target.subarray(100, 120), base.subarray(5, 1005)]);
comesBack('equal', { window: equal, layouts: [DIFFERENCES.none, LITERALS.stored] }, () => {
  const list: Segment[] = [
    { kind: COVER, length: 1000, from: 23_000 },
    { kind: LITERAL, length: 20, from: 0 },
    { kind: COVER, length: 1000, from: 5 },
  ];
  return payloadOf({ base, earlier, window: equal, segments: list }, DIFFERENCES.none, LITERALS.stored);
});

// What the encoder itself made of it, on the day the format was fixed.
comesBack('encoder', { layouts: [DIFFERENCES.model, LITERALS.zstd] }, () => {
  const matches = new Matcher().match(bytesReader(base), bytesReader(target), {
    pieces: Float64Array.of(0, base.length),
    gaps: Float64Array.of(0, target.length),
    diagonals: Float64Array.of(Number.NaN, Number.NaN),
  });
  const repeats = { at: Float64Array.of(17_700), from: Float64Array.of(500), length: Float64Array.of(400) };
  const reader = bytesReader(earlier);
  return new WindowEncoder().encode(window, matches, bytesReader(base), repeats, reader).payload;
});

/** `bytes` at the end of a file of `size` bytes, which is zero ahead of them. */
function atTheEnd(bytes: Uint8Array, size: number): BaseReader {
  return {
    size,
    read(at, into) {
      readAround(bytesReader(bytes), at - (size - bytes.length), into);
      return Math.min(into.length, size - at);
    },
  };
}

const FAR = 2 ** 42 + 12_346;
const far = Buffer.concat([base.subarray(100, 400), earlier.subarray(0, 50), base.subarray(50, 350)]);
const farEnds = { base: atTheEnd(base, FAR), earlier: atTheEnd(earlier, FAR / 2) };
comesBack('far', { window: far, ...farEnds, layouts: [DIFFERENCES.none, LITERALS.stored] }, () => {
  const at = (source: BaseReader, bytes: Uint8Array): number => source.size - bytes.length;
  const result = new WindowEncoder().encode(
    far,
    {
      at: Float64Array.of(farEnds.earlier.size, farEnds.earlier.size + 350),
      from: Float64Array.of(at(farEnds.base, base) + 100, at(farEnds.base, base) + 50),
      length: Float64Array.of(300, 300),
    },
    farEnds.base,
    {
      at: Float64Array.of(farEnds.earlier.size + 300),
      from: Float64Array.of(at(farEnds.earlier, earlier)),
      length: Float64Array.of(50),
    },
    farEnds.earlier,
  );
  return result.payload;
});
