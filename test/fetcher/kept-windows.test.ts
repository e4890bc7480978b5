import test from 'ava';
import fc from 'fast-check';
import { sha256 } from '../../src/core/digest.ts';
import { findKept, KeptWindows } from '../../src/fetcher/kept-windows.ts';
import type { WindowEntry } from '../../src/format/index-head.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

function windowsOf(lengths: readonly number[], image?: Uint8Array): WindowEntry[] {
  let offset = 0;
  return lengths.map((length) => {
    const bytes = image?.subarray(offset, offset + length);
    const zero = bytes?.every((byte) => byte === 0) ?? true;
    const entry = {
      offset,
      length,
      digest: zero ? undefined : sha256(bytes ?? new Uint8Array()),
      level2: undefined,
    };
    offset += length;
    return entry;
  });
}

test('bytes are held when kept windows cover each of them', (t) => {
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 });
  const property = fc.property(lengths, fc.infiniteStream(fc.boolean()), (sizes, choices) => {
    const windows = windowsOf(sizes);
    const offsets = new Set(windows.filter(() => choices.next().value).map(({ offset }) => offset));
    const kept = new KeptWindows(windows, offsets);
    t.is(kept.size, offsets.size);
    const covered = windows.flatMap(({ offset, length }) => Array<boolean>(length).fill(offsets.has(offset)));
    for (let from = 0; from < covered.length; from++) {
      for (let to = from + 1; to <= covered.length + 1; to++) {
        const expected = to <= covered.length && covered.slice(from, to).every(Boolean);
        t.is(kept.holds(from, to - from), expected, `${from} to ${to}`);
      }
    }
  });
  fc.assert(property, { seed: 3, numRuns: 60 });
});

test('every right window is found, and no wrong one, whatever the file has besides', async (t) => {
  const image = new Uint8Array([
    ...seededBytes('kept', 500),
    ...new Uint8Array(200),
    ...seededBytes('more', 300),
  ]);
  const windows = windowsOf([100, 400, 200, 299, 1], image);
  for (const [damaged, expected] of [
    [[], [0, 100, 500, 700, 999]],
    [[0], [100, 500, 700, 999]],
    [
      [99, 100],
      [500, 700, 999],
    ],
    [[600], [0, 100, 700, 999]],
    [[999], [0, 100, 500, 700]],
  ] as const) {
    const file = Uint8Array.from(image);
    for (const at of damaged) file[at] = (file[at] ?? 0) ^ 1;
    for (const size of [image.length, 600, 1]) {
      const read = (at: number, into: Uint8Array): number => {
        const part = file.subarray(Math.min(at, size), Math.min(at + into.length, size));
        into.set(part);
        return part.length;
      };
      const kept = await findKept(windows, read, undefined);
      const whole = windows.filter(({ offset, length }) => offset + length <= size);
      t.deepEqual(
        whole.filter(({ offset }) => kept.has(offset)).map(({ offset }) => offset),
        expected.filter((offset) => whole.some((window) => window.offset === offset)),
      );
      t.is(kept.size, whole.filter(({ offset }) => (expected as readonly number[]).includes(offset)).length);
    }
  }
});
