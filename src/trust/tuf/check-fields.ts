/**
 * What the specification says of single fields of metadata (TUF 1.0, §4.2 to §4.6), and silt's limits on their
 * number. Each check throws TRUST_MALFORMED.
 *
 * @module
 */
import { MAX_KEYS, MAX_NAME, MAX_PATTERNS, MAX_ROLE_KEYS, MAX_ROLES } from './limits.ts';
import { isJsonObject, type JsonObject, type JsonValue, malformed } from './strict-json.ts';

/** §4.2.1: "YYYY-MM-DDTHH:MM:SSZ". */
const EXPIRES = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const SPEC_VERSION = /^1\.\d{1,6}(\.\d{1,6})?$/;
const HEX = /^[0-9a-f]{2,256}$/;

/** The members that every role has. */
export function checkCommon(signed: JsonObject, role: string): void {
  const { spec_version, version, expires } = signed;
  if (typeof spec_version !== 'string' || !SPEC_VERSION.test(spec_version)) {
    throw malformed(
      role,
      'expected the version of the specification to be 1.x.y; update silt if it is newer',
    );
  }
  if (!isCount(version, 1)) throw malformed(role, 'expected "version" to be an integer of at least 1');
  if (typeof expires !== 'string' || !isTime(expires)) {
    throw malformed(role, 'expected "expires" to be a time such as 2030-01-31T12:00:00Z');
  }
}

/** `value` as an object of at most `limit` members. */
export function members(value: JsonValue | undefined, role: string, name: string, limit: number): JsonObject {
  if (!isJsonObject(value)) throw malformed(role, `expected "${name}" to be an object`);
  const { length } = Object.keys(value);
  if (length > limit)
    throw malformed(role, `expected at most ${limit} members in "${name}", found ${length}`);
  return value;
}

export function checkKeys(value: JsonValue | undefined, role: string): void {
  for (const [keyId, key] of Object.entries(members(value, role, 'keys', MAX_KEYS))) {
    if (keyId.length > MAX_NAME || !isJsonObject(key)) throw malformed(role, 'expected "keys" to hold keys');
  }
}

/** Key ids and threshold; that no key id stands twice is seen to by the model. */
export function checkRole(value: unknown, role: string, name: string): JsonObject {
  if (!isJsonObject(value)) throw malformed(role, `expected the role "${name}", found none`);
  const { keyids, threshold } = value;
  if (!Array.isArray(keyids) || keyids.length > MAX_ROLE_KEYS) {
    throw malformed(role, `expected at most ${MAX_ROLE_KEYS} key ids for the role "${name}"`);
  }
  if (!isCount(threshold, 1)) {
    throw malformed(role, `expected the threshold of the role "${name}" to be an integer of at least 1`);
  }
  return value;
}

/**
 * §4.5: either roles by name or hash bins; each with patterns or with prefixes.
 *
 * @returns the names of the roles, in order
 */
export function checkDelegations(value: JsonValue, role: string): string[] {
  if (!isJsonObject(value)) throw malformed(role, 'expected "delegations" to be an object');
  checkKeys(value.keys, role);
  const { roles, succinct_roles } = value;
  if ((roles === undefined) === (succinct_roles === undefined)) {
    throw malformed(role, 'expected "delegations" to have either "roles" or "succinct_roles"');
  }
  if (succinct_roles !== undefined) {
    const { bit_length, name_prefix } = checkRole(succinct_roles, role, 'succinct_roles');
    if (!isCount(bit_length, 1) || typeof name_prefix !== 'string' || name_prefix.length > MAX_NAME) {
      throw malformed(role, 'expected "succinct_roles" with "bit_length" and "name_prefix"');
    }
    return [];
  }
  if (!Array.isArray(roles) || roles.length > MAX_ROLES) {
    throw malformed(role, `expected at most ${MAX_ROLES} delegated roles`);
  }
  return roles.map((delegated) => checkDelegatedRole(delegated, role));
}

/** @returns its name */
function checkDelegatedRole(value: JsonValue, role: string): string {
  const name = isJsonObject(value) ? value.name : undefined;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME) {
    throw malformed(role, 'expected each delegated role to have a name');
  }
  const { paths, path_hash_prefixes: prefixes } = checkRole(value, role, name);
  if ((paths === undefined) === (prefixes === undefined)) {
    throw malformed(role, `expected the role "${name}" to have either "paths" or "path_hash_prefixes"`);
  }
  const patterns = paths ?? prefixes;
  if (!Array.isArray(patterns) || patterns.length > MAX_PATTERNS) {
    throw malformed(role, `expected at most ${MAX_PATTERNS} patterns for the role "${name}"`);
  }
  if (patterns.some((pattern) => typeof pattern !== 'string' || pattern.length > MAX_NAME)) {
    throw malformed(role, `expected the patterns of the role "${name}" to be short strings`);
  }
  return name;
}

/** What a parent says of a file: version, length, hashes. */
export function checkFile(
  value: unknown,
  role: string,
  name: string,
  demands: { readonly version: 'required' | 'none'; readonly length: 'required' | 'optional' },
): JsonObject {
  if (!isJsonObject(value)) throw malformed(role, `expected "${name}" to be described, found nothing`);
  const { version, length, hashes } = value;
  if (demands.version === 'required' && !isCount(version, 1)) {
    throw malformed(role, `expected the version of "${name}" to be an integer of at least 1`);
  }
  if (!(length === undefined && demands.length === 'optional') && !isCount(length, 0)) {
    throw malformed(role, `expected the length of "${name}" to be a number of bytes`);
  }
  if (hashes === undefined && demands.version === 'required') return value;
  const digests = Object.values(members(hashes, role, `hashes of ${name}`, 16));
  if (digests.length === 0 || !digests.every((digest) => typeof digest === 'string' && HEX.test(digest))) {
    throw malformed(role, `expected hashes of "${name}" in hexadecimal`);
  }
  return value;
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

/** `new Date` alone would take 31 February, and many other things. */
function isTime(text: string): boolean {
  if (!EXPIRES.test(text)) return false;
  const date = new Date(text);
  return !Number.isNaN(date.getTime()) && date.toISOString() === text.replace('Z', '.000Z');
}
