/**
 * TLS of HTTP stores: whom to trust, which keys to insist on, and what to present. Pins come on top of the
 * ordinary verification, never in its place, and hold through a proxy as well.
 *
 * @module
 */
import { createHash, X509Certificate } from 'node:crypto';
import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls';
import { buildConnector, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { SiltError } from '../core/errors.ts';
import { defaults, type HttpStoreOptions, type HttpTls } from './http-options.ts';

/** The code of the error that a wrong pin is; see `network-error.ts`. */
export const PIN_MISMATCH = 'ERR_SILT_PIN_MISMATCH';

/** Certificates of a chain that are looked at. */
const MAX_CHAIN = 10;
const PIN = /^sha256\/\/[A-Za-z0-9+/]{43}=$/;

type ConnectionOptions = Required<
  Pick<HttpStoreOptions, 'env' | 'tls' | 'connectTimeoutMs' | 'connections'>
> &
  Pick<HttpStoreOptions, 'http2' | 'lookup'>;

/**
 * Who makes the connections of an HTTP store, through the proxy that the environment names.
 *
 * @throws SiltError USAGE for a pin that is none; KEY_UNUSABLE for certificates and keys that cannot be read
 */
export function openDispatcher(options: ConnectionOptions): Dispatcher {
  const { env, connectTimeoutMs: timeout, connections, http2: allowH2 = defaults.http2, lookup } = options;
  const connect = { ...connectOptions(options.tls), timeout, allowH2, ...(lookup && { lookup }) };
  return new EnvHttpProxyAgent({
    // An empty text rather than undefined, or undici would look into the process's environment itself.
    httpProxy: env.http_proxy ?? env.HTTP_PROXY ?? '',
    httpsProxy: env.https_proxy ?? env.HTTPS_PROXY ?? '',
    noProxy: env.no_proxy ?? env.NO_PROXY ?? '',
    connect: keepingAlerts(buildConnector(connect)),
    requestTls: connect,
    connectTimeout: timeout,
    connections,
    allowH2,
  });
}

/**
 * In TLS 1.3 a server says what it thinks of a client certificate after the handshake, and closes. The client
 * under us would remember the closing only, so the connection ends with the alert.
 */
function keepingAlerts(connector: buildConnector.connector): buildConnector.connector {
  return (options, callback) =>
    connector(options, (...result) => {
      const [, socket] = result;
      socket?.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code?.startsWith('ERR_SSL_')) socket.destroy(error);
      });
      callback(...result);
    });
}

/** What of `tls` goes to another host, after a redirect: not who we are. */
export function withoutClient({ ca, pins }: HttpTls): HttpTls {
  return { ...(ca !== undefined && { ca }), ...(pins !== undefined && { pins }) };
}

function connectOptions({ pins = [], ...tls }: HttpTls) {
  checkReadable(tls);
  const wrong = pins.find((pin) => !PIN.test(pin));
  if (wrong !== undefined) {
    throw new SiltError('USAGE', `expected a pin such as sha256//BASE64 of 32 bytes, found "${wrong}"`);
  }
  if (pins.length === 0) return tls;
  // A resumed session is not checked again, and one may be kept before its pin was looked at.
  return { ...tls, maxCachedSessions: 0, checkServerIdentity: checkPins(new Set(pins)) };
}

/** Otherwise it would come out at the first connection, as an error of the network. */
function checkReadable(tls: Omit<HttpTls, 'pins'>): void {
  const { ca, cert, key } = tls;
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    throw new SiltError('KEY_UNUSABLE', 'expected CA certificates in PEM for TLS, found none');
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new SiltError('USAGE', 'expected a client certificate and its key together for TLS');
  }
  try {
    createSecureContext(tls);
  } catch (cause) {
    const message =
      'the certificates or the key for TLS cannot be used; expected PEM, a key that belongs to the certificate, and its passphrase';
    throw new SiltError('KEY_UNUSABLE', message, { cause });
  }
}

/** Checks the name as always, then that one key of the chain is pinned (RFC 7469, §2.6, with the pins of curl). */
function checkPins(pins: ReadonlySet<string>): typeof checkServerIdentity {
  return (host, certificate) => {
    const problem = checkServerIdentity(host, certificate);
    if (problem !== undefined) return problem;
    const found = pinsOf(certificate);
    if (found.some((pin) => pins.has(pin))) return undefined;
    return Object.assign(new Error(`none of its keys is pinned; that of ${host} is ${found[0]}`), {
      code: PIN_MISMATCH,
    });
  };
}

/**
 * The pins of the leaf and of the CAs above it. The server chooses what it sends along, so a CA counts only when
 * it really has signed what is below it.
 */
function pinsOf(leaf: PeerCertificate): string[] {
  const pins: string[] = [];
  let at = leaf as PeerCertificate & { issuerCertificate?: PeerCertificate };
  let certificate = new X509Certificate(at.raw);
  while (pins.length < MAX_CHAIN) {
    pins.push(pinOf(certificate));
    const next = at.issuerCertificate;
    if (next === undefined || next === at) break;
    const issuer = new X509Certificate(next.raw);
    if (!issuer.ca || !certificate.verify(issuer.publicKey)) break;
    at = next;
    certificate = issuer;
  }
  return pins;
}

/** SHA-256 of the public key of a certificate, as {@link HttpTls.pins} has it. */
function pinOf({ publicKey }: X509Certificate): string {
  const info = publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(info).digest('base64')}`;
}
