/**
 * Content-defined chunking: FastCDC with normalised chunking (Xia et al., IEEE TPDS 31(9), 2020, §3).
 *
 * A cut is four times less likely than 1/average up to the average size and four times more likely behind
 * it (normalisation level 2), so sizes crowd around the average and few chunks reach the largest size. The
 * limits are exact fractions of 2^64, not masks. docs/format/index.md §1 gives the rule to the bit.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { GEAR_WINDOW, GearKernel, type GearRule } from '../kernel/gear.ts';
import type { Chunker, ChunkerSpec } from './chunker.ts';

const NORMALISATION = 4n;

/** The cut rule of a spec. */
export function gearRule(spec: ChunkerSpec): GearRule {
  const { min, average, max } = spec;
  if (min < GEAR_WINDOW || average < min || max < average) {
    throw new SiltError(
      'FORMAT_INVALID',
      `fastcdc-1: expected 64 ≤ min ≤ average ≤ max, found ${min}, ${average}, ${max}`,
    );
  }
  const even = (1n << 64n) / BigInt(average);
  return { min, average, max, strict: even / NORMALISATION, loose: even * NORMALISATION };
}

/** A FastCDC chunker over a buffer in the kernel's memory. */
export function createFastCdc(spec: ChunkerSpec, bufferBytes: number): Chunker {
  const rule = gearRule(spec);
  const kernel = new GearKernel(bufferBytes);
  return {
    spec,
    buffer: kernel.input,
    cut: (start, end, final) => kernel.cut(start, end, final, rule),
  };
}
