/**
 * Sending small documents by HTTP POST, over the connections that HTTP stores use: the same proxies, CAs, pins
 * and client certificate.
 *
 * Nothing is repeated here, and no redirect is followed: what is sent may carry a token, which is for one server
 * only. Of an answer the status counts; its body is read a little to keep the connection, and then cut.
 *
 * @module
 */
import { request } from 'undici';
import { SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { type Headers, headerOf, parseRetryAfter } from './http-answer.ts';
import { defaults, type HttpStoreOptions } from './http-options.ts';
import { openDispatcher } from './http-tls.ts';
import { networkError } from './network-error.ts';

export interface HttpPostOptions extends Pick<HttpStoreOptions, 'env' | 'tls' | 'connectTimeoutMs' | 'now'> {
  /** For a whole request, from the connection to the answer's end. Default 30,000 ms. */
  readonly timeoutMs?: number;
  /** Longest Retry-After that is believed, in milliseconds. Default an hour: what is sent can wait. */
  readonly maxRetryAfterMs?: number;
}

export interface PostAnswer {
  /** 200 to 599. */
  readonly status: number;
  /** What the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

export interface HttpPost {
  /** Of the server, without what a query may hold of secrets. */
  readonly location: string;
  /**
   * Sends `body`, and tells how it was answered, whatever the status.
   *
   * @param what it is, in a word or two for messages
   * @throws SiltError NETWORK (transient), STORE_REFUSED for certificates that do not hold, USAGE for headers that
   *   cannot be sent; the reason of `signal`
   */
  send(
    what: string,
    body: Uint8Array,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<PostAnswer>;
  close(): Promise<void>;
}

/** So much of an answer is read to keep the connection. */
const MAX_DISCARDED_BYTES = 16 * KiB;
const HOUR_MS = 3_600_000;

/**
 * Opens what sends to `url`; connects later.
 *
 * @throws SiltError USAGE when `url` is no http or https URL, or for a pin that is none; KEY_UNUSABLE for
 *   certificates and keys that cannot be read
 */
export function openHttpPost(url: string, options: HttpPostOptions = {}): HttpPost {
  const to = URL.canParse(url) ? new URL(url) : undefined;
  if (to === undefined || !/^https?:$/.test(to.protocol)) {
    throw new SiltError('USAGE', `expected an http or https URL, found "${url}"`);
  }
  const { env, tls, connectTimeoutMs, now } = { ...defaults, ...options };
  const { timeoutMs = 30_000, maxRetryAfterMs = HOUR_MS } = options;
  const connectMs = Math.min(connectTimeoutMs, timeoutMs);
  const dispatcher = openDispatcher({ env, tls, connectTimeoutMs: connectMs, connections: 1 });
  const location = `${to.origin}${to.pathname}`;
  return {
    location,
    async send(what, body, headers, signal) {
      signal?.throwIfAborted();
      const about = { key: what, location, signal, isSent: true };
      const limit = startLimit(timeoutMs, signal);
      try {
        const response = await request(to, {
          dispatcher,
          method: 'POST',
          headers: { 'user-agent': 'silt', ...headers },
          body,
          headersTimeout: timeoutMs,
          bodyTimeout: timeoutMs,
          signal: limit.signal,
        }).catch((error: unknown) => {
          throw networkError(error, about);
        });
        await discard(response.body);
        const asked = headerOf(response.headers as Headers, 'retry-after');
        return {
          status: response.statusCode,
          retryAfterMs: parseRetryAfter(asked, now(), maxRetryAfterMs),
        };
      } finally {
        limit.end();
      }
    },
    close: () => dispatcher.destroy(),
  };
}

/** Aborts with `signal`, or when the time is over; leaves no listener behind. */
function startLimit(ms: number, signal: AbortSignal | undefined): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new DOMException('no answer came in time', 'TimeoutError'));
  }, ms);
  const stop = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    },
  };
}

/** The head has already told what matters, so a body that breaks off is nobody's concern. */
async function discard(body: AsyncIterable<Uint8Array> & { destroy(): unknown }): Promise<void> {
  let received = 0;
  try {
    for await (const chunk of body) {
      received += chunk.byteLength;
      if (received > MAX_DISCARDED_BYTES) break;
    }
  } catch {
    // As above.
  } finally {
    body.destroy();
  }
}
