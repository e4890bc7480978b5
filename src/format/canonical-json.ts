/**
 * Canonical JSON as the manifests use it: members sorted by code unit, no white space, integers only.
 * One value has one encoding, so a digest or a signature of it means something.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/**
 * `value` as canonical JSON text; members that are `undefined` are left out.
 *
 * @throws SiltError INTERNAL for a number that is no safe integer
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new SiltError('INTERNAL', `canonical JSON holds integers below 2^53 only, found ${value}`);
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value)
    .filter((member): member is [string, Json] => member[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
