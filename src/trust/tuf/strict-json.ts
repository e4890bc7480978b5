/**
 * JSON that may come from anybody: what one parser would read in another way than the next, or what canonical
 * JSON cannot hold, is refused before anything looks at it.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { MAX_NESTING } from './limits.ts';

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [name: string]: JsonValue;
}

/**
 * The JSON value in `bytes`: UTF-8, integers below 2^53 only, well-formed strings, at most
 * {@link MAX_NESTING} levels, no member called `__proto__`.
 *
 * @param what for messages, such as `snapshot`
 * @throws SiltError TRUST_MALFORMED
 */
export function parseStrictJson(bytes: Uint8Array, what: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as JsonValue;
  } catch (cause) {
    throw malformed(what, 'expected JSON in UTF-8, found something else', cause);
  }
  // Breadth first and without recursion: the nesting is not ours.
  let level: JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_NESTING) throw malformed(what, `expected at most ${MAX_NESTING} levels, found more`);
    const next: JsonValue[] = [];
    for (const item of level) checkItem(item, what, next);
    level = next;
  }
  return value;
}

/** True for an object that is no array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error of metadata that does not follow the specification. */
export function malformed(what: string, problem: string, cause?: unknown): SiltError {
  return new SiltError('TRUST_MALFORMED', `${what}: ${problem}`, { details: { role: what }, cause });
}

function checkItem(item: JsonValue, what: string, next: JsonValue[]): void {
  if (typeof item === 'string') {
    checkText(item, what);
  } else if (typeof item === 'number') {
    if (!Number.isSafeInteger(item)) throw malformed(what, `expected integers below 2^53, found ${item}`);
  } else if (Array.isArray(item)) {
    for (const member of item) next.push(member);
  } else if (item !== null && typeof item === 'object') {
    for (const [name, member] of Object.entries(item)) {
      checkText(name, what);
      if (name === '__proto__') throw malformed(what, 'expected no member called "__proto__", found one');
      next.push(member);
    }
  }
}

/** Half a surrogate pair would be signed as if it were U+FFFD. */
function checkText(text: string, what: string): void {
  if (!text.isWellFormed()) throw malformed(what, 'expected well-formed strings, found half a character');
}
