/**
 * Kinds of times: durations with their unit, times of day, time zones.
 *
 * @module
 */
import type { Kind } from './kind.ts';
import { textKind } from './text-kinds.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86_400 };

/** A time with its unit; read as whole seconds. @param least and `most` as they would be written */
export function duration(least: string, most: string): Kind<number> {
  const [from, to] = [secondsOf(least) ?? 0, secondsOf(most) ?? 0];
  return textKind(
    `a duration such as 30s, 15min, 6h or 2d, from ${least} to ${most}`,
    (text) => {
      const seconds = secondsOf(text);
      return seconds !== undefined && seconds >= from && seconds <= to ? seconds : undefined;
    },
    (text) => {
      if (/^\d+$/.test(text)) return `with its unit: ${text.slice(0, 9)}s, ${text.slice(0, 9)}min?`;
      return /^\d+ *m$/.test(text) ? 'minutes are written min' : undefined;
    },
  );
}

function secondsOf(text: string): number | undefined {
  const match = /^(\d{1,9}) *(s|min|h|d)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (SECONDS[match[2] ?? ''] ?? 0);
}

/** Minutes since midnight, of 24:00 too. */
export const timeOfDay: Kind<number> = textKind('a time of day such as 02:30, up to 24:00', (text) => {
  const match = /^([01]?\d|2[0-4]):([0-5]\d)$/.exec(text);
  const minutes = match === null ? Number.NaN : Number(match[1]) * 60 + Number(match[2]);
  return minutes <= 24 * 60 ? minutes : undefined;
});

/** A time zone that the runtime knows. */
export const timeZone: Kind<string> = textKind('a time zone such as UTC or Europe/Berlin', (text) => {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(text)) return undefined;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return text;
  } catch {
    return undefined;
  }
});
