/**
 * What may happen to signed metadata on its way, or be done to it by who wants it to pass: for fast-check.
 *
 * @module
 */
import fc from 'fast-check';
import type { Envelope } from './tuf-repository.ts';

/** Bytes that are (or were) the JSON of an envelope. */
export type Mutation = (bytes: Uint8Array) => Uint8Array;

/** A share of the whole; no double of fast-check, which likes the ends too much. */
const position = fc.nat(999_999).map((millionths) => millionths / 1e6);

/** Of bytes, whatever they mean: flipped bits, cuts, insertions, pieces repeated or moved. */
export const byteMutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(position, fc.integer({ min: 1, max: 255 })).map(([at, mask]) => (bytes: Uint8Array) => {
    const changed = Uint8Array.from(bytes);
    const index = Math.floor(at * bytes.length);
    changed[index] = (changed[index] ?? 0) ^ mask;
    return changed;
  }),
  position.map((at) => (bytes: Uint8Array) => bytes.slice(0, Math.floor(at * bytes.length))),
  fc
    .tuple(position, fc.uint8Array({ minLength: 1, maxLength: 40 }))
    .map(([at, inserted]) => (bytes: Uint8Array) => {
      const index = Math.floor(at * bytes.length);
      return Buffer.concat([bytes.subarray(0, index), inserted, bytes.subarray(index)]);
    }),
  fc.tuple(position, position, position).map(([a, b, at]) => (bytes: Uint8Array) => {
    const [from, to] = [a, b].map((part) => Math.floor(part * bytes.length)).sort((x, y) => x - y);
    const index = Math.floor(at * bytes.length);
    return Buffer.concat([bytes.subarray(0, index), bytes.subarray(from, to), bytes.subarray(index)]);
  }),
  fc.tuple(position, position).map(([a, b]) => (bytes: Uint8Array) => {
    const [from = 0, to = 0] = [a, b].map((part) => Math.floor(part * bytes.length)).sort((x, y) => x - y);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  }),
);

/** Numbers as JSON may write them, and JavaScript may misread them. */
const NUMBERS = [
  '-1',
  '0',
  '-0',
  '1.5',
  '1e999',
  '1e-9',
  '9007199254740993',
  '4294967297',
  `1${'0'.repeat(400)}`,
];
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '', 'signed', '\u0000'];

/** JSON text that stands where something else stood. */
const strangeJson: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...NUMBERS, 'null', 'true', '""', '[]', '{}', '"x"', '"1"', '[[]]', '[null]'),
  fc
    .constantFrom('2026-03-01', '2026-13-01T00:00:00Z', '9999-99-99T99:99:99Z', 'garbage')
    .map((text) => `"${text}"`),
  fc
    .constantFrom(...NAMES)
    .map((name) => `{${JSON.stringify(name)}:{"version":1,"keyids":[],"threshold":1}}`),
  fc.integer({ min: 1, max: 3000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  fc.integer({ min: 1, max: 3000 }).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
  fc.integer({ min: 1, max: 20_000 }).map((length) => JSON.stringify('ä'.repeat(length))),
  fc.integer({ min: 1, max: 3000 }).map((length) => JSON.stringify(Array(length).fill('a'))),
);

/** Of the document: a member replaced, removed, renamed, doubled or swapped with another. */
export const jsonMutation: fc.Arbitrary<Mutation> = fc
  .tuple(
    position,
    position,
    strangeJson,
    fc.constantFrom('replace', 'remove', 'rename', 'double', 'swap'),
    fc.constantFrom(...NAMES),
  )
  .map(([at, other, json, kind, name]) => (bytes: Uint8Array) => {
    const document = JSON.parse(Buffer.from(bytes).toString()) as Envelope;
    const places = placesOf(document);
    const place = places[Math.floor(at * places.length)] as Place;
    const second = places[Math.floor(other * places.length)] as Place;
    // Text that no JSON value could hold is put in afterwards.
    const mark = '\u0001mark\u0001';
    const value = place.parent[place.member];
    if (kind === 'replace') place.parent[place.member] = mark;
    else if (kind === 'swap') {
      place.parent[place.member] = second.parent[second.member];
      // A value moved into itself would be a circle.
      if (!contains(value, second.parent)) second.parent[second.member] = value;
    } else delete place.parent[place.member];
    if (kind === 'rename' && !Array.isArray(place.parent)) define(place.parent, name, value);
    if (kind === 'double') place.parent[place.member] = mark;
    let text: string;
    try {
      text = JSON.stringify(document);
    } catch {
      return Uint8Array.from(bytes);
    }
    const doubled = `${JSON.stringify(value)},${JSON.stringify(place.member)}:${json}`;
    const inserted = kind === 'double' && !Array.isArray(place.parent) ? doubled : json;
    return Buffer.from(text.replace(JSON.stringify(mark), () => inserted));
  });

interface Place {
  readonly parent: Record<string, unknown>;
  readonly member: string;
}

function placesOf(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((member) => [{ parent, member }, ...placesOf(parent[member])]);
}

function contains(value: unknown, sought: unknown): boolean {
  if (value === sought) return true;
  return (
    typeof value === 'object' && value !== null && Object.values(value).some((one) => contains(one, sought))
  );
}

/** Also a member called `__proto__`. */
function define(parent: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(parent, name, { value, enumerable: true, configurable: true, writable: true });
}
