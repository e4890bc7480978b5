/**
 * What the clock on the wall of a time zone shows, and when it shows something: by the runtime's own tables, through
 * the changes between winter and summer.
 *
 * A wall time is given as the milliseconds that it would be in UTC.
 *
 * @module
 */

const MINUTE = 60_000;
/** Zones lie within 14 hours of UTC; by this much a wall time is surely before or after a change next to it. */
const BEYOND_ANY_OFFSET = 15 * 60 * MINUTE;

/** A formatter is slow to make; there are as many as zones in a configuration. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/** The wall time of `instant` in `timeZone`. @throws RangeError for a zone that the runtime does not know */
export function wallTimeAt(instant: number, timeZone: string): number {
  const fields: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of formatterOf(timeZone).formatToParts(instant)) fields[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/**
 * The first instant at which the clock of `timeZone` shows `wall`; where it never does, since clocks are put forward
 * over it, the instant at which they are.
 */
export function instantOf(wall: number, timeZone: string): number {
  const before = offsetAt(wall - BEYOND_ANY_OFFSET, timeZone);
  const after = offsetAt(wall + BEYOND_ANY_OFFSET, timeZone);
  // Of two the first: clocks are put back by making the offset smaller.
  for (const offset of [before, after]) {
    if (offsetAt(wall - offset, timeZone) === offset) return wall - offset;
  }
  let [early, late] = [wall - after, wall - before];
  while (late - early > 1000) {
    const middle = early + Math.floor((late - early) / 2000) * 1000;
    if (offsetAt(middle, timeZone) === before) early = middle;
    else late = middle;
  }
  return late;
}

function offsetAt(instant: number, timeZone: string): number {
  return wallTimeAt(instant, timeZone) - Math.floor(instant / 1000) * 1000;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(timeZone, made);
  return made;
}
