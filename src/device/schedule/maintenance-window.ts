/**
 * Maintenance windows: whether now is a time to install and restart, and when the next one is.
 *
 * A window begins when the clock of its zone first shows `from` on one of its days, and ends when it first shows `to`
 * after that. Where clocks are put forward over one of the two, that is the moment at which they are: a window that
 * lies within the missing hour does not take place. One that reaches over the doubled hour lasts an hour longer.
 *
 * @module
 */
import type { MaintenanceWindow } from '../config/device-config.ts';
import { instantOf, wallTimeAt } from './wall-clock.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** A window on one day of the week that a change of clocks swallows takes place a week later. */
const DAYS_AHEAD = 15;

const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** True when `now` is in one of `windows`, or there is none: then it is always time. */
export function inWindow(windows: readonly MaintenanceWindow[], now: Date): boolean {
  const instant = now.getTime();
  // Yesterday's may go on; and where clocks go back over midnight, tomorrow's may have begun.
  return (
    windows.length === 0 ||
    windows.some((window) =>
      occurrences(window, instant, -1, 1).some(({ begin, end }) => begin <= instant && instant < end),
    )
  );
}

/**
 * When it is time: `now` in a window, else the beginning of the next one.
 *
 * @returns `undefined` when there is none in the next two weeks
 */
export function nextWindow(windows: readonly MaintenanceWindow[], now: Date): Date | undefined {
  if (inWindow(windows, now)) return now;
  const begins = windows.flatMap((window) =>
    occurrences(window, now.getTime(), 0, DAYS_AHEAD).map(({ begin }) => begin),
  );
  const next = Math.min(...begins.filter((begin) => begin > now.getTime()));
  return Number.isFinite(next) ? new Date(next) : undefined;
}

/** When `window` takes place on the days of its zone from `first` to `last`, counted from that of `instant`. */
function occurrences(
  { days, from, to, timeZone }: MaintenanceWindow,
  instant: number,
  first: number,
  last: number,
): { begin: number; end: number }[] {
  const today = Math.floor(wallTimeAt(instant, timeZone) / DAY) * DAY;
  const found: { begin: number; end: number }[] = [];
  for (let day = today + first * DAY; day <= today + last * DAY; day += DAY) {
    if (!days.includes(weekdayOf(day))) continue;
    const begin = instantOf(day + from * MINUTE, timeZone);
    const end = instantOf(day + to * MINUTE + (to <= from ? DAY : 0), timeZone);
    if (begin < end) found.push({ begin, end });
  }
  return found;
}

function weekdayOf(day: number): MaintenanceWindow['days'][number] {
  return WEEKDAYS[new Date(day).getUTCDay()] ?? 'sun';
}
