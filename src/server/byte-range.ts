/**
 * The Range header as a server reads it: RFC 9110 §14.2, bytes only. Other units, malformed ranges and too many
 * of them are ignored, as the RFC allows; the answer is then the whole object. Sets that only a broken or hostile
 * client asks for are refused.
 *
 * @module
 */

/** Bytes `start` up to, not including, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The most ranges of one answer; clients that take apart several ask for up to 255. */
export const MOST_RANGES = 256;

/** So many may come in any order: a viewer may want the end first. */
const MOST_UNORDERED = 8;

/**
 * What `header` asks of an object of `size` bytes: spans in the order asked for, `unsatisfiable` (416), or
 * `undefined` for all of it.
 */
export function parseRanges(
  header: string | undefined,
  size: number,
): readonly Span[] | 'unsatisfiable' | undefined {
  const match = /^\s*bytes\s*=(.*)$/i.exec(header ?? '');
  // An element of a list may be empty, §5.6.1.
  const listed = (match?.[1] ?? '').split(',', 2 * MOST_RANGES + 1).filter((text) => text.trim() !== '');
  if (listed.length === 0 || listed.length > MOST_RANGES) return undefined;
  const spans = listed.map((text) => parseSpan(text, size));
  if (spans.includes(undefined)) return undefined;
  const found = spans.filter((span) => typeof span === 'object');
  return found.length === 0 || isHostile(found) ? 'unsatisfiable' : found;
}

/** As {@link parseRanges}, for a server of single ranges: several are ignored. */
export function parseRange(header: string | undefined, size: number): Span | 'unsatisfiable' | undefined {
  if (header?.includes(',')) return undefined;
  const spans = parseRanges(header, size);
  return typeof spans === 'object' ? spans[0] : spans;
}

/** `undefined` for one that is malformed. */
function parseSpan(text: string, size: number): Span | 'unsatisfiable' | undefined {
  const match = /^\s*(\d*)-(\d*)\s*$/.exec(text);
  if (match === null) return undefined;
  const [first, last] = [match[1] ?? '', match[2] ?? ''];
  if (first === '') {
    if (last === '') return undefined;
    const suffix = Number(last);
    return suffix === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - suffix), end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

/** More than two ranges that overlap, or many in no order: they would send an object several times over. */
function isHostile(spans: readonly Span[]): boolean {
  const ascending = spans.every((span, i) => i === 0 || span.start >= (spans[i - 1] as Span).start);
  if (!ascending && spans.length > MOST_UNORDERED) return true;
  const sorted = spans.toSorted((a, b) => a.start - b.start);
  let reach = 0;
  let overlapping = 0;
  for (const { start, end } of sorted) {
    if (start < reach) overlapping += 1;
    reach = Math.max(reach, end);
  }
  // One that overlaps an earlier one makes two.
  return overlapping > 1;
}
