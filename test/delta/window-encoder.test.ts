/**
 * `decode(encode(window)) = window` for windows of edited images.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { findRepeats } from '../../src/delta/find-repeats.ts';
import { Matcher } from '../../src/delta/matcher.ts';
import { type Matches, noMatches } from '../../src/delta/matches.ts';
import { bytesNeeded, decodePayload, payloadBytes } from '../../src/delta/payload.ts';
import { WindowDecoder } from '../../src/delta/window-decoder.ts';
import { WindowEncoder, type WindowResult } from '../../src/delta/window-encoder.ts';
import { bytesReader } from '../support/bytes-reader.ts';
import { imagePairs } from '../support/edit-script.ts';
import { programBytes } from '../support/program-bytes.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { changed } from '../support/window-script.ts';

const encoder = new WindowEncoder();
const decoder = new WindowDecoder();
const matcher = new Matcher();

interface Found {
  readonly matches?: Matches;
  readonly repeats?: Matches;
}

/** Encodes the window [offset, offset + length) of `image`, and holds it to coming back. */
function roundTrip(
  t: ExecutionContext<unknown>,
  base: Uint8Array,
  image: Uint8Array,
  [offset, length]: readonly [number, number],
  { matches = noMatches, repeats = noMatches }: Found = {},
): WindowResult {
  const window = image.subarray(offset, offset + length);
  const earlier = bytesReader(image.subarray(0, offset));
  const result = encoder.encode(window, matches, bytesReader(base), repeats, earlier);
  const { copyFrom, zero, payload, bytes } = result;
  if (zero || copyFrom !== undefined) {
    const there = zero ? new Uint8Array(length) : base.subarray(copyFrom, (copyFrom ?? 0) + length);
    t.is(Buffer.compare(there, window), 0);
    t.is(payload.length, 0);
    return result;
  }
  t.deepEqual(payloadBytes(payload), bytes);
  t.is(bytes.control + bytes.difference + bytes.literal, payload.length);
  // No more of the image ahead than the payload says.
  const needed = bytesNeeded(decodePayload(payload), offset);
  const there = { size: offset, read: bytesReader(image.subarray(0, needed)).read };
  const found = decoder.decode(payload, length, bytesReader(base), there);
  t.is(Buffer.compare(found, window), 0);
  return result;
}

/** Everything that the whole image resembles of the Base. */
function matchesOf(base: Uint8Array, image: Uint8Array): Matches {
  return matcher.match(bytesReader(base), bytesReader(image), {
    pieces: Float64Array.of(0, base.length),
    gaps: Float64Array.of(0, image.length),
    diagonals: Float64Array.of(Number.NaN, Number.NaN),
  });
}

test('every window of an edited image comes back', (t) => {
  const kinds = { zero: 0, copy: 0, coded: 0, looksBack: 0 };
  const sizes = fc.integer({ min: 1, max: 24 * KiB });
  fc.assert(
    fc.property(imagePairs(8 * KiB, 32 * KiB), sizes, fc.boolean(), ({ old, image }, size, matched) => {
      // Without the Base, what the image repeats of itself is all there is.
      const matches = matched ? matchesOf(old, image) : noMatches;
      const lengths = Array.from({ length: Math.ceil(image.length / size) }, (_, i) =>
        Math.min(size, image.length - i * size),
      );
      const holes = Float64Array.of(0, image.length);
      const repeats = findRepeats(bytesReader(image), holes, Float64Array.from(lengths), undefined, 0);
      for (const [i, length] of lengths.entries()) {
        // A few of very many windows of a few bytes.
        if (i > 4 && i < lengths.length - 2) continue;
        const result = roundTrip(t, old, image, [i * size, length], { matches, repeats });
        kinds[result.zero ? 'zero' : result.copyFrom === undefined ? 'coded' : 'copy'] += 1;
        if (result.payload.length === 0) continue;
        if (decodePayload(result.payload).spared !== undefined) kinds.looksBack += 1;
      }
    }),
    { seed: 1, numRuns: 80 },
  );
  t.true(
    Object.values(kinds).every((count) => count > 5),
    JSON.stringify(kinds),
  );
});

