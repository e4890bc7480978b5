/**
 * Every failure silt reports: one class, one stable code, what was expected and what was found.
 *
 * Callers switch on `code`, never on the message. Whether a failure may pass by itself (`isTransient`)
 * belongs to the code as well; the exit status of each code stands in one table, `cli/exit.ts`.
 *
 * @module
 */

/** The stable codes, by area. Adding one means adding a row to `cli/exit.ts`; the type checker insists. */
export type ErrorCode =
  // the command line and its arguments
  | 'USAGE'
  | 'INTERRUPTED'
  | 'INTERNAL'
  // images, on the build side
  | 'IMAGE_UNREADABLE'
  | 'IMAGE_CHANGED'
  // bytes that do not follow a silt format
  | 'FORMAT_INVALID'
  | 'FORMAT_UNSUPPORTED'
  | 'DIGEST_MISMATCH'
  // repositories and stores
  | 'NOT_A_REPOSITORY'
  | 'RELEASE_NOT_FOUND'
  | 'RELEASE_EXISTS'
  | 'CONFLICT'
  | 'LOCKED'
  | 'OBJECT_MISSING'
  | 'STORE_REFUSED'
  | 'NETWORK'
  | 'RANGE_INVALID'
  // trust: signed metadata
  | 'TRUST_FAILED'
  | 'TRUST_MALFORMED'
  | 'TRUST_EXPIRED'
  | 'TRUST_THRESHOLD'
  | 'TRUST_UNKNOWN_KEY'
  | 'TRUST_REVOKED_KEY'
  | 'TRUST_ROLLBACK'
  | 'TRUST_MISMATCH'
  | 'TRUST_TOO_LARGE'
  | 'TRUST_NO_DELEGATION'
  | 'MANIFEST_ALTERED'
  | 'MANIFEST_SWAPPED'
  // trust: certificates and the signatures made with them
  | 'CMS_MISSING'
  | 'CMS_INVALID'
  | 'CERT_UNTRUSTED'
  | 'CERT_EXPIRED'
  | 'CERT_NOT_YET_VALID'
  | 'CERT_PURPOSE'
  | 'CERT_REVOKED'
  | 'CRL_INVALID'
  // sealed releases
  | 'SEAL_KEY_REQUIRED'
  | 'SEAL_NOT_RECIPIENT'
  | 'SEAL_BROKEN'
  // keys, on the build side
  | 'KEY_UNUSABLE'
  | 'SIGNER_FAILED'
  | 'SIGNATURES_MISSING'
  // the device
  | 'CONFIG_INVALID'
  | 'BOOT_FAILED'
  | 'BOOT_STATE_INVALID'
  | 'INSTALL_FAILED'
  | 'HOOK_FAILED'
  | 'NOT_COMPATIBLE'
  | 'NOT_ELIGIBLE'
  | 'DOWNGRADE_REFUSED'
  | 'FLOOR_DAMAGED'
  | 'JOURNAL_DAMAGED'
  | 'NO_SPACE'
  | 'TARGET_INVALID'
  | 'SEED_INVALID'
  | 'BASE_MISMATCH'
  | 'OVER_BUDGET'
  | 'IO_FAILED';

/** What an error carries besides its message: plain data, printed under `--json`. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

const brand = Symbol.for('silt.error');

/**
 * The one error class of silt.
 *
 * @param code one of {@link ErrorCode}
 * @param message a whole sentence: what was expected, what was found, what to do
 * @param options `details` for machines, `cause` for the chain, `transient` when asking again may help
 */
export class SiltError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly transient: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; cause?: unknown; transient?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SiltError';
    this.code = code;
    this.details = options.details ?? {};
    this.transient = options.transient ?? false;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** True for a {@link SiltError} (of any copy of this package), and of `code` when one is given. */
export function isSiltError(error: unknown, code?: ErrorCode): error is SiltError {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false;
  return code === undefined || (error as unknown as SiltError).code === code;
}

/** True when asking again later may succeed: resets, stalls, 429 and 5xx. */
export function isTransient(error: unknown): boolean {
  return isSiltError(error) && error.transient;
}
