/**
 * A stretch of time as an option: a whole number with its unit.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';

const MILLISECONDS: Readonly<Record<string, number>> = {
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Longer is a mistake: ten years. */
const MOST_MS: number = 3653 * 86_400_000;

/** Milliseconds of `7d`, `36h`, `90min` or `0s`. @throws SiltError USAGE */
export function parseGrace(text: string): number {
  const match = /^(\d{1,9}) *(s|min|h|d)$/.exec(text);
  const time = match === null ? Number.NaN : Number(match[1]) * (MILLISECONDS[match[2] ?? ''] ?? Number.NaN);
  if (time <= MOST_MS) return time;
  throw new SiltError('USAGE', `expected --grace to be a time such as 7d, 36h or 90min, found "${text}"`);
}
