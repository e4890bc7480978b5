/**
 * The payload of a delta window: a small head, then three streams. docs/format/delta.md §3.
 *
 * | field | bytes |
 * |---|---|
 * | layouts: difference in bits 0–2, literal in bits 3–4; bit 5: looks at earlier bytes of the target | 1 |
 * | number of covers, length of control, length of difference | 3 varints |
 * | with bit 5 of the layouts: how many bytes right ahead of the window it does without | varint |
 * | control, difference, literal: the rest | … |
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import type { PayloadBytes } from './payload-bytes.ts';

/** How the differences of covers are stored. */
export const DIFFERENCES = {
  none: 0,
  model: 1,
  sparseZstd: 2,
  sparseBrotli: 3,
  denseZstd: 4,
  denseBrotli: 5,
} as const;

/** How literals are stored. */
export const LITERALS = { stored: 0, model: 1, zstd: 2, brotli: 3 } as const;

export interface Payload {
  readonly covers: number;
  readonly differenceLayout: number;
  readonly literalLayout: number;
  /** Bytes right ahead of the window that it does without; `undefined` when it needs none at all. */
  readonly spared: number | undefined;
  readonly control: Uint8Array;
  readonly difference: Uint8Array;
  readonly literal: Uint8Array;
}

/** Set in the layouts of a payload that copies from ahead of its window. */
const EARLIER_BIT = 32;

/** No window is larger: a device holds one, and as many bytes of the Base. */
export const MAX_DELTA_WINDOW: number = 16 * 1024 * 1024;

/** Covers of one window. */
export const MAX_COVERS = 262_144;

/** The payload as bytes. */
export function encodePayload(payload: Payload): Uint8Array {
  const { covers, differenceLayout, literalLayout, spared, control, difference, literal } = payload;
  const head: number[] = [differenceLayout | (literalLayout << 3) | (spared === undefined ? 0 : EARLIER_BIT)];
  const numbers = [covers, control.length, difference.length, ...(spared === undefined ? [] : [spared])];
  for (let number of numbers) {
    for (; number > 127; number = Math.floor(number / 128)) head.push((number % 128) + 128);
    head.push(number);
  }
  return Buffer.concat([Uint8Array.from(head), control, difference, literal]);
}

/**
 * Reads the head of a payload; the streams are views.
 *
 * @throws SiltError FORMAT_INVALID
 */
export function decodePayload(bytes: Uint8Array): Payload {
  let at = 0;
  const byte = (): number => {
    const value = bytes[at];
    if (value === undefined) throw invalidPayload('its head ends early');
    at += 1;
    return value;
  };
  const varint = (what: string, limit: number): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const next = byte();
      value += (next & 127) * shift;
      if (value > limit) throw invalidPayload(`expected ${what} of at most ${limit}`);
      if (next < 128) return value;
      if (shift * 128 > Number.MAX_SAFE_INTEGER) throw invalidPayload(`${what} is too long`);
    }
  };
  const layouts = byte();
  const differenceLayout = layouts & 7;
  const literalLayout = (layouts >> 3) & 3;
  if (differenceLayout > DIFFERENCES.denseBrotli || layouts >= 2 * EARLIER_BIT) {
    throw invalidPayload(`expected layouts of this version, found ${layouts}`);
  }
  const covers = varint('a number of covers', MAX_DELTA_WINDOW);
  const controlLength = varint('a control stream', bytes.length);
  const differenceLength = varint('a difference stream', bytes.length);
  const looksBack = (layouts & EARLIER_BIT) !== 0;
  const spared = looksBack ? varint('a distance', Number.MAX_SAFE_INTEGER) : undefined;
  const left = bytes.length - at - controlLength - differenceLength;
  if (left < 0) throw invalidPayload('its streams are longer than itself');
  const control = bytes.subarray(at, at + controlLength);
  at += controlLength;
  const difference = bytes.subarray(at, at + differenceLength);
  return {
    covers,
    differenceLayout,
    literalLayout,
    spared,
    control,
    difference,
    literal: bytes.subarray(at + differenceLength),
  };
}

/** How many bytes of the target must be there to decode a window that begins at `offset`. */
export function bytesNeeded({ spared }: Pick<Payload, 'spared'>, offset: number): number {
  return spared === undefined ? 0 : Math.max(0, offset - spared);
}

/** How many bytes each stream of a payload takes; its head counts as control. @throws SiltError FORMAT_INVALID */
export function payloadBytes(bytes: Uint8Array): PayloadBytes {
  const { difference, literal } = decodePayload(bytes);
  return {
    control: bytes.length - difference.length - literal.length,
    difference: difference.length,
    literal: literal.length,
  };
}

/** The error for a payload that does not follow the format. */
export function invalidPayload(found: string, cause?: unknown): SiltError {
  return new SiltError('FORMAT_INVALID', `delta window: ${found}`, { cause });
}
