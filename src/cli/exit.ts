/**
 * The one table from error codes to exit statuses; docs/guides/exit-codes.md explains each to users.
 *
 * @module
 */
import { type ErrorCode, isSiltError } from '../core/errors.ts';

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
/** Only with `--detailed-exitcode`. */
export const EXIT_NOTHING_TO_DO = 4;
/** What was verified on a device is not what it should be. */
export const EXIT_DAMAGED = 16;

/** The exit status of each error. A status once given to a meaning keeps it. */
export const exitStatus = {
  USAGE: 2,
  INTERRUPTED: 130,
  INTERNAL: EXIT_FAILED,
  IMAGE_UNREADABLE: EXIT_FAILED,
  IMAGE_CHANGED: EXIT_FAILED,
  FORMAT_INVALID: EXIT_FAILED,
  FORMAT_UNSUPPORTED: EXIT_FAILED,
  DIGEST_MISMATCH: EXIT_FAILED,
  NOT_A_REPOSITORY: EXIT_FAILED,
  RELEASE_NOT_FOUND: 10,
  RELEASE_EXISTS: EXIT_FAILED,
  CONFLICT: EXIT_FAILED,
  LOCKED: 11,
  OBJECT_MISSING: EXIT_FAILED,
  STORE_REFUSED: EXIT_FAILED,
  // sysexits.h: EX_TEMPFAIL, which systemd's RestartForceExitStatus= and mail tools know.
  NETWORK: 75,
  RANGE_INVALID: EXIT_FAILED,
  TRUST_FAILED: 12,
  NO_SPACE: 15,
  TARGET_INVALID: EXIT_DAMAGED,
  SEED_INVALID: EXIT_DAMAGED,
  BASE_MISMATCH: EXIT_DAMAGED,
  OVER_BUDGET: 17,
  IO_FAILED: EXIT_FAILED,
} as const satisfies Record<ErrorCode, number>;

/** The exit status for whatever was thrown. */
export function exitOf(error: unknown): number {
  return isSiltError(error) ? exitStatus[error.code] : EXIT_FAILED;
}
