/**
 * The suffix sorter against an oracle that compares suffixes byte by byte.
 */
import test from 'ava';
import fc from 'fast-check';
import { KiB } from '../../src/core/sizes.ts';
import { suffixSort } from '../../src/kernel/suffix-sort.ts';
import { dataKinds, sampleData } from '../support/sample-data.ts';
import { seededRandom } from '../support/seeded-bytes.ts';

/** Suffix array by comparing whole suffixes. */
function oracle(text: Uint8Array): number[] {
  const bytes = Buffer.from(text);
  return [...bytes.keys()].sort((a, b) => Buffer.compare(bytes.subarray(a), bytes.subarray(b)));
}

/** True when `array` is the suffix array of `text`, in linear time, for texts too long for the oracle. */
function isSuffixArray(text: Uint8Array, array: Int32Array): boolean {
  const rank = new Int32Array(text.length + 1).fill(-2);
  rank[text.length] = -1;
  array.forEach((at, i) => {
    rank[at] = i;
  });
  if (array.length !== text.length || rank.includes(-2)) return false;
  return array.every((at, i) => {
    if (i === 0) return true;
    const before = array[i - 1] as number;
    const order = (text[before] as number) - (text[at] as number);
    return order < 0 || (order === 0 && (rank[before + 1] as number) < (rank[at + 1] as number));
  });
}

/** Words that make sorters recurse deep or compare long. */
const words: Readonly<Record<string, (length: number) => Uint8Array>> = {
  'all zero': (length) => new Uint8Array(length),
  'all 255': (length) => new Uint8Array(length).fill(255),
  ascending: (length) => new Uint8Array(length).map((_, i) => (i * 256) / length),
  descending: (length) => new Uint8Array(length).map((_, i) => 255 - (i * 256) / length),
  'period 2': (length) => new Uint8Array(length).map((_, i) => i % 2),
  'period 3': (length) => new Uint8Array(length).map((_, i) => i % 3),
  'period 255': (length) => new Uint8Array(length).map((_, i) => (i * 7) % 255),
  Fibonacci: (length) => {
    let [word, next] = ['a', 'ab'];
    while (next.length < length) [word, next] = [next, next + word];
    return Buffer.from(next.slice(0, length));
  },
  'Thue–Morse': (length) => {
    const word = new Uint8Array(length);
    for (let i = 1; i < length; i++) word[i] = (word[i >> 1] as number) ^ (i & 1);
    return word;
  },
  'a run with one other byte': (length) =>
    new Uint8Array(length).fill(7, 0, length >> 1).fill(9, (length >> 1) + 1),
  'a block, again and again': (length) =>
    new Uint8Array(length).map((_, i) => Math.imul(i % 997, 2654435761) >>> 24),
};

for (const [name, word] of Object.entries(words)) {
  test(`${name}: sorted as the oracle does`, (t) => {
    for (const length of [0, 1, 2, 3, 4, 5, 8, 13, 64, 100, 700]) {
      const text = word(length);
      t.deepEqual([...suffixSort(text)], oracle(text), `${length} bytes`);
    }
  });

  test(`${name}: a long one is sorted right`, (t) => {
    const text = word(300 * KiB + 1);
    t.true(isSuffixArray(text, suffixSort(text)));
  });
}

test('random texts over small alphabets are sorted as the oracle does', (t) => {
  const random = seededRandom(3);
  for (let round = 0; round < 1500; round++) {
    const letters = 1 + Math.floor(random() ** 3 * 255);
    const shift = Math.floor(random() * (257 - letters));
    const text = new Uint8Array(Math.floor(random() ** 2 * 200)).map(
      () => shift + Math.floor(random() * letters),
    );
    t.deepEqual([...suffixSort(text)], oracle(text), `round ${round}: ${text.join(' ')}`);
  }
});

test('texts with repeats are sorted as the oracle does', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'ab', 'aab', 'zebra', '\0', '\0\0\xff'), { maxLength: 60 }),
      (parts) => {
        const text = Buffer.from(parts.join(''), 'latin1');
        t.deepEqual([...suffixSort(text)], oracle(text));
      },
    ),
    { seed: 2, numRuns: 300 },
  );
});

for (const kind of dataKinds) {
  test(`${kind} bytes are sorted right, in more than one slice of each phase`, (t) => {
    const text = sampleData(kind, 2500 * KiB);
    t.true(isSuffixArray(text, suffixSort(text)));
  });
}
