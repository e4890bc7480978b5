/**
 * What a failed S3 request means. S3 names its errors; where it cannot (HEAD has no body) the status speaks.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 *
 * @module
 */
import { type ErrorDetails, isSiltError, SiltError } from '../core/errors.ts';
import { type Headers, headerOf, parseRetryAfter, statusError } from './http-answer.ts';
import { objectMissing } from './key.ts';
import { networkError } from './network-error.ts';
import type { Key } from './store.ts';

export interface S3About {
  readonly key: Key;
  readonly bucket: string;
  readonly location: string;
  readonly signal?: AbortSignal | undefined;
}

interface ServiceFailure {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Headers };
}

/** Passes by itself, besides what 5xx and 429 say. */
const TRANSIENT: ReadonlySet<string> = new Set([
  'SlowDown',
  'RequestTimeout',
  'ThrottlingException',
  'Throttling',
  'OperationAborted',
]);

const SKEWED = 'RequestTimeTooSkewed';

/** The session is over; the same credentials will not do any more. */
const EXPIRED: ReadonlySet<unknown> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'TokenRefreshRequired',
]);

/** The store, or the line to it, has more to do than it can: no answer, or one of these. */
const CROWDED: ReadonlySet<unknown> = new Set([0, 408, 429, 503, 504]);

const refusals: Readonly<Record<string, string>> = {
  AccessDenied:
    'the credentials do not permit it (without s3:ListBucket that is also what a missing object looks like)',
  InvalidAccessKeyId: 'the access key is not known there; check AWS_ACCESS_KEY_ID',
  SignatureDoesNotMatch: 'the secret key does not fit; check AWS_SECRET_ACCESS_KEY',
  InvalidToken: 'the session token is not valid; check AWS_SESSION_TOKEN',
  PermanentRedirect: 'the bucket is in another region; set AWS_REGION',
  AuthorizationHeaderMalformed: 'the bucket is in another region; set AWS_REGION',
  NotImplemented:
    'it lacks something silt needs, such as conditional writes (If-Match, If-None-Match); update the server',
};

/** The status of the answer that `error` stands for; 0 when there was none. */
export function s3Status(error: unknown): number {
  return (error as ServiceFailure | null)?.$metadata?.httpStatusCode ?? 0;
}

/** True for a failure, as {@link s3Error} made it, of too much at once. */
export function isCrowded(error: unknown): boolean {
  if (!isSiltError(error, 'NETWORK') || !error.transient) return false;
  const { status, s3Error: name } = error.details;
  // A connection that fails has no status; what somebody else was writing is no sign of haste.
  return CROWDED.has(status ?? 0) || (TRANSIENT.has(String(name)) && name !== 'OperationAborted');
}

/** True for a failure, as {@link s3Error} made it, of credentials that were good before. */
export function isExpired(error: unknown): boolean {
  return isSiltError(error) && EXPIRED.has(error.details.s3Error);
}

/** True for a failure, as {@link s3Error} made it, of two clocks that differ. */
export function isSkewed(error: unknown): boolean {
  return isSiltError(error) && error.details.s3Error === SKEWED;
}

/** `error` of the SDK as what a store throws; an aborted signal wins with its own reason. */
export function s3Error(error: unknown, about: S3About, now: number): unknown {
  if (about.signal?.aborted) return about.signal.reason;
  if (error instanceof SiltError) return error;
  const { key, bucket, location } = about;
  const { name = '', message = '', $response } = error as ServiceFailure;
  const status = s3Status(error);
  const details = { key, location, status, s3Error: name };
  if (name === 'NoSuchBucket') {
    const text = `there is no bucket ${bucket}; create it, or check its name and AWS_ENDPOINT_URL_S3`;
    return new SiltError('NOT_A_REPOSITORY', text, { details, cause: error });
  }
  if (name === 'NoSuchKey' || name === 'NotFound') return objectMissing(key, location);
  if (name === 'NoSuchUpload') {
    const text = `the upload of ${key} was taken back by somebody else; run again`;
    return new SiltError('STORE_REFUSED', text, { details, cause: error });
  }
  if (name === 'CredentialsProviderError') {
    const text = `no credentials for ${location}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE`;
    return new SiltError('STORE_REFUSED', text, { details, cause: error });
  }
  if (message === 'Region is missing') {
    const text = `no region for ${location}: set AWS_REGION`;
    return new SiltError('STORE_REFUSED', text, { details, cause: error });
  }
  if (EXPIRED.has(name)) {
    const text = `${location} refused ${key} (${name}): the session of these credentials has expired, and the AWS settings give no newer one; get new ones and run again: what is stored already is not sent again`;
    return new SiltError('STORE_REFUSED', text, { details, cause: error, transient: true });
  }
  if (name === SKEWED) return clockError($response?.headers, location, { details, cause: error }, now);
  const advice = refusals[name] ?? (status === 501 ? refusals.NotImplemented : undefined);
  if (advice !== undefined) {
    const text = `${location} refused ${key} (${name || status}): ${advice}`;
    return new SiltError('STORE_REFUSED', text, { details, cause: error });
  }
  const headers = $response?.headers ?? {};
  if (TRANSIENT.has(name)) {
    const retryAfterMs = parseRetryAfter(headerOf(headers, 'retry-after'), now);
    const text = `${location} cannot answer for ${key} now (${name}); try again later`;
    return new SiltError('NETWORK', text, {
      details: { ...details, retryAfterMs },
      cause: error,
      transient: true,
    });
  }
  if (status === 0) return networkError(error, about);
  const plain = statusError(status, headers, about, now);
  if (plain.code !== 'STORE_REFUSED') return plain;
  const text = `${location} refused ${key} (${status} ${name}): ${message}`;
  return new SiltError('STORE_REFUSED', text, { details, cause: error });
}

function clockError(
  headers: Headers | undefined,
  location: string,
  options: { readonly details: ErrorDetails; readonly cause: unknown },
  now: number,
): SiltError {
  const theirs = Date.parse(headerOf(headers ?? {}, 'date') ?? '');
  const here = new Date(now).toISOString();
  const there = Number.isNaN(theirs) ? 'another time' : new Date(theirs).toISOString();
  const text = `${location} refuses requests of this machine because of its clock: it is ${here} here and ${there} there; set the clock (NTP) and run again`;
  return new SiltError('STORE_REFUSED', text, options);
}
