import test from 'ava';
import fc from 'fast-check';
import type { MaintenanceWindow } from '../../../src/device/config/device-config.ts';
import { inWindow, nextWindow } from '../../../src/device/schedule/maintenance-window.ts';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;

/** `22:00-05:00` as a window. */
function windowOf(
  times: string,
  timeZone = 'UTC',
  days: readonly MaintenanceWindow['days'][number][] = DAYS,
): MaintenanceWindow {
  const [from = 0, to = 0] = times.split('-').map((time) => {
    const [hours = 0, minutes = 0] = time.split(':').map(Number);
    return hours * 60 + minutes;
  });
  return { days: [...days], from, to, timeZone };
}

const isIn = (window: MaintenanceWindow, time: string): boolean => inWindow([window], new Date(time));
const next = (windows: readonly MaintenanceWindow[], time: string): string | undefined =>
  nextWindow(windows, new Date(time))?.toISOString();

test('without windows it is always time', (t) => {
  t.true(inWindow([], new Date('2026-03-04T12:00:00Z')));
  t.is(next([], '2026-03-04T12:00:00Z'), '2026-03-04T12:00:00.000Z');
});

test('a window begins with its first instant and ends before its last', (t) => {
  const window = windowOf('02:00-04:30');
  t.false(isIn(window, '2026-03-04T01:59:59.999Z'));
  t.true(isIn(window, '2026-03-04T02:00:00Z'));
  t.true(isIn(window, '2026-03-04T04:29:59.999Z'));
  t.false(isIn(window, '2026-03-04T04:30:00Z'));
  t.is(next([window], '2026-03-04T04:30:00Z'), '2026-03-05T02:00:00.000Z');
});

test('a window over midnight belongs to the day on which it begins', (t) => {
  const window = windowOf('22:00-05:00', 'UTC', ['fri']);
  t.true(isIn(window, '2026-03-06T22:00:00Z'), 'Friday night');
  t.true(isIn(window, '2026-03-07T04:59:00Z'), 'Saturday morning');
  t.false(isIn(window, '2026-03-06T04:59:00Z'), 'Friday morning');
  t.false(isIn(window, '2026-03-07T22:00:00Z'), 'Saturday night');
  t.is(next([window], '2026-03-07T05:00:00Z'), '2026-03-13T22:00:00.000Z');
});

test('from 00:00 to 24:00 is a whole day and not a minute of another', (t) => {
  const window = windowOf('00:00-24:00', 'Europe/Berlin', ['sun']);
  t.false(isIn(window, '2026-03-07T22:59:59Z'));
  t.true(isIn(window, '2026-03-07T23:00:00Z'));
  t.true(isIn(window, '2026-03-08T22:59:59Z'));
  t.false(isIn(window, '2026-03-08T23:00:00Z'));
});

test('from a time to 24:00 ends with the day', (t) => {
  const window = windowOf('23:00-24:00');
  t.true(isIn(window, '2026-03-07T23:59:59Z'));
  t.false(isIn(window, '2026-03-08T00:00:00Z'));
});

test('days and times are those of the zone', (t) => {
  const window = windowOf('01:00-02:00', 'Pacific/Auckland', ['mon']);
  t.true(isIn(window, '2026-03-01T12:30:00Z'), 'still Sunday in Greenwich');
  t.false(isIn(window, '2026-03-02T12:30:00Z'), 'Tuesday in Auckland');
});

test('the earliest of several windows is the next one', (t) => {
  const windows = [windowOf('20:00-21:00'), windowOf('03:00-04:00', 'America/New_York')];
  t.is(next(windows, '2026-01-05T09:30:00Z'), '2026-01-05T20:00:00.000Z');
  t.is(next(windows, '2026-01-05T21:30:00Z'), '2026-01-06T08:00:00.000Z');
});

// Berlin, 2026-03-29: at 01:00Z the clock goes from 02:00 to 03:00.

test('a window that begins in the missing hour begins when clocks are put forward', (t) => {
  const window = windowOf('02:30-04:00', 'Europe/Berlin');
  t.is(next([window], '2026-03-29T00:00:00Z'), '2026-03-29T01:00:00.000Z');
  t.false(isIn(window, '2026-03-29T00:59:59Z'));
  t.true(isIn(window, '2026-03-29T01:00:00Z'));
  t.false(isIn(window, '2026-03-29T02:00:00Z'));
});

test('a window that ends in the missing hour ends when clocks are put forward', (t) => {
  const window = windowOf('01:00-02:30', 'Europe/Berlin');
  t.true(isIn(window, '2026-03-29T00:59:59Z'));
  t.false(isIn(window, '2026-03-29T01:00:00Z'));
});

test('a window within the missing hour takes place on its next day', (t) => {
  t.is(next([windowOf('02:15-02:45', 'Europe/Berlin')], '2026-03-29T00:30:00Z'), '2026-03-30T00:15:00.000Z');
  t.is(
    next([windowOf('02:15-02:45', 'Europe/Berlin', ['sun'])], '2026-03-28T12:00:00Z'),
    '2026-04-05T00:15:00.000Z',
  );
});

// Berlin, 2026-10-25: at 01:00Z the clock goes from 03:00 back to 02:00.

