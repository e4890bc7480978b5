/**
 * Repeats of a text that comes part by part.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type Repeat, RepeatFinder } from '../../src/kernel/repeats.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

/** Repeats of each part, held to being equal, in order, and of an earlier part. */
function repeatsOf(t: ExecutionContext<unknown>, parts: readonly Uint8Array[]): Repeat[][] {
  const text = Buffer.concat(parts);
  const finder = new RepeatFinder(text.length);
  finder.text.set(text);
  let start = 0;
  return parts.map(({ length }) => {
    const repeats = finder.find(start + length);
    finder.enter(start + length);
    let from = start;
    let wrong = 0;
    for (const repeat of repeats) {
      const { at, length: bytes, from: source } = repeat;
      if (at < from || at + bytes > start + length || source + bytes > start || bytes < 8) wrong += 1;
      if (text.compare(text, at, at + bytes, source, source + bytes) !== 0) wrong += 1;
      from = at + bytes;
    }
    t.is(wrong, 0);
    start += length;
    return repeats;
  });
}

test('what an earlier part holds is found, and what the part itself repeats is not', (t) => {
  const [shared, twice] = [seededBytes('shared', 500), seededBytes('twice', 500)];
  const found = repeatsOf(t, [
    Buffer.concat([seededBytes('a', 300), shared]),
    Buffer.concat([twice, seededBytes('b', 40), twice, shared, seededBytes('c', 9)]),
  ]);
  t.deepEqual(found, [[], [{ at: 800 + 1040, from: 300, length: 500 }]]);
});

test('a repeat of ten bytes is found, one of nine is not', (t) => {
  const part = seededBytes('part', 100);
  const of = (length: number) =>
    Buffer.concat([seededBytes('x', 50), part.subarray(20, 20 + length), Buffer.alloc(9)]);
  t.is(repeatsOf(t, [part, of(10)])[1]?.length, 1);
  t.is(repeatsOf(t, [part, of(9)])[1]?.length, 0);
});

test('parts of any size, also empty ones, over few letters', (t) => {
  const part = fc
    .array(fc.constantFrom('a', 'bb', 'abcdefghijkl', '\0\0\0\0', 'zebra crossing'), { maxLength: 40 })
    .map((words) => Buffer.from(words.join('')));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      t.is(repeatsOf(t, parts).length, parts.length);
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('more repeats than the kernel notes at once are all found, all of earlier parts', (t) => {
  // Blocks of twelve bytes in new order, so that each is a repeat by itself.
  const count = 70_000;
  const bytes = seededBytes('blocks', 12 * count);
  const block = (i: number): Uint8Array => bytes.subarray(12 * i, 12 * i + 12);
  const shuffled = Array.from({ length: count }, (_, i) => block((i * 7919) % count));
  // What the first part ends with, going on as the second one begins.
  const tempting = [block(count - 1), ...shuffled.slice(0, 3)];
  const found = repeatsOf(t, [bytes, Buffer.concat([...shuffled, ...tempting])]);
  t.true((found[1]?.length ?? 0) > 65_536);
});
