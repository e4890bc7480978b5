/**
 * What can be wrong with an object of a repository.
 *
 * @module
 */
import type { ErrorCode, SiltError } from '../core/errors.ts';

/**
 * `missing`: not there; `truncated`: there, but too short; `altered`: other bytes; `foreign`: in a place of silt's,
 * under a name that silt does not give.
 */
export type Problem = 'missing' | 'truncated' | 'altered' | 'foreign';

/** An object that is missing or not what it should be. */
export interface DamagedObject {
  /** The object; the release, for one whose manifest cannot even be named. */
  readonly key: string;
  readonly problem: Problem;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Takes `error`, met while an object was checked, for what is wrong with the object. */
export function problemOf({ code, details }: SiltError): Problem {
  if (code === 'OBJECT_MISSING') return 'missing';
  const { expected, found } = details;
  const isShort = typeof expected === 'number' && typeof found === 'number' && found < expected;
  // A range that lies within the object, if it is as long as it should be.
  return isShort || code === 'RANGE_INVALID' ? 'truncated' : 'altered';
}
