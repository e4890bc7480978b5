/**
 * How well a list of matches covers a stretch of a target.
 *
 * @module
 */
import type { Matches } from '../../src/delta/matches.ts';

/** Share of the bytes of [start, end) that some match covers with an equal byte of the base. */
export function equalShare(
  matches: Matches,
  base: Uint8Array,
  target: Uint8Array,
  start = 0,
  end: number = target.length,
): number {
  const equal = new Uint8Array(end - start);
  for (let i = 0; i < matches.at.length; i++) {
    const at = matches.at[i] as number;
    const diagonal = (matches.from[i] as number) - at;
    const last = Math.min(end, at + (matches.length[i] as number));
    for (let k = Math.max(start, at); k < last; k++)
      if (base[k + diagonal] === target[k]) equal[k - start] = 1;
  }
  return end === start ? 1 : equal.reduce((sum, one) => sum + one, 0) / (end - start);
}

/** What is wrong with a list of matches, if anything: outside of the files, empty, or out of order. */
export function matchFault(matches: Matches, baseSize: number, targetSize: number): string | undefined {
  for (let i = 0; i < matches.at.length; i++) {
    const at = matches.at[i] as number;
    const from = matches.from[i] as number;
    const length = matches.length[i] as number;
    const here = `match ${i}: ${length} bytes at ${at} from ${from}`;
    if (!Number.isInteger(at) || !Number.isInteger(from) || !(length >= 1)) return here;
    if (at < 0 || from < 0 || at + length > targetSize || from + length > baseSize) return here;
    if (i > 0 && (matches.at[i - 1] as number) > at) return `${here} is out of order`;
  }
  return undefined;
}
