/**
 * What the files of a TUF repository are called (TUF 1.0, §3.1 and §6.2), and how they are called where a
 * client keeps them. Role names and target paths come from documents: none may lead out of its place.
 *
 * @module
 */
import { sha256Hex } from '../../core/digest.ts';
import { malformed } from './strict-json.ts';

export const TIMESTAMP_KEY = 'metadata/timestamp.json';

/** Separators, control characters, and what a path reads as more than a name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const UNSAFE = /[/\\\u0000-\u001f\u007f]|\.\.|^\./;

/** What no part of a key may hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const FORBIDDEN = /[\\\u0000-\u001f\u007f]/;

/** Longest name a state is asked to keep, in characters. */
const MAX_STATE_NAME = 150;

/** Where the metadata of `role` lies; `version` is `undefined` for a file that changes. */
export function metadataKey(role: string, version: number | undefined): string {
  const name = UNSAFE.test(role) ? encodeURIComponent(role) : role;
  return `metadata/${version === undefined ? '' : `${version}.`}${name}.json`;
}

/** Where a target lies: with `hash`, the one that only ever has these bytes. @throws SiltError TRUST_MALFORMED */
export function targetKey(path: string, hash: string | undefined): string {
  const parts = path.split('/');
  const wrong = (part: string): boolean =>
    part === '' || part === '.' || part === '..' || FORBIDDEN.test(part);
  if (parts.some(wrong)) throw malformed('targets', `expected the path of a target, found "${path}"`);
  const name = parts.pop() as string;
  return ['targets', ...parts, hash === undefined ? name : `${hash}.${name}`].join('/');
}

/** The name under which a state keeps what belongs to `name`: letters, digits, `.`, `_`, `-` and `%` only. */
export function stateName(name: string): string {
  const bytes = Buffer.from(name);
  const safe = Array.from(bytes, (byte, at) => {
    const character = String.fromCharCode(byte);
    const plain = at === 0 ? /[A-Za-z0-9_]/ : /[A-Za-z0-9._-]/;
    return plain.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
  return `${safe.length <= MAX_STATE_NAME ? safe : sha256Hex(bytes)}.json`;
}
