/**
 * The ReadStore over HTTP and HTTPS: any static web server or CDN. HTTP/1.1, and HTTP/2 if asked for.
 *
 * Nothing is retried, cached or decompressed here. A body that is not what was asked for is not downloaded:
 * the head is checked first and the response is cut off. Redirects are followed, up to five, never from https
 * to http; the caller's own headers stay with the first host. See `http-answer.ts` for statuses and ranges.
 *
 * @module
 */
import { type Dispatcher, request } from 'undici';
import { concatBytes } from '../core/bytes.ts';
import { SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import {
  checkRangeAnswer,
  contentEncoding,
  contentLength,
  type Headers,
  headerOf,
  longBody,
  parseContentRange,
  redirectRefused,
  redirectTarget,
  shortBody,
  statusError,
} from './http-answer.ts';
import { defaults, type HttpStoreOptions } from './http-options.ts';
import { openDispatcher, withoutClient } from './http-tls.ts';
import { checkKey, checkRange, objectTooLarge } from './key.ts';
import { networkError } from './network-error.ts';
import { publicLocation } from './public-location.ts';
import { startTally } from './request-report.ts';
import type { ByteRange, CallOptions, Key, ObjectInfo, ReadStore, StoredObject } from './store.ts';

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** RFC 9111, §5.2.1.4; the older one (§5.4) for caches that know no other. */
const PAST_CACHES = { 'cache-control': 'no-cache', pragma: 'no-cache' } as const;

/** So much of an error page is read to keep the connection; beyond, a new connection is cheaper. */
const MAX_DISCARDED_BYTES = 16 * KiB;

/**
 * The ReadStore over the repository at `url`. A query (of a signed URL) goes with every object's URL; a user
 * and password become an Authorization header. Opens no connection yet.
 *
 * @throws SiltError USAGE when `url` is no http or https URL
 */
export function openHttpStore(url: string, options: HttpStoreOptions = {}): ReadStore {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw new SiltError('USAGE', `expected an http or https URL, found "${publicLocation(url)}"`);
  }
  return new HttpStore(base, { ...defaults, ...options });
}

/** The answer to one request, reported when it is done with. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it arrives; ends the answer. */
  bytes(): AsyncGenerator<Uint8Array>;
  /** Reads what little there is and keeps the connection, or cuts it. */
  discard(): Promise<void>;
  /** Cuts off what has not been read. */
  end(): void;
}

class HttpStore implements ReadStore {
  readonly location: string;
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #options: Required<HttpStoreOptions>;
  readonly #dispatcher: Dispatcher;
  /** For other hosts, to which a redirect may lead; made when one does. */
  #elsewhere: Dispatcher | undefined;

  constructor(base: URL, options: Required<HttpStoreOptions>) {
    this.#base = base;
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    // Messages and reports must not carry a signature or a password.
    this.location = `${base.origin}${base.pathname}`;
    this.#headers = { ...credentialsOf(base), ...options.headers };
    this.#options = options;
    this.#dispatcher = openDispatcher(options);
  }

