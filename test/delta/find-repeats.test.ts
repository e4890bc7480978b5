/**
 * What a target repeats of itself in its holes.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { findRepeats } from '../../src/delta/find-repeats.ts';
import { bytesReader } from '../support/bytes-reader.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';

interface Found {
  readonly at: number;
  readonly from: number;
  readonly length: number;
}

/** Repeats, held to being equal, in holes, in order, and of an earlier window. */
function found(
  t: ExecutionContext<unknown>,
  target: Uint8Array,
  holes: readonly number[],
  lengths: readonly number[],
  most?: number,
  apart = 0,
): Found[] {
  const { at, from, length } = findRepeats(
    bytesReader(target),
    Float64Array.from(holes),
    Float64Array.from(lengths),
    most,
    apart,
  );
  const hole = (start: number, end: number): boolean =>
    holes.some((first, i) => i % 2 === 0 && start >= first && end <= (holes[i + 1] as number));
  const starts = [0];
  for (const bytes of lengths) starts.push((starts.at(-1) as number) + bytes);
  const windowOf = (place: number): number => starts.findIndex((start) => start > place) - 1;
  const list = Array.from(
    at,
    (place, i): Found => ({
      at: place,
      from: from[i] as number,
      length: length[i] as number,
    }),
  );
  let last = 0;
  for (const { at: place, from: source, length: bytes } of list) {
    const says = `${bytes} bytes at ${place} from ${source}`;
    if (bytes < 1 || place < last) t.fail(`${says}, out of order`);
    if (!hole(place, place + bytes) || !hole(source, source + bytes)) t.fail(`${says}, outside of the holes`);
    if (windowOf(source + bytes - 1) >= windowOf(place)) t.fail(`${says}, not of an earlier window`);
    if (
      Buffer.compare(target.subarray(place, place + bytes), target.subarray(source, source + bytes)) !== 0
    ) {
      t.fail(`${says}, not equal`);
    }
    last = place + bytes;
  }
  t.pass();
  return list;
}

const even = (size: number, window: number): number[] =>
  Array.from({ length: Math.ceil(size / window) }, (_, i) => Math.min(window, size - i * window));

test('what stands in a hole of an earlier window is found', (t) => {
  const part = seededBytes('part', 2000);
  const target = seededBytes('target', 100_000);
  target.set(part, 5_000);
  target.set(part, 70_000);
  const list = found(t, target, [4_000, 9_000, 65_000, 75_000], even(100_000, 10_000));
  t.deepEqual(list, [{ at: 70_000, from: 5_000, length: 2000 }]);
});

test('repeats in one window, and of what is no hole, are not looked for', (t) => {
  const part = seededBytes('part', 2000);
  const target = seededBytes('target', 100_000);
  for (const at of [5_000, 71_000, 75_000]) target.set(part, at);
  t.deepEqual(found(t, target, [60_000, 80_000], even(100_000, 20_000)), []);
});

test('a repeat that goes over the edge of a hole, or of a window, comes in parts', (t) => {
  const part = seededBytes('part', 3000);
  const target = seededBytes('target', 60_000);
  // Two holes that are one text to the search, though the target has something between them.
  target.set(part.subarray(0, 1500), 4_500);
  target.set(part.subarray(1500), 8_000);
  target.set(part, 40_000);
  const list = found(t, target, [4_500, 6_000, 8_000, 9_500, 38_000, 50_000], even(60_000, 20_000));
  t.deepEqual(list, [
    { at: 40_000, from: 4_500, length: 1500 },
    { at: 41_500, from: 8_000, length: 1500 },
  ]);
});

test('no holes, no windows, an empty target: nothing', (t) => {
  const target = seededBytes('target', 1000);
  t.deepEqual(found(t, target, [], [1000]), []);
  t.deepEqual(found(t, target, [0, 1000], []), []);
  t.deepEqual(found(t, target, [10, 10, 20, 20], [1000]), []);
  t.deepEqual(found(t, new Uint8Array(), [], []), []);
});

test('what lies behind the bound of memory is left alone, and what lies ahead of it is found', (t) => {
  const part = seededBytes('part', 1000);
  const target = seededBytes('target', 50_000);
  for (const at of [1_000, 21_000, 45_000]) target.set(part, at);
  const windows = even(50_000, 10_000);
  const sources = (most?: number) =>
    found(t, target, [0, 50_000], windows, most).map(({ at, from }) => [at, from]);
  t.deepEqual(sources(), [
    [21_000, 1_000],
    [45_000, 21_000],
  ]);
  t.deepEqual(sources(30_000), [[21_000, 1_000]]);
  t.deepEqual(sources(21_500), [[21_000, 1_000]]);
  t.deepEqual(sources(21_000), []);
  t.deepEqual(sources(1), []);
});

test('any holes and windows: only equal bytes of earlier windows', (t) => {
  const cuts = fc.uniqueArray(fc.nat(8000), { maxLength: 16 }).map((list) => list.sort((a, b) => a - b));
  fc.assert(
    fc.property(
      fc.nat(1000),
      cuts,
      cuts,
      fc.option(fc.integer({ min: 1, max: 9000 })),
      (seed, edges, ends, most) => {
        const random = seededRandom(seed);
        const words = Array.from({ length: 30 }, (_, i) => seededBytes(`word ${i}`, 5 + 13 * i));
        const parts: Uint8Array[] = [];
        for (let size = 0; size < 8000; size += parts.at(-1)?.length ?? 0) {
          parts.push(words[Math.floor(random() * words.length)] as Uint8Array);
        }
        const target = new Uint8Array(Buffer.concat(parts, 8000));
        const holes = edges.slice(0, edges.length & ~1);
        const starts = [...new Set([0, ...ends, 8000])];
        const lengths = starts.slice(1).map((end, i) => end - (starts[i] as number));
        found(t, target, holes, lengths, most ?? undefined);
      },
    ),
    { seed: 1, numRuns: 150 },
  );
});

test('right ahead of a window only long repeats count, so that windows decode side by side', (t) => {
  const [short, long] = [seededBytes('short', 200), seededBytes('long', 300)];
  const target = seededBytes('target', 100_000);
  for (const at of [5_000, 45_000, 71_000]) target.set(short, at);
  for (const at of [42_000, 73_000]) target.set(long, at);
  // The last two places that hold the same bytes are known: here both lie too near.
  const list = found(t, target, [0, 100_000], even(100_000, 10_000), undefined, 30_000);
  t.deepEqual(
    list.filter(({ at }) => at > 70_000),
    [{ at: 73_000, from: 42_000, length: 300 }],
  );
  t.deepEqual(list[0], { at: 45_000, from: 5_000, length: 200 });
});
