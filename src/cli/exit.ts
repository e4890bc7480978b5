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
/** What was read is not signed, or not sealed, as this device demands. */
const EXIT_TRUST = 12;
const EXIT_DOWNGRADE = 13;
/** sysexits.h: EX_TEMPFAIL, which systemd's RestartForceExitStatus= and mail tools know. */
const EXIT_TRY_LATER = 75;
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
  NETWORK: EXIT_TRY_LATER,
  RANGE_INVALID: EXIT_FAILED,
  TRUST_FAILED: EXIT_TRUST,
  TRUST_MALFORMED: EXIT_TRUST,
  TRUST_EXPIRED: EXIT_TRUST,
  TRUST_THRESHOLD: EXIT_TRUST,
  TRUST_UNKNOWN_KEY: EXIT_TRUST,
  TRUST_REVOKED_KEY: EXIT_TRUST,
  TRUST_ROLLBACK: EXIT_TRUST,
  TRUST_MISMATCH: EXIT_TRUST,
  TRUST_TOO_LARGE: EXIT_TRUST,
  TRUST_NO_DELEGATION: EXIT_TRUST,
  MANIFEST_ALTERED: EXIT_TRUST,
  MANIFEST_SWAPPED: EXIT_TRUST,
  CMS_MISSING: EXIT_TRUST,
  CMS_INVALID: EXIT_TRUST,
  CERT_UNTRUSTED: EXIT_TRUST,
  CERT_EXPIRED: EXIT_TRUST,
  CERT_NOT_YET_VALID: EXIT_TRUST,
  CERT_PURPOSE: EXIT_TRUST,
  CERT_REVOKED: EXIT_TRUST,
  CRL_INVALID: EXIT_TRUST,
  SEAL_KEY_REQUIRED: EXIT_TRUST,
  SEAL_NOT_RECIPIENT: EXIT_TRUST,
  SEAL_BROKEN: EXIT_TRUST,
  KEY_UNUSABLE: EXIT_FAILED,
  SIGNER_FAILED: EXIT_FAILED,
  SIGNATURES_MISSING: EXIT_FAILED,
  NOT_COMPATIBLE: 14,
  // Its turn will come.
  NOT_ELIGIBLE: EXIT_TRY_LATER,
  DOWNGRADE_REFUSED: EXIT_DOWNGRADE,
  FLOOR_DAMAGED: EXIT_DOWNGRADE,
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
