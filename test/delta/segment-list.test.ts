/**
 * The list of segments, in the control stream.
 */
import test from 'ava';
import fc from 'fast-check';
import { fewerSegments, readSegments, writeSegments } from '../../src/delta/segment-list.ts';
import { COPY, COVER, EARLIER, LITERAL, type Segment, WindowCoder } from '../../src/kernel/window-coder.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const coder = new WindowCoder();
const ROOM = 1 << 16;
coder.reserve(1, ROOM, 1, 0);

const BASE = 2 ** 43;
const EARLIER_BYTES = 2 ** 43 - 5;

/** Segments with at least one byte, no literals side by side. */
const segments: fc.Arbitrary<Segment[]> = fc
  .array(
    fc.record({
      kind: fc.constantFrom(LITERAL, COVER, COPY, EARLIER),
      length: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 100_000 })),
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      near: fc.boolean(),
    }),
    { maxLength: 100 },
  )
  .map((list) => {
    const made: Segment[] = [];
    let at = 0;
    for (const { kind, length, place, near } of list) {
      const size = kind === COVER ? BASE : kind === EARLIER ? EARLIER_BYTES : at + length - 1;
      const from = near && kind === COVER ? at : Math.floor(place * (size - length));
      if (kind === LITERAL || (kind === COPY && at === 0)) {
        if (made.at(-1)?.kind === LITERAL) continue;
        made.push({ kind: LITERAL, length, from: 0 });
      } else {
        made.push({ kind, length, from: kind === COPY ? Math.min(at - 1, Math.max(0, from)) : from });
      }
      at += length;
    }
    return made;
  });

const lengthOf = (list: readonly Segment[]): number => list.reduce((sum, { length }) => sum + length, 0);
const sizes = { base: BASE, earlier: EARLIER_BYTES };

test('a list is read as it was written, with places of up to eight tebibytes', (t) => {
  fc.assert(
    fc.property(segments, (list) => {
      coder.openNumbers(0, ROOM, true);
      const count = writeSegments(list, EARLIER_BYTES, coder);
      const length = coder.closeNumbers(0);
      coder.openNumbers(0, length, false);
      t.deepEqual(readSegments(count, lengthOf(list), sizes, coder), list);
    }),
    { seed: 1, numRuns: 200 },
  );
});

/** Numbers as the coder would read them. */
function scripted(numbers: readonly number[]): WindowCoder {
  const left = [...numbers];
  return { number: () => left.shift() ?? 0 } as unknown as WindowCoder;
}

const huge = 2 ** 64;
/** Literals, length, source, and a distance or a diagonal; the window has 100 bytes, Base and image ahead 50. */
const refused: Readonly<Record<string, readonly number[]>> = {
  'no bytes': [0, 0, 0],
  'more bytes than the window': [0, 101, 0],
  'more literals than the window': [101, 1, 0],
  'literals and bytes that are too many together': [60, 41, 0],
  'lengths beyond all sizes': [huge, huge, 0],
  'a source that there is not': [0, 10, 7],
  'a source far beyond': [0, 10, huge],
  'a cover ahead of the Base': [0, 10, 4, 1],
  'a cover behind the Base': [0, 10, 4, 2 * 41],
  'a cover on a diagonal that leaves the Base': [45, 10, 0],
  'a cover far away': [0, 10, 4, huge],
  'a cover far ahead': [0, 10, 4, 2 ** 53 - 1],
  'a copy of itself': [10, 10, 5, 0],
  'a copy from ahead of the window': [10, 10, 5, 11],
  'a copy from far ahead': [10, 10, 5, huge],
  'a copy of what is ahead that goes on into the window': [0, 10, 6, 9],
  'a copy from ahead of the image': [0, 10, 6, 51],
  'a copy from far ahead of the image': [0, 10, 6, huge],
};

for (const [what, numbers] of Object.entries(refused)) {
  test(`refused: ${what}`, async (t) => {
    const read = async () => readSegments(1, 100, { base: 50, earlier: 50 }, scripted(numbers));
    await throwsSilt(t, read, 'FORMAT_INVALID');
  });
}

test('what only just fits is taken', (t) => {
  const read = (...numbers: readonly number[]): Segment | undefined =>
    readSegments(1, 100, { base: 50, earlier: 50 }, scripted(numbers)).find(({ kind }) => kind !== LITERAL);
  t.deepEqual(read(0, 50, 0), { kind: COVER, length: 50, from: 0 });
  t.deepEqual(read(0, 10, 4, 2 * 40), { kind: COVER, length: 10, from: 40 });
  t.deepEqual(read(10, 90, 5, 10), { kind: COPY, length: 90, from: 0 });
  t.deepEqual(read(0, 10, 6, 10), { kind: EARLIER, length: 10, from: 40 });
  t.deepEqual(read(0, 50, 6, 50), { kind: EARLIER, length: 50, from: 0 });
});

test('of too many covers the shortest become literals, and literals side by side become one', (t) => {
  fc.assert(
    fc.property(segments, fc.nat(40), (list, limit) => {
      const fewer = fewerSegments(list, limit);
      const count = fewer.filter(({ kind }) => kind !== LITERAL).length;
      t.is(count, Math.min(limit, list.filter(({ kind }) => kind !== LITERAL).length));
      t.is(lengthOf(fewer), lengthOf(list));
      t.false(fewer.some(({ kind }, i) => kind === LITERAL && fewer[i - 1]?.kind === LITERAL));
      const places = placed(list);
      t.true(
        placed(fewer).every((place) => place.kind === LITERAL || places.some((old) => same(old, place))),
      );
    }),
    { seed: 2, numRuns: 200 },
  );
  const few: Segment[] = [{ kind: COVER, length: 5, from: 7 }];
  t.is(fewerSegments(few, 1), few);
});

type Placed = Segment & { readonly at: number };

function placed(list: readonly Segment[]): Placed[] {
  let at = 0;
  return list.map((segment) => {
    at += segment.length;
    return { ...segment, at: at - segment.length };
  });
}

function same(a: Placed, b: Placed): boolean {
  return a.at === b.at && a.kind === b.kind && a.length === b.length && a.from === b.from;
}
