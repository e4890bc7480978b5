/**
 * Pairs of images, an old one and what edits made of it, for properties.
 *
 * @module
 */
import fc from 'fast-check';
import { type DataKind, dataKinds, sampleData } from './sample-data.ts';
import { seededBytes } from './seeded-bytes.ts';

export interface ImagePair {
  readonly old: Uint8Array;
  readonly image: Uint8Array;
}

/** Where an edit happens and how much it touches, as shares of the image, so that shrinking keeps it valid. */
interface Edit {
  readonly kind: 'insert' | 'delete' | 'move' | 'copy' | 'flip' | 'zeros' | 'sprinkle';
  readonly at: number;
  readonly length: number;
  readonly to: number;
}

const share = fc.double({ min: 0, max: 1, noNaN: true });

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('insert', 'delete', 'move', 'copy', 'flip', 'zeros', 'sprinkle'),
  at: share,
  length: fc.oneof(share, fc.constantFrom(0.0001, 0.001, 0.01)),
  to: share,
});

/** Sizes around powers of two, around `window`, and any. */
function sizes(window: number, most: number): fc.Arbitrary<number> {
  const around = fc
    .tuple(fc.integer({ min: 0, max: Math.floor(Math.log2(most)) }), fc.integer({ min: -1, max: 1 }))
    .map(([power, more]) => Math.max(0, 2 ** power + more));
  const windows = fc
    .tuple(fc.integer({ min: 0, max: Math.floor(most / window) }), fc.integer({ min: -1, max: 1 }))
    .map(([count, more]) => Math.max(0, count * window + more));
  return fc.oneof(around, windows, fc.nat(most));
}

/** An old image of at most about `most` bytes and an edited one. */
export function imagePairs(window: number, most: number): fc.Arbitrary<ImagePair> {
  return fc
    .record({
      kind: fc.constantFrom<DataKind>(...dataKinds),
      size: sizes(window, most),
      seed: fc.nat(1000),
      edits: fc.array(edit, { maxLength: 6 }),
      /** Cut to this size, for images that end at a boundary. */
      cut: fc.option(sizes(window, most)),
    })
    .map(({ kind, size, seed, edits, cut }) => {
      const old = sampleData(kind, size, seed);
      let image: Uint8Array = old;
      for (const [at, step] of edits.entries()) image = apply(image, step, `${seed} ${at}`);
      return { old, image: image.slice(0, cut ?? 2 * most) };
    });
}

function apply(image: Uint8Array, { kind, at, length, to }: Edit, seed: string): Uint8Array {
  const start = Math.floor(at * image.length);
  const end = Math.min(image.length, start + Math.ceil((length * image.length) / 4));
  const [before, part, behind] = [image.subarray(0, start), image.subarray(start, end), image.subarray(end)];
  switch (kind) {
    case 'insert':
      return join(before, seededBytes(seed, part.length + 1), part, behind);
    case 'delete':
      return join(before, behind);
    case 'flip':
      return join(
        before,
        part.map((byte) => byte ^ 0xff),
        behind,
      );
    case 'zeros':
      return join(before, new Uint8Array(part.length), behind);
    case 'sprinkle':
      // One byte in twenty grows, as addresses in a program do.
      return join(
        before,
        part.map((byte, i) => (i % 20 === 0 ? byte + 3 : byte)),
        behind,
      );
    default: {
      const rest = kind === 'move' ? join(before, behind) : image;
      const place = Math.floor(to * rest.length);
      return join(rest.subarray(0, place), part, rest.subarray(place));
    }
  }
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
