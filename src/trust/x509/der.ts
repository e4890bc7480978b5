/**
 * Strict DER (X.690, §8 and §10): what arrives signed or wrapped has exactly one encoding, or is refused before
 * any library sees it. Reads in place, one level at a time, so a large structure costs nothing until asked.
 *
 * @module
 */

/** Deeper than any CMS goes; bounds the recursion of whoever parses afterwards. */
const MAX_DEPTH = 32;

export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value: its tag byte, its content, and both with the length between them. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

/** Bytes that are not DER, or not of the shape that is expected. Callers say what they were reading. */
export class DerError extends Error {}

/**
 * The one value that `bytes` are, to their end.
 *
 * @throws DerError
 */
export function readDer(bytes: Uint8Array): DerValue {
  const value = readValue(bytes, 0);
  if (value.whole.length !== bytes.length) {
    throw new DerError(`expected one value, found ${bytes.length - value.whole.length} bytes after it`);
  }
  return value;
}

/** The values in `parent`, which has `tag`. @throws DerError */
export function childrenOf(parent: DerValue, tag: number): DerValue[] {
  if (parent.tag !== tag) throw unexpected(tag, parent.tag);
  const children: DerValue[] = [];
  for (let at = 0; at < parent.content.length; ) {
    const child = readValue(parent.content, at);
    children.push(child);
    at += child.whole.length;
  }
  return children;
}

/** The content of `value`, which has `tag`. @throws DerError when it has another, or there is none */
export function contentOf(value: DerValue | undefined, tag: number): Uint8Array {
  if (value?.tag !== tag) throw unexpected(tag, value?.tag);
  return value.content;
}

/**
 * Walks through all of `bytes` and holds them to DER: lengths definite and minimal, tags of one byte, nothing
 * after the end, no deep nesting.
 *
 * @throws DerError
 */
export function checkDer(bytes: Uint8Array): void {
  walk(readDer(bytes), 0);
}

function walk(value: DerValue, depth: number): void {
  if (depth > MAX_DEPTH) throw new DerError(`expected at most ${MAX_DEPTH} levels`);
  if ((value.tag & 0x20) === 0) return;
  for (const child of childrenOf(value, value.tag)) walk(child, depth + 1);
}

function readValue(bytes: Uint8Array, start: number): DerValue {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) throw new DerError('the bytes end inside a value');
  if ((tag & 0x1f) === 0x1f || tag === 0) throw new DerError(`there is no tag ${tag} here`);
  let at = start + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first - 0x80;
    if (count === 0 || count > 4) throw new DerError('expected a definite length below 2^32');
    length = 0;
    for (let index = 0; index < count; index += 1) length = length * 256 + (bytes[at + index] ?? 0);
    if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError('expected the shortest length');
    at += count;
  }
  const end = at + length;
  if (end > bytes.length) throw new DerError('the bytes end inside a value');
  return { tag, content: bytes.subarray(at, end), whole: bytes.subarray(start, end) };
}

function unexpected(expected: number, found: number | undefined): DerError {
  return new DerError(`expected tag ${expected}, found ${found ?? 'the end'}`);
}

/** A value of `tag` that holds `parts`, one after another. */
export function writeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tag];
  if (length < 0x80) head.push(length);
  else {
    const digits: number[] = [];
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
    head.push(0x80 + digits.length, ...digits);
  }
  return Buffer.concat([Uint8Array.from(head), ...parts]);
}

/** An object identifier, such as `1.2.840.113549.1.7.1` (X.690, §8.19). */
export function writeOid(oid: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = oid.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift((left % 128) + 128);
    }
    return digits;
  });
  return writeDer(TAG.oid, Uint8Array.from(bytes));
}

/** `parts` in the order that DER wants of a SET OF (X.690, §11.6). */
export function sortedForSet(parts: readonly Uint8Array[]): Uint8Array[] {
  return [...parts].sort(Buffer.compare);
}
