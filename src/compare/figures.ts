/**
 * Figures as reports print them: three significant digits, units of ten (1 MB is 1,000,000 bytes, as links and
 * bills count), thousands set apart.
 *
 * @module
 */

const DIGITS = 3;

/** `312 kB`, `2.20 MB`, `189 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  // 999,700 bytes are 1.00 MB, not 1000 kB.
  while (Number(value.toPrecision(DIGITS)) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? formatCount(value) : plain(value)} ${units[unit]}`;
}

/** `0.31 s`, `4.62 s`, `95.0 s`, `1,840 s`: one unit, so that a column can be compared at a glance. */
export function formatSeconds(seconds: number): string {
  return `${Math.abs(seconds) < 1 ? seconds.toFixed(2) : plain(seconds)} s`;
}

/** `2,062`; a median may be half a request. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

/** `0.11×`, `1.36×`, `247×`. */
export function formatRatio(ratio: number): string {
  return `${Math.abs(ratio) < 1 ? ratio.toFixed(2) : plain(ratio)}×`;
}

/** Three digits; more before the point are all kept. */
function plain(value: number): string {
  const rounded = Number(value.toPrecision(DIGITS));
  if (rounded >= 1000) return formatCount(Math.round(value));
  const fraction = DIGITS - String(Math.trunc(rounded)).length;
  return rounded.toFixed(Math.max(0, fraction));
}