test('a window over the doubled hour lasts an hour longer', (t) => {
  const window = windowOf('01:00-04:00', 'Europe/Berlin');
  t.false(isIn(window, '2026-10-24T22:59:59Z'));
  t.true(isIn(window, '2026-10-24T23:00:00Z'));
  t.true(isIn(window, '2026-10-25T00:30:00Z'));
  t.true(isIn(window, '2026-10-25T01:30:00Z'));
  t.true(isIn(window, '2026-10-25T02:59:59Z'));
  t.false(isIn(window, '2026-10-25T03:00:00Z'));
});

test('a window within the doubled hour takes place once', (t) => {
  const window = windowOf('02:15-02:45', 'Europe/Berlin');
  t.true(isIn(window, '2026-10-25T00:20:00Z'));
  t.false(isIn(window, '2026-10-25T01:20:00Z'));
});

test('a day that a zone leaves out has no window', (t) => {
  // Samoa went over the date line: there was no 2011-12-30.
  const window = windowOf('10:00-11:00', 'Pacific/Apia', ['fri']);
  t.is(next([window], '2011-12-29T12:00:00Z'), '2012-01-05T20:00:00.000Z');
});

/** Around changes of clocks, of an hour and of half of one, at midnight and in both halves of the world. */
const CHANGES = [
  ['Europe/Berlin', '2026-03-29T01:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00Z'],
  ['America/New_York', '2026-03-08T07:00Z'],
  ['America/New_York', '2026-11-01T06:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30Z'],
  ['America/Santiago', '2026-04-05T03:00Z'],
  ['America/Santiago', '2026-09-06T04:00Z'],
  ['Asia/Kathmandu', '2026-06-01T00:00Z'],
  ['UTC', '2026-06-01T00:00Z'],
] as const;

const moment = fc
  .tuple(fc.constantFrom(...CHANGES), fc.integer({ min: -300, max: 300 }))
  .map(([[timeZone, change], quarters]) => ({ timeZone, now: Date.parse(change) + quarters * QUARTER }));

const times = fc
  .tuple(fc.integer({ min: 0, max: 95 }), fc.integer({ min: 0, max: 96 }))
  .filter(([from, to]) => from !== to)
  .map(([from, to]) => ({ from: from * 15, to: to * 15 }));

const someDays = fc.subarray([...DAYS], { minLength: 1 });

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What the clock shows, as text that sorts: `2026-03-29 03:00`. */
function shown(instant: number, timeZone: string): string {
  const clock =
    clocks.get(timeZone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  clocks.set(timeZone, clock);
  return clock.format(instant);
}

/** The same by looking at a clock every quarter of an hour for four days. */
function seenInWindow({ days, from, to, timeZone }: MaintenanceWindow, now: number): boolean {
  const dates = new Set<string>();
  const clock: { instant: number; text: string }[] = [];
  for (let instant = now - 52 * 4 * QUARTER; instant <= now + 52 * 4 * QUARTER; instant += QUARTER) {
    const text = shown(instant, timeZone);
    clock.push({ instant, text });
    dates.add(text.slice(0, 10));
  }
  const textOf = (date: string, minutes: number): string =>
    new Date(Date.parse(`${date}T00:00Z`) + minutes * MINUTE).toISOString().slice(0, 16).replace('T', ' ');
  const firstFrom = (text: string) => clock.find((look) => look.text >= text)?.instant;
  // On the first day that is looked at, the beginning may have been missed.
  return [...dates].slice(1).some((date) => {
    const weekday = DAYS[(new Date(`${date}T00:00Z`).getUTCDay() + 6) % 7];
    if (weekday === undefined || !days.includes(weekday)) return false;
    const begin = firstFrom(textOf(date, from)) ?? Number.POSITIVE_INFINITY;
    const end = firstFrom(textOf(date, to <= from ? to + 24 * 60 : to)) ?? Number.POSITIVE_INFINITY;
    return begin <= now && now < end;
  });
}

test('windows are what a clock on the wall shows, around every kind of change', (t) => {
  fc.assert(
    fc.property(moment, times, someDays, ({ timeZone, now }, { from, to }, days) => {
      const window = { days, from, to, timeZone };
      t.is(
        inWindow([window], new Date(now)),
        seenInWindow(window, now),
        `${JSON.stringify(window)} ${shown(now, timeZone)}`,
      );
    }),
    { numRuns: 150, seed: 61 },
  );
});

test('the next window is the first time that is in one', (t) => {
  fc.assert(
    fc.property(
      moment,
      fc.array(fc.tuple(times, someDays), { minLength: 1, maxLength: 3 }),
      ({ timeZone, now }, list) => {
        const windows = list.map(([{ from, to }, days]) => ({ days, from, to, timeZone }));
        const found = nextWindow(windows, new Date(now))?.getTime() ?? Number.NaN;
        t.true(found >= now);
        t.true(inWindow(windows, new Date(found)));
        for (let time = now; time < found; time += 8 * QUARTER) t.false(inWindow(windows, new Date(time)));
        if (found > now) t.false(inWindow(windows, new Date(found - 1)));
      },
    ),
    { numRuns: 100, seed: 62 },
  );
});
