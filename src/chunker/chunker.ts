/**
 * A Chunker cuts bytes into chunks: lengths only, no I/O, no ownership of what it cuts. Where it cuts
 * depends on the bytes and on the distance from the last cut, never on how the input was split.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import { createFastCdc } from './fastcdc.ts';
import { createFixed } from './fixed.ts';

/** How to cut; the same as the index stores, so that a device can cut its seeds in the same way. */
export interface ChunkerSpec {
  readonly name: string;
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

export interface Chunker {
  readonly spec: ChunkerSpec;
  /** Input goes here, at any place; holds at least twice the largest chunk. */
  readonly buffer: Uint8Array;
  /**
   * Cuts `buffer[start, end)`, with a cut at `start`.
   *
   * Unless `final`, fewer than `spec.max` bytes may be left over: more input could move their cut. One call
   * stores a bounded number of lengths, so call again until the result is empty.
   *
   * @returns lengths of the chunks in order, good until the next call
   */
  cut(start: number, end: number, final: boolean): Uint32Array;
}

/** Limits of chunk sizes, docs/format/index.md §1. */
export const MIN_AVERAGE_CHUNK = 1024;
export const MAX_AVERAGE_CHUNK: number = 16 * MiB;
const LARGEST = 16 * MiB;

// A Map, for the name comes from the index: an object would also answer to "constructor".
const makers: ReadonlyMap<string, (spec: ChunkerSpec, bufferBytes: number) => Chunker> = new Map([
  ['fastcdc-1', createFastCdc],
  ['fixed-1', createFixed],
]);

/** Names of the chunkers there are. */
export const chunkerNames: readonly string[] = [...makers.keys()];

/**
 * The sizes for an average: five eighths of it at least, four times it at most, 16 MiB in any case.
 *
 * @throws SiltError USAGE for an average outside 1 KiB … 16 MiB or an unknown name
 */
export function chunkerSpec(name: string, average: number): ChunkerSpec {
  if (!makers.has(name)) {
    throw new SiltError('USAGE', `expected a chunker among ${chunkerNames.join(', ')}, found "${name}"`);
  }
  if (!Number.isInteger(average) || average < MIN_AVERAGE_CHUNK || average > MAX_AVERAGE_CHUNK) {
    throw new SiltError(
      'USAGE',
      `expected an average chunk size from 1 KiB to 16 MiB, found ${average} bytes`,
    );
  }
  if (name === 'fixed-1') return { name, min: average, average, max: average };
  return { name, min: Math.floor((average * 5) / 8), average, max: Math.min(average * 4, LARGEST) };
}

/**
 * A chunker as an index names it.
 *
 * @param bufferBytes size of its buffer, at least twice `spec.max`
 * @throws SiltError FORMAT_UNSUPPORTED for a name this silt does not know
 */
export function createChunker(
  spec: ChunkerSpec,
  bufferBytes: number = Math.max(4 * MiB, 2 * spec.max),
): Chunker {
  const make = makers.get(spec.name);
  if (make === undefined) {
    throw new SiltError(
      'FORMAT_UNSUPPORTED',
      `the image was cut by the chunker "${spec.name}", which this silt does not know; update silt`,
    );
  }
  return make(spec, Math.max(bufferBytes, 2 * spec.max));
}
