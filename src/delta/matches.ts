/**
 * What match finding tells the encoder: stretches of the target that resemble the Base on one diagonal.
 *
 * A diagonal is the distance `from - at`. On a match most bytes are equal, some may differ; the encoder decides
 * by cost where each cover begins and ends. Matches may overlap: they are candidates.
 *
 * @module
 */

/** A list of matches in ascending order of `at`, one column a member. */
export interface Matches {
  /** First byte in the target. */
  readonly at: Float64Array;
  /** Its counterpart in the Base. */
  readonly from: Float64Array;
  readonly length: Float64Array;
}

export const noMatches: Matches = Object.freeze({
  at: new Float64Array(),
  from: new Float64Array(),
  length: new Float64Array(),
});