test('windows of one byte, and of sizes around powers of two, come back', (t) => {
  const base = programBytes(40_000);
  const image = changed(base, 'fields', 1);
  const matches = matchesOf(base, image);
  for (let power = 0; power <= 14; power++) {
    for (const length of [2 ** power - 1, 2 ** power, 2 ** power + 1].filter((size) => size > 0)) {
      for (const offset of [0, 1, image.length - length]) {
        roundTrip(t, base, image, [offset, length], { matches });
      }
    }
  }
});

test('a window of more than a mebibyte comes back, and a program linked anew costs little', (t) => {
  const base = programBytes(1.3 * MiB);
  const image = changed(base, 'now and then', 2).slice(0, 1.25 * MiB);
  const one = { at: Float64Array.of(0), from: Float64Array.of(0), length: Float64Array.of(image.length) };
  const { payload } = roundTrip(t, base, image, [0, image.length], { matches: one });
  t.true(payload.length < image.length / 6, `${payload.length} bytes`);
});

test('a window that the Base holds is a copy, one of zeros is zero', (t) => {
  const base = seededBytes('base', 50_000);
  const image = new Uint8Array(Buffer.concat([new Uint8Array(10_000), base.subarray(5000, 30_000)]));
  const matches = matchesOf(base, image);
  t.is(roundTrip(t, base, image, [10_000, 25_000], { matches }).copyFrom, 5000);
  t.is(roundTrip(t, base, image, [20_000, 2000], { matches }).copyFrom, 15_000);
  t.true(roundTrip(t, base, image, [0, 10_000], { matches }).zero);
  t.true(roundTrip(t, new Uint8Array(), image, [1, 1]).zero);
});

test('matches that promise too much cost bytes, not the window', (t) => {
  const [base, image] = [seededBytes('base', 5000), sampleData('text', 9000)];
  const wrong = (at: number, from: number, length: number): Matches => ({
    at: Float64Array.of(at),
    from: Float64Array.of(from),
    length: Float64Array.of(length),
  });
  const lies = [
    wrong(0, 0, 9000),
    wrong(0, 4999, 1),
    wrong(3000, 0, 1),
    wrong(2990, 4000, 5000),
    wrong(0, 0, 1e12),
  ];
  for (const matches of lies) {
    for (const [offset, length] of [
      [0, 9000],
      [3000, 3000],
      [8999, 1],
    ] as const) {
      roundTrip(t, base, image, [offset, length], { matches });
      roundTrip(t, base, image, [offset, length], { repeats: matches });
      roundTrip(t, base, image, [offset, length], { matches, repeats: matches });
    }
  }
});

test('what stands further ahead in the image is copied, and the payload says how far ahead', (t) => {
  const part = seededBytes('part', 4000);
  const image = new Uint8Array(
    Buffer.concat([seededBytes('a', 1000), part, seededBytes('b', 5000), part, seededBytes('c', 500)]),
  );
  const lengths = Float64Array.of(8000, image.length - 8000);
  const repeats = findRepeats(bytesReader(image), Float64Array.of(0, image.length), lengths);
  const { payload } = roundTrip(t, new Uint8Array(), image, [8000, image.length - 8000], { repeats });
  t.true(payload.length < 2700);
  t.is(bytesNeeded(decodePayload(payload), 8000), 5000);
});

test('the same window is encoded to the same bytes, whatever came before', (t) => {
  const base = programBytes(60_000);
  const image = changed(base, 'fields', 3);
  const matches = matchesOf(base, image);
  const first = roundTrip(t, base, image, [1000, 30_000], { matches });
  roundTrip(t, base, sampleData('text', 90_000), [0, 90_000], { matches });
  const again = new WindowEncoder().encode(
    image.subarray(1000, 31_000),
    matches,
    bytesReader(base),
    noMatches,
    bytesReader(image.subarray(0, 1000)),
  );
  t.deepEqual(roundTrip(t, base, image, [1000, 30_000], { matches }), first);
  t.deepEqual(again, first);
});
