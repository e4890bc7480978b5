/**
 * The bytes that TUF signatures are made over and key ids are taken of: "OLPC canonical JSON" (TUF 1.0, §4.2).
 * Members sorted, no white space, integers only, and in strings nothing but quotes and backslashes escaped.
 * That last rule makes it something else than the canonical JSON of silt's own documents; it is never stored.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { Json } from '../../format/canonical-json.ts';

/**
 * `value` as it is signed; members that are `undefined` are left out.
 *
 * @throws SiltError INTERNAL for a number that is no safe integer
 */
export function signingForm(value: Json): Uint8Array {
  return Buffer.from(encode(value));
}

function encode(value: Json): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new SiltError('INTERNAL', `signed metadata holds integers below 2^53 only, found ${value}`);
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(encode).join(',')}]`;
  const members = Object.entries(value)
    .filter((member): member is [string, Json] => member[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${quote(name)}:${encode(member)}`);
  return `{${members.join(',')}}`;
}

function quote(text: string): string {
  return `"${text.replaceAll(/[\\"]/g, '\\$&')}"`;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
