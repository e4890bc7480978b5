/**
 * Sizes as people write and read them. Binary units (KiB, MiB, GiB) are powers of two; KB, MB and GB are
 * powers of ten (IEC 80000-13); a bare number is bytes.
 *
 * @module
 */
import { SiltError } from './errors.ts';

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: KiB,
  kib: KiB,
  kb: 1e3,
  m: MiB,
  mib: MiB,
  mb: 1e6,
  g: GiB,
  gib: GiB,
  gb: 1e9,
  t: 1024 * GiB,
  tib: 1024 * GiB,
  tb: 1e12,
};

/**
 * The number of bytes that `text` names: `16KiB`, `1.5 GB`, `4096`.
 *
 * @throws SiltError USAGE when it is no size
 */
export function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match ? units[(match[2] ?? '').toLowerCase()] : undefined;
  const bytes = match && unit !== undefined ? Math.round(Number(match[1]) * unit) : Number.NaN;
  if (!Number.isSafeInteger(bytes)) {
    throw new SiltError('USAGE', `expected a size such as 16KiB, 4MiB or 1500000, found "${text}"`);
  }
  return bytes;
}

/** `bytes` for people: three significant figures in binary units. */
export function formatSize(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < names.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${names[unit]}`;
}