  async get(
    key: Key,
    options: CallOptions & { readonly maxBytes: number },
  ): Promise<StoredObject | undefined> {
    const answer = await this.#ask(key, 'GET', {}, options);
    try {
      if (isMissing(answer)) return await answer.discard().then(() => undefined);
      if (answer.status !== 200) throw await this.#refusal(answer, key);
      const encoding = contentEncoding(answer.headers);
      if (encoding !== undefined) {
        const message = `expected the plain bytes of ${key}, found Content-Encoding ${encoding}; the server must not compress`;
        throw new SiltError('FORMAT_INVALID', message, { details: { key, encoding } });
      }
      const declared = contentLength(answer.headers);
      if ((declared ?? 0) > options.maxBytes) throw objectTooLarge(key, options.maxBytes, declared ?? 0);
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of answer.bytes()) {
        size += chunk.byteLength;
        if (size > options.maxBytes) throw objectTooLarge(key, options.maxBytes, size);
        chunks.push(chunk);
      }
      if (declared !== undefined && size !== declared) throw shortBody(key, declared, size);
      return { bytes: concatBytes(chunks), ...etagOf(answer) };
    } finally {
      answer.end();
    }
  }

  async *getRange(key: Key, range: ByteRange, options: CallOptions = {}): AsyncGenerator<Uint8Array> {
    checkKey(key);
    checkRange(key, range);
    const asked = `bytes=${range.offset}-${range.offset + range.length - 1}`;
    const answer = await this.#ask(key, 'GET', { range: asked }, options);
    try {
      if (answer.status !== 200 && answer.status !== 206) throw await this.#refusal(answer, key);
      checkRangeAnswer(answer.status, answer.headers, key, range);
      let received = 0;
      for await (const chunk of answer.bytes()) {
        received += chunk.byteLength;
        if (received > range.length) throw longBody(key, range.length);
        yield chunk;
      }
      if (received < range.length) throw shortBody(key, range.length, received);
    } finally {
      answer.end();
    }
  }

  async has(key: Key, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    const answer = await this.#ask(key, 'HEAD', {}, options);
    await answer.discard();
    if (isMissing(answer)) return undefined;
    const size = contentEncoding(answer.headers) === undefined ? contentLength(answer.headers) : undefined;
    if (answer.status === 200 && size !== undefined) return { size, ...etagOf(answer) };
    // Some servers know no HEAD, others leave out the length: the head of one byte's answer tells it too.
    if (answer.status === 200 || answer.status === 405 || answer.status === 501) {
      return await this.#sizeByRange(key, options);
    }
    throw await this.#refusal(answer, key);
  }

  async close(): Promise<void> {
    await Promise.all([this.#dispatcher.destroy(), this.#elsewhere?.destroy()]);
  }

  async #sizeByRange(key: Key, options: CallOptions): Promise<ObjectInfo | undefined> {
    const answer = await this.#ask(key, 'GET', { range: 'bytes=0-0' }, options);
    try {
      if (isMissing(answer)) return undefined;
      const found = headerOf(answer.headers, 'content-range');
      const empty = answer.status === 416 && /^bytes\s+\*\/0$/i.test(found ?? '');
      const whole = answer.status === 200 ? contentLength(answer.headers) : undefined;
      const size = empty ? 0 : (whole ?? parseContentRange(found)?.size);
      if (size === undefined) throw await this.#refusal(answer, key);
      return { size, ...etagOf(answer) };
    } finally {
      answer.end();
    }
  }

  async #refusal(answer: Answer, key: Key): Promise<SiltError> {
    await answer.discard();
    return statusError(answer.status, answer.headers, { key, location: this.location }, this.#options.now());
  }

  async #ask(
    key: Key,
    method: 'GET' | 'HEAD',
    headers: Readonly<Record<string, string>>,
    { signal, fresh }: CallOptions,
  ): Promise<Answer> {
    checkKey(key);
    const about = { key, location: this.location };
    let url = new URL(this.#base);
    url.pathname += key.split('/').map(encodeURIComponent).join('/');
    for (let hop = 0; ; hop += 1) {
      const own = url.origin === this.#base.origin ? this.#headers : {};
      const asked = { 'user-agent': 'silt', ...own, ...(fresh && PAST_CACHES), ...headers };
      const answer = await this.#send(url, key, method, asked, signal);
      const next = REDIRECTS.has(answer.status) ? headerOf(answer.headers, 'location') : undefined;
      if (next === undefined) return answer;
      await answer.discard();
      if (hop === MAX_REDIRECTS) throw redirectRefused(about, `more than ${MAX_REDIRECTS} times`);
      url = redirectTarget(url, next, about);
    }
  }

  /** A client certificate stays with the first host, like the caller's headers. */
  #dispatcherFor(url: URL): Dispatcher {
    const { tls } = this.#options;
    if (url.origin === this.#base.origin || tls.cert === undefined) return this.#dispatcher;
    this.#elsewhere ??= openDispatcher({ ...this.#options, tls: withoutClient(tls) });
    return this.#elsewhere;
  }

  async #send(
    url: URL,
    key: Key,
    method: 'GET' | 'HEAD',
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const { headersTimeoutMs: headersTimeout, bodyTimeoutMs: bodyTimeout, onRequest } = this.#options;
    const about = { key, location: this.location, signal };
    const tally = startTally(onRequest, key, method);
    let received = 0;
    const response = await request(url, {
      dispatcher: this.#dispatcherFor(url),
      method,
      headers: { ...headers, 'accept-encoding': 'identity' },
      headersTimeout,
      bodyTimeout,
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      tally.finish(0);
      throw networkError(error, about);
    });
    const { body, statusCode: status } = response;
    const end = (): void => {
      body.destroy();
      tally.finish(status);
    };
    // A body that is cut off says so as an error, which nobody needs to hear.
    body.on('error', () => {});
    async function* read(): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of body as AsyncIterable<Uint8Array>) {
          received += chunk.byteLength;
          tally.add(chunk.byteLength);
          yield chunk;
        }
      } catch (error) {
        throw networkError(error, about);
      } finally {
        end();
      }
    }
    const discard = async (): Promise<void> => {
      try {
        for await (const _ of read()) if (received > MAX_DISCARDED_BYTES) break;
      } catch (error) {
        // The head has already told what matters.
        if (signal?.aborted) throw error;
      }
    };
    return { status, headers: response.headers, bytes: read, discard, end };
  }
}

function isMissing(answer: Answer): boolean {
  return answer.status === 404 || answer.status === 410;
}

function etagOf(answer: Answer): { etag?: string } {
  const etag = headerOf(answer.headers, 'etag');
  return etag === undefined ? {} : { etag };
}

/** Takes user and password out of the URL. */
function credentialsOf(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {};
  const plain = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  return { authorization: `Basic ${Buffer.from(plain).toString('base64')}` };
}
