/**
 * Bytes of the kinds that chunking meets: the same in every run.
 *
 * @module
 */
import { seededBytes, seededRandom } from './seeded-bytes.ts';

export type DataKind = 'random' | 'text' | 'zeros' | 'periodic' | 'sparse';

export const dataKinds: readonly DataKind[] = ['random', 'text', 'zeros', 'periodic', 'sparse'];

/** `length` bytes of a kind; `seed` tells them apart. */
export function sampleData(kind: DataKind, length: number, seed = 1): Uint8Array {
  const random = seededRandom(seed);
  switch (kind) {
    case 'random':
      return seededBytes(`sample ${seed}`, length);
    case 'zeros':
      return new Uint8Array(length);
    case 'periodic': {
      const period = seededBytes(`period ${seed}`, 1 + Math.floor(random() * 300));
      return new Uint8Array(length).map((_, at) => period[at % period.length] as number);
    }
    case 'text': {
      const words = Array.from({ length: 200 }, (_, word) => seededBytes(`word ${word}`, 1 + (word % 11)));
      return gather(length, () => words[Math.floor(random() ** 2 * words.length)] as Uint8Array);
    }
    case 'sparse':
      // Stretches of data between long runs of zeros, as in a file system image.
      return gather(length, (part) =>
        part % 2 === 0
          ? seededBytes(`sparse ${seed} ${part}`, Math.floor(random() * 20_000))
          : new Uint8Array(Math.floor(random() * 60_000)),
      );
  }
}

function gather(length: number, part: (index: number) => Uint8Array): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, index = 0; at < length; index++) {
    const piece = part(index).subarray(0, length - at);
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
