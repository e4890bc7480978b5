/**
 * What an HTTP answer means to a store, over any client: the status as an error, and whether an answer to a
 * range request is that range. RFC 9110: status codes §15, Retry-After §10.2.3, ranges §14.
 *
 * @module
 */
import { type ErrorDetails, SiltError } from '../core/errors.ts';
import { objectMissing } from './key.ts';
import type { ByteRange, Key } from './store.ts';

/** Longest wait that a server can impose, in milliseconds. Default: five minutes; beyond, come back by timer. */
export const MAX_RETRY_AFTER_MS = 300_000;

/** Header fields by lower-case name. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What an answer is about, for messages. */
export interface About {
  readonly key: Key;
  readonly location: string;
}

/** Asking again may help: timed out, too early, too many, and every failure of the server's own. */
const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 425, 429]);

/** The value of a header that is given once; a repeated one is joined as RFC 9110 §5.2 says. */
export function headerOf(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/**
 * The error that a status other than the wanted ones stands for.
 *
 * @param now milliseconds since 1970, to make sense of a Retry-After that is a date
 */
export function statusError(status: number, headers: Headers, about: About, now: number): SiltError {
  const { key, location } = about;
  const details: ErrorDetails = { key, location, status };
  if (status === 404 || status === 410) return objectMissing(key, location);
  if (status === 416) {
    return new SiltError('RANGE_INVALID', `the server has no such range of ${key} (416)`, { details });
  }
  if (TRANSIENT_STATUS.has(status) || status >= 500) {
    const retryAfterMs = parseRetryAfter(headerOf(headers, 'retry-after'), now);
    const message = `the server answered ${status} for ${key}; try again later`;
    return new SiltError('NETWORK', message, { details: { ...details, retryAfterMs }, transient: true });
  }
  const advice = refusals[status] ?? 'check the location';
  const message = `${location} refused ${key} with status ${status}: ${advice}`;
  return new SiltError('STORE_REFUSED', message, { details });
}

const refusals: Readonly<Record<number, string>> = {
  401: 'it wants credentials',
  403: 'the credentials or the signature in the URL do not permit it, or have expired',
  407: 'the proxy wants credentials; put them into HTTPS_PROXY or HTTP_PROXY',
};

/**
 * Retry-After as milliseconds from `now`, between 0 and `most`; `undefined` when absent or neither seconds nor a
 * date.
 */
export function parseRetryAfter(
  value: string | undefined,
  now: number,
  most = MAX_RETRY_AFTER_MS,
): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), most);
}

/**
 * Checks that the head of an answer promises exactly `range`, before any of its body is taken.
 *
 * @throws SiltError RANGE_INVALID, or a transient NETWORK error when Content-Length says that bytes are missing
 */
export function checkRangeAnswer(status: number, headers: Headers, key: Key, range: ByteRange): void {
  const { offset, length } = range;
  const end = offset + length;
  const refused = (found: string): SiltError => {
    const message = `expected bytes ${offset} to ${end} of ${key} and nothing else, found ${found}`;
    return new SiltError('RANGE_INVALID', message, { details: { key, offset, length, status, found } });
  };
  const encoding = contentEncoding(headers);
  if (encoding !== undefined) throw refused(`Content-Encoding ${encoding}`);
  const declared = contentLength(headers);
  if (status !== 206) {
    // The whole object is as good when it is the range.
    if (status === 200 && offset === 0 && declared === length) return;
    throw refused(status === 200 ? 'the whole object: the server ignores Range' : `status ${status}`);
  }
  const type = headerOf(headers, 'content-type') ?? '';
  if (/^\s*multipart\//i.test(type)) throw refused(type);
  const text = headerOf(headers, 'content-range');
  const found = parseContentRange(text);
  const exact = found?.offset === offset && found.length === length && (found.size ?? end) >= end;
  if (!exact) throw refused(`Content-Range ${text ?? 'missing'}`);
  if (declared !== undefined && declared > length) throw refused(`Content-Length ${declared}`);
  if (declared !== undefined && declared < length) throw shortBody(key, length, declared);
}

/** `bytes 0-99/1234` as numbers; `size` is absent for `*`. `undefined` when it is anything else. */
export function parseContentRange(
  text: string | undefined,
): { readonly offset: number; readonly length: number; readonly size: number | undefined } | undefined {
  const match = /^\s*bytes\s+(\d+)-(\d+)\/(\d+|\*)\s*$/i.exec(text ?? '');
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const size = match[3] === '*' ? undefined : Number(match[3]);
  if (![first, last, size ?? 0].every(Number.isSafeInteger) || last < first) return undefined;
  return { offset: first, length: last - first + 1, size };
}

/** Content-Length as a number; `undefined` when absent or none. */
export function contentLength(headers: Headers): number | undefined {
  const text = headerOf(headers, 'content-length');
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Content-Encoding, unless the bytes come as they are. */
export function contentEncoding(headers: Headers): string | undefined {
  const encoding = headerOf(headers, 'content-encoding')?.trim().toLowerCase();
  return encoding === '' || encoding === 'identity' ? undefined : encoding;
}

/**
 * Where a redirect leads.
 *
 * @throws SiltError STORE_REFUSED unless that is http or https, and https when it comes from there
 */
export function redirectTarget(from: URL, target: string, about: About): URL {
  const to = URL.canParse(target, from.href) ? new URL(target, from.href) : undefined;
  if (to === undefined || !/^https?:$/.test(to.protocol))
    throw redirectRefused(about, 'to what is no web address');
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw redirectRefused(about, 'from https to http');
  return to;
}

/** The error of a redirect that is not followed; `why` as it stands after "redirects the object". */
export function redirectRefused({ key, location }: About, why: string): SiltError {
  const message = `${location} redirects ${key} ${why}; correct the server or the location`;
  return new SiltError('STORE_REFUSED', message, { details: { key, location } });
}

/** The error of a body that ended early: asking again may help. */
export function shortBody(key: Key, expected: number, found: number, cause?: unknown): SiltError {
  const message = `expected ${expected} bytes of ${key}, but the answer ended after ${found}; try again`;
  return new SiltError('NETWORK', message, { details: { key, expected, found }, transient: true, cause });
}

/** The error of a body that does not end where the range does. */
export function longBody(key: Key, expected: number): SiltError {
  const message = `expected ${expected} bytes of ${key}, but the server sends more`;
  return new SiltError('RANGE_INVALID', message, { details: { key, expected } });
}
