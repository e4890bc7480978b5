/**
 * The entropy stage by itself: numbers, and windows of any segments.
 */
import test from 'ava';
import fc from 'fast-check';
import { LITERAL, WindowCoder } from '../../src/kernel/window-coder.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';

interface NumberOf {
  readonly field: number;
  readonly value: number;
}

const coder = new WindowCoder();

function written(numbers: readonly NumberOf[], room: number): { length: number; bytes: Uint8Array } {
  coder.reserve(1, room + 64, 1, 0);
  coder.stream(0, room + 64).fill(0xaa);
  coder.openNumbers(0, room, true);
  for (const { field, value } of numbers) coder.number(field, value);
  const length = coder.closeNumbers(0);
  return { length, bytes: coder.stream(0, room + 64).slice() };
}

function read(bytes: Uint8Array, fields: readonly number[]): number[] {
  coder.reserve(1, bytes.length, 1, 0);
  coder.stream(0, bytes.length).set(bytes);
  coder.openNumbers(0, bytes.length, false);
  return fields.map((field) => coder.number(field));
}

function requireSameNumbers(t: { deepEqual(a: unknown, b: unknown): void }, numbers: readonly NumberOf[]) {
  const room = 16 * numbers.length + 16;
  const { length, bytes } = written(numbers, room);
  const values = numbers.map(({ value }) => value);
  const fields = numbers.map(({ field }) => field);
  t.deepEqual(read(bytes.slice(0, length), fields), values);
}

test('any integers from 0 to 2^53 - 1 are read as they were written', (t) => {
  const value = fc.oneof(
    fc.maxSafeNat(),
    fc.nat(300),
    fc.tuple(fc.nat(52), fc.integer({ min: -1, max: 1 })).map(([power, more]) => 2 ** power + more),
    fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1),
  );
  fc.assert(
    fc.property(fc.array(fc.record({ field: fc.nat(15), value }), { maxLength: 200 }), (numbers) => {
      requireSameNumbers(t, numbers);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('every power of two and its neighbours are read as they were written, in every field', (t) => {
  for (let field = 0; field < 16; field++) {
    const values = Array.from({ length: 53 }, (_, power) => [2 ** power - 1, 2 ** power, 2 ** power + 1]);
    const numbers = [...values.flat(), Number.MAX_SAFE_INTEGER].map((value) => ({ field, value }));
    requireSameNumbers(t, numbers);
  }
});

test('the same number a hundred thousand times costs next to nothing', (t) => {
  const numbers = Array.from({ length: 100_000 }, () => ({ field: 2, value: 5 }));
  t.true(written(numbers, 4000).length < 2000);
  requireSameNumbers(t, numbers);
});

test('numbers that the model believes least are read as they were written', (t) => {
  const random = seededRandom(7);
  const numbers = Array.from({ length: 20_000 }, (_, i) => ({
    field: 1,
    value: i % 2000 === 1999 ? Math.floor(random() * 2 ** 53) : 0,
  }));
  requireSameNumbers(t, numbers);
});

test('a list that does not fit says so, and nothing is written behind its room', (t) => {
  const random = seededRandom(3);
  const numbers = Array.from({ length: 500 }, () => ({ field: 0, value: Math.floor(random() * 2 ** 53) }));
  for (const room of [0, 1, 2, 5, 100, 1000]) {
    const { length, bytes } = written(numbers, room);
    t.true(length > room);
    t.true(bytes.subarray(room).every((byte) => byte === 0xaa));
  }
});

test('any bytes are some numbers', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.array(fc.nat(15), { maxLength: 100 }),
      (bytes, fields) => {
        const numbers = read(bytes, fields);
        t.true(numbers.every((number) => number >= 0));
        t.deepEqual(read(bytes, fields), numbers);
      },
    ),
    { seed: 2, numRuns: 200 },
  );
});

/** Literals only. */
function encodedLiterals(window: Uint8Array, room: number): { length: number; bytes: Uint8Array } {
  coder.reserve(window.length, room + 64, 1, 0);
  coder.window.set(window);
  coder.setSegment(0, LITERAL, window.length, 0, 0);
  coder.stream(0, room + 64).fill(0xaa);
  const { literal } = coder.run(1, { at: 0, length: 0 }, { at: 0, length: room }, true);
  return { length: literal, bytes: coder.stream(0, room + 64).slice() };
}

test('a stream that does not fit says so, and nothing is written behind its room', (t) => {
  const window = seededBytes('no room', 5000);
  for (const room of [0, 1, 3, 100, 4999]) {
    const { length, bytes } = encodedLiterals(window, room);
    t.true(length > room);
    t.true(bytes.subarray(room).every((byte) => byte === 0xaa));
  }
});

test('noise grows by less than a fiftieth, and text shrinks', (t) => {
  const noise = seededBytes('noise', 100_000);
  t.true(encodedLiterals(noise, 200_000).length < 102_000);
  const text = sampleData('text', 100_000);
  t.true(encodedLiterals(text, 200_000).length < 70_000);
});

test('what is asked for beyond the room is refused', (t) => {
  coder.reserve(10, 10, 1, 100);
  t.throws(() => coder.base(50, 51), { instanceOf: RangeError });
  t.throws(() => coder.setSegment(1, LITERAL, 1, 0, 0), { instanceOf: RangeError });
});
