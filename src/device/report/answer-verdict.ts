/**
 * What the answer to a delivery means: the events were taken, one of them is bad, or it is to be tried again
 * later, and why.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { PostAnswer } from '../../store/http-post.ts';

export type Verdict =
  | { readonly is: 'taken' }
  /** The server will never take this document: it, or an event in it, is not to its liking. */
  | { readonly is: 'bad'; readonly status: number }
  /** Nothing is lost, and nothing more is sent now. */
  | { readonly is: 'later'; readonly problem: SiltError; readonly retryAfterMs?: number | undefined };

/** About what was sent, RFC 9110: Bad Request §15.5.1, Content Too Large §15.5.14, Unprocessable Content §15.5.21. */
const BAD: ReadonlySet<number> = new Set([400, 413, 422]);
/** Timed out, too early, too many. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

const advice: Readonly<Record<number, string>> = {
  401: 'it wants a token; check feedback.tokenFile',
  403: 'the token or the certificate does not permit it; check feedback.tokenFile and trust.tls',
  404: 'nobody takes events there; correct feedback.url',
  405: 'nobody takes events there; correct feedback.url',
  407: 'the proxy wants credentials',
  410: 'nobody takes events there any more; correct feedback.url',
  415: 'it does not take JSON; correct feedback.url',
};

export function verdictOf({ status, retryAfterMs }: PostAnswer, location: string): Verdict {
  if (status >= 200 && status < 300) return { is: 'taken' };
  if (BAD.has(status)) return { is: 'bad', status };
  const details = { location, status };
  if (PASSING.has(status) || status >= 500) {
    const message = `${location} answered ${status} to events; they are sent again later`;
    const problem = new SiltError('NETWORK', message, { details, transient: true });
    return { is: 'later', problem, retryAfterMs };
  }
  const isRedirect = status >= 300 && status < 400;
  const why = isRedirect
    ? 'a redirect, which is not followed with events; correct feedback.url'
    : (advice[status] ?? 'correct feedback.url');
  const message = `${location} refused events with status ${status}: ${why}; they are kept`;
  return { is: 'later', problem: new SiltError('STORE_REFUSED', message, { details }), retryAfterMs };
}

/** The server takes no document at all, not even one without events. */
export function refusesAll(location: string, status: number): Verdict {
  const message = `${location} refuses every document of events with status ${status}; they are kept; correct feedback.url or the server`;
  const problem = new SiltError('STORE_REFUSED', message, { details: { location, status } });
  return { is: 'later', problem };
}
