/**
 * What a failed connection means, over any client: sockets, timers, name service, TLS, proxies.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import type { Key } from './store.ts';

/** Codes of OpenSSL and Node for a certificate of the server that does not hold. */
const CERTIFICATE =
  /^(CERT_|CRL_|ERROR_IN_|ERR_TLS_CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH_|UNSPECIFIED$)/;

/** Alerts of a server that does not like ours, or misses it (RFC 8446, §6.2); older ones say only "handshake". */
const CLIENT_REFUSED =
  /^ERR_SSL_(SSL\/TLS|TLSV1|TLSV13|SSLV3)_ALERT_(CERTIFICATE_\w+|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$/;

/** What retrying cannot help, and what to do about it. */
const tlsRefusals: readonly {
  readonly code: RegExp;
  readonly says: (location: string, text: string) => string;
}[] = [
  {
    code: CERTIFICATE,
    says: (location, text) =>
      `${location} shows a certificate that does not hold (${text}); check the address, the clock and the CA`,
  },
  {
    code: /^ERR_SILT_PIN_MISMATCH$/,
    says: (location, text) =>
      `${location} shows a certificate with other keys than those pinned (${text}); if that is right, update the pins`,
  },
  {
    code: CLIENT_REFUSED,
    says: (location) =>
      `${location} refuses this client: it wants a client certificate that it knows; check --tls-cert and --tls-key`,
  },
];

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
  ENOTFOUND: 'the name of the server is not known',
  EAI_AGAIN: 'the name service does not answer',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'no connection came about in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer came in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stalled',
  TimeoutError: 'no answer came in time',
};

/**
 * `error` of an HTTP client as what a store throws: a transient NETWORK error; STORE_REFUSED for certificates
 * that do not hold, the server's or ours, and when a proxy wants credentials; USAGE for a header that cannot be sent. An
 * aborted `signal` wins with its own reason, and a {@link SiltError} comes back as it is.
 */
export function networkError(
  error: unknown,
  about: {
    readonly key: Key;
    readonly location: string;
    readonly signal?: AbortSignal | undefined;
    /** `key` was to be sent there, not to be had from there. */
    readonly isSent?: boolean;
  },
): unknown {
  if (about.signal?.aborted) return about.signal.reason;
  if (error instanceof SiltError) return error;
  const { key, location } = about;
  const codes = codesOf(error);
  const refusal = tlsRefusals.find((one) => codes.some((found) => one.code.test(found)));
  const code =
    codes.find((one) => refusal?.code.test(one)) ?? codes.find((one) => one in reasons) ?? codes[0];
  const details = { key, location, systemError: code };
  const text = error instanceof Error ? error.message : String(error);
  if (refusal !== undefined) {
    return new SiltError('STORE_REFUSED', refusal.says(location, text), { details, cause: error });
  }
  if (/proxy.*\b407\b/i.test(text)) {
    const message = `the proxy to ${location} wants credentials; put them into HTTPS_PROXY or HTTP_PROXY`;
    return new SiltError('STORE_REFUSED', message, { details, cause: error });
  }
  if (code === 'UND_ERR_INVALID_ARG') {
    return new SiltError('USAGE', `cannot ask ${location} for ${key}: ${text}`, { details, cause: error });
  }
  const reason = reasons[code ?? ''] ?? text;
  const action = about.isSent === true ? `send ${key} to` : `get ${key} from`;
  const message = `cannot ${action} ${location}: ${reason}; check the network and try again`;
  return new SiltError('NETWORK', message, { details, cause: error, transient: true });
}

/** Every code in the chain of causes, the outermost first; the last word on TLS is often the innermost. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string') codes.push(code);
    if (at.name in reasons) codes.push(at.name);
  }
  return codes;
}
