/**
 * Windows made step by step of literals, covers and copies, for properties of the codec below its parser.
 *
 * @module
 */
import fc from 'fast-check';
import { COPY, COVER, EARLIER, LITERAL, type Segment } from '../../src/kernel/window-coder.ts';
import type { HandMadeWindow } from './hand-made-window.ts';
import { programBytes } from './program-bytes.ts';
import { type DataKind, dataKinds, sampleData } from './sample-data.ts';
import { seededRandom } from './seeded-bytes.ts';

/** How the covered bytes differ from those of the Base. */
type Change = 'nothing' | 'now and then' | 'fields' | 'everything';
type Data = DataKind | 'program';

interface Step {
  readonly kind: Segment['kind'];
  readonly length: number;
  /** Where its bytes come from, as a share of where they can come from; 0 and 1 are the very ends. */
  readonly place: number;
  readonly change: Change;
  readonly data: Data;
  readonly seed: number;
}

const step = (most: number): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constantFrom(LITERAL, COVER, COVER, COPY, EARLIER),
    length: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: most })),
    place: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
    change: fc.constantFrom<Change>('nothing', 'now and then', 'fields', 'everything'),
    data: fc.constantFrom<Data>('program', ...dataKinds),
    seed: fc.nat(1000),
  });

/** Windows of `steps` segments of up to `most` bytes each, with a Base and what lies ahead of them. */
export function handMadeWindows(steps: number, most: number): fc.Arbitrary<HandMadeWindow> {
  return fc
    .record({
      data: fc.constantFrom<Data>('program', ...dataKinds),
      baseSize: fc.oneof(fc.constantFrom(0, 1, 15, 16, 17), fc.nat(4 * most)),
      earlierSize: fc.oneof(fc.constant(0), fc.nat(2 * most)),
      steps: fc.array(step(most), { minLength: 1, maxLength: steps }),
    })
    .map(({ data, baseSize, earlierSize, steps: list }) => {
      const base = bytesOf(data, baseSize, 1);
      const earlier = bytesOf(data, earlierSize, 2);
      const segments: Segment[] = [];
      const parts: Uint8Array[] = [];
      let at = 0;
      for (const wanted of list) {
        const { segment, bytes } = made(wanted, base, earlier, Buffer.concat(parts));
        const last = segments.at(-1);
        // The list of segments has no way to say that one literal follows another.
        if (segment.kind === LITERAL && last?.kind === LITERAL) {
          segments[segments.length - 1] = { ...last, length: last.length + segment.length };
        } else {
          segments.push(segment);
        }
        parts.push(bytes);
        at += bytes.length;
      }
      return { base, earlier, window: new Uint8Array(Buffer.concat(parts, at)), segments };
    });
}

/** One step; a literal where there is nothing to take bytes from. */
function made(
  { kind, length, place, change, data, seed }: Step,
  base: Uint8Array,
  earlier: Uint8Array,
  window: Uint8Array,
): { segment: Segment; bytes: Uint8Array } {
  const source = kind === COVER ? base : kind === EARLIER ? earlier : window;
  if (kind === LITERAL || source.length === 0) {
    return { segment: { kind: LITERAL, length, from: 0 }, bytes: bytesOf(data, length, seed) };
  }
  if (kind === COPY) {
    const from = Math.min(window.length - 1, Math.floor(place * window.length));
    // A copy may go on in what it makes itself.
    const period = window.length - from;
    const bytes = new Uint8Array(length).map((_, i) => window[from + (i % period)] as number);
    return { segment: { kind, length, from }, bytes };
  }
  const count = Math.min(length, source.length);
  const from = Math.floor(place * (source.length - count));
  const there = source.subarray(from, from + count);
  const segment: Segment = { kind, length: count, from };
  return { segment, bytes: kind === COVER ? changed(there, change, seed) : there };
}

export function changed(bytes: Uint8Array, change: Change, seed: number): Uint8Array {
  const random = seededRandom(seed);
  switch (change) {
    case 'nothing':
      return bytes;
    case 'now and then':
      return bytes.map((byte) => (random() < 0.05 ? Math.floor(random() * 256) : byte));
    case 'everything':
      return bytes.map((byte) => byte + 1 + Math.floor(random() * 255));
    case 'fields': {
      // Numbers of four bytes that all grew by the same, as addresses do when a program is linked anew.
      const out = Buffer.from(bytes);
      const shift = Math.floor(random() * 2 ** 32);
      for (let at = Math.floor(random() * 8); at + 4 <= out.length; at += 4 + Math.floor(random() * 12)) {
        out.writeUInt32LE((out.readUInt32LE(at) + shift) % 2 ** 32, at);
      }
      return new Uint8Array(out);
    }
  }
}

function bytesOf(data: Data, length: number, seed: number): Uint8Array {
  return data === 'program' ? programBytes(length, seed) : sampleData(data, length, seed);
}
