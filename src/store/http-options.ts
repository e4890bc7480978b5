/**
 * How the HTTP store connects, and why its defaults are what they are.
 *
 * @module
 */
import type { LookupFunction } from 'node:net';
import type { OnRequest } from './request-report.ts';

export interface HttpStoreOptions {
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY (or in lower case) stand. Default: no proxy. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Sent with every request to the repository's own host, for a CDN that wants authorisation. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whom to trust, and what to present. Default: the system's list of CAs, and nothing. */
  readonly tls?: HttpTls;
  /** To a connection, TLS included. Default 10,000 ms: several lost packets on a bad mobile line. */
  readonly connectTimeoutMs?: number;
  /** To the head of the answer. Default 30,000 ms: a CDN that first fetches the object from far away. */
  readonly headersTimeoutMs?: number;
  /** Between two pieces of a body. Default 30,000 ms: longer than a hand-over, shorter than patience. */
  readonly bodyTimeoutMs?: number;
  /** Connections to one host over HTTP/1.1. Default 8: more than a fetch has in flight, few for a server. */
  readonly connections?: number;
  /** Speak HTTP/2 where an https server offers it. Default no: see docs/decisions/0016-http2.md. */
  readonly http2?: boolean;
  /** How names become addresses. Default: the system's resolver. */
  readonly lookup?: LookupFunction | undefined;
  /** Hears of every finished request. */
  readonly onRequest?: OnRequest;
  /** Milliseconds since 1970, for a Retry-After that is a date. Default: the system's clock. */
  readonly now?: () => number;
}

export interface HttpTls {
  /** PEM: trusted instead of the system's list. */
  readonly ca?: string;
  /** PEM: presented to servers that ask for a client certificate; goes to the repository's own host only. */
  readonly cert?: string;
  /** PEM: the key of `cert`. */
  readonly key?: string;
  readonly passphrase?: string;
  /**
   * `sha256//BASE64` of the public key (SubjectPublicKeyInfo) of the server or of a CA above it, as curl writes
   * it; one of them must match, besides the ordinary verification.
   */
  readonly pins?: readonly string[];
}

/** What holds where an option is left out. */
export const defaults = {
  env: {},
  headers: {},
  tls: {},
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  bodyTimeoutMs: 30_000,
  connections: 8,
  http2: false,
  lookup: undefined,
  onRequest: () => {},
  now: Date.now,
} as const satisfies Required<HttpStoreOptions>;
