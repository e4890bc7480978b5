/**
 * The canonical JSON that TUF signs (TUF 1.0, §4.1), written for the tests alone: what the client computes is
 * held against a second opinion.
 *
 * @module
 */

/** Members sorted by code point, no white space, integers only; in strings only `"` and `\` are escaped. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError(`canonical JSON has no ${value}`);
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value as Record<string, unknown>)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => [Buffer.from(name, 'utf8'), name, member] as const)
    // The order of UTF-8 bytes is that of code points.
    .sort(([a], [b]) => Buffer.compare(a, b))
    .map(([, name, member]) => `${canonicalJson(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
