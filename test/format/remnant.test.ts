import test from 'ava';
import fc from 'fast-check';
import { equalBytes } from '../../src/core/bytes.ts';
import { isSiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { tagOf } from '../../src/format/frame.ts';
import { MAX_PACK, MAX_REMNANT_RANGES } from '../../src/format/limits.ts';
import {
  decodeRemnantHead,
  encodeRemnantHead,
  isPackKey,
  type PackRange,
  parseRemnantKey,
  piecesOf,
  REMNANT_HEAD_BYTES,
  type RemnantHead,
  remnantKey,
  remnantSize,
} from '../../src/format/remnant.ts';
import { sampleRemnant } from '../support/format-samples.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** Ranges of a pack from lengths of what is left and what is not, in turn. */
function headOf(pack: Uint8Array, lengths: readonly (readonly [number, number])[]): RemnantHead {
  const ranges: PackRange[] = [];
  let at = 0;
  for (const [length, gap] of lengths) {
    ranges.push({ offset: at, length });
    at += length + gap;
  }
  const last = ranges.at(-1)!;
  return { pack, packSize: last.offset + last.length, ranges };
}

const heads: fc.Arbitrary<RemnantHead> = fc
  .record({
    pack: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    lengths: fc.array(fc.tuple(fc.integer({ min: 12, max: 90_000 }), fc.integer({ min: 1, max: 30_000 })), {
      minLength: 1,
      maxLength: MAX_REMNANT_RANGES,
    }),
  })
  .map(({ pack, lengths }) => headOf(pack, lengths));

/** The head with other bytes at `at`, and the tag that they have. */
function retagged(head: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const altered = head.slice();
  altered.set(bytes.subarray(0, REMNANT_HEAD_BYTES - 16 - at), at);
  altered.set(tagOf(altered.subarray(0, REMNANT_HEAD_BYTES - 16)), REMNANT_HEAD_BYTES - 16);
  return altered;
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

test('a head is read as it was written, and has one form', (t) => {
  fc.assert(
    fc.property(heads, (head) => {
      const bytes = encodeRemnantHead(head);
      t.is(bytes.length, REMNANT_HEAD_BYTES);
      // Comparing these by ava takes seconds.
      t.is(JSON.stringify(decodeRemnantHead(bytes)), JSON.stringify(head));
    }),
    { seed: 1, numRuns: 60 },
  );
});

test('with other bytes and a tag that fits them a head is read in the one form it has, or refused', (t) => {
  const codes = new Set<string>();
  const whole = encodeRemnantHead(sampleRemnant);
  fc.assert(
    fc.property(fc.nat(140), fc.uint8Array({ minLength: 1, maxLength: 24 }), (at, noise) => {
      const bytes = retagged(whole, at, noise);
      try {
        t.true(equalBytes(encodeRemnantHead(decodeRemnantHead(bytes)), bytes));
        codes.add('read');
      } catch (error) {
        if (!isSiltError(error)) throw error;
        codes.add(error.code);
      }
    }),
    { seed: 2, numRuns: 3000 },
  );
  t.deepEqual([...codes].sort(), ['FORMAT_INVALID', 'FORMAT_UNSUPPORTED', 'read']);
});

const head = encodeRemnantHead(sampleRemnant);
const wrong: Readonly<Record<string, Uint8Array>> = {
  'no ranges': retagged(head, 46, Uint8Array.of(0, 0)),
  'more ranges than there is room for': retagged(head, 46, Uint8Array.of(249, 1)),
  'a pack that is too large': retagged(head, 42, u32(MAX_PACK + 1)),
  'a first range that does not begin with the pack': retagged(head, 48, u32(1)),
  'ranges that touch': retagged(head, 56, u32(5010)),
  'ranges out of order': retagged(head, 56, u32(100)),
  'an empty range': retagged(head, 60, u32(0)),
  'a range that leaves the pack': retagged(head, 68, u32(4334)),
  'a last range that ends before the pack': retagged(head, 68, u32(4332)),
  'something behind the last range': retagged(head, 72, Uint8Array.of(1)),
  'a front that is too short': encodeRemnantHead({
    ...sampleRemnant,
    ranges: [{ offset: 0, length: 9 }, ...sampleRemnant.ranges.slice(1)],
  }),
};

for (const [what, bytes] of Object.entries(wrong)) {
  test(`a head with ${what} is refused`, async (t) => {
    await throwsSilt(t, async () => decodeRemnantHead(bytes), 'FORMAT_INVALID');
  });
}

test('a head that was altered is told from one that is none', async (t) => {
  const altered = head.slice();
  altered[50] = 7;
  await throwsSilt(t, async () => decodeRemnantHead(altered), 'DIGEST_MISMATCH');
  const other = retagged(head, 8, Uint8Array.of(2));
  await throwsSilt(t, async () => decodeRemnantHead(other), 'FORMAT_UNSUPPORTED');
});

test('a range is found in one run of the remnant, with what it has of it and nothing else', (t) => {
  const size = 20 * KiB;
  const ranges = [
    { offset: 0, length: 10 },
    { offset: 1000, length: 500 },
    { offset: 4000, length: 1 },
    { offset: size - 30, length: 30 },
  ];
  const isLeft = new Uint8Array(size);
  for (const { offset, length } of ranges) isLeft.fill(1, offset, offset + length);
  fc.assert(
    fc.property(fc.nat(size - 1), fc.integer({ min: 1, max: size }), (offset, most) => {
      const length = Math.min(most, size - offset);
      const pieces = piecesOf({ ranges }, { offset, length });
      const found = new Uint8Array(size);
      for (const [i, piece] of pieces.entries()) {
        found.fill(1, piece.offset, piece.offset + piece.length);
        const before = pieces[i - 1];
        if (before !== undefined) t.is(before.at + before.length, piece.at);
      }
      const expected = isLeft.map((bit, at) => (at >= offset && at < offset + length ? bit : 0));
      t.true(equalBytes(found, expected));
    }),
    { seed: 3, numRuns: 300 },
  );
  const [first] = piecesOf({ ranges }, { offset: 4000, length: 1 });
  t.deepEqual(first, { at: REMNANT_HEAD_BYTES + 510, offset: 4000, length: 1 });
  t.is(remnantSize({ ranges }), REMNANT_HEAD_BYTES + 541);
});

test('keys of packs and remnants are told apart, and from all others', (t) => {
  const pack = `packs/${'a1'.repeat(32)}`;
  t.true(isPackKey(pack));
  t.deepEqual(parseRemnantKey(remnantKey(pack, 2)), { packKey: pack, number: 2 });
  for (const key of [
    pack,
    `${pack}.0`,
    `${pack}.4`,
    `${pack}.11`,
    `${pack}.`,
    `indexes/${'a1'.repeat(32)}.1`,
  ]) {
    t.is(parseRemnantKey(key), undefined, key);
  }
  for (const key of [`${pack}.1`, `${pack}0`, 'packs/notes', `packs/${'A1'.repeat(32)}`]) {
    t.false(isPackKey(key), key);
  }
});
