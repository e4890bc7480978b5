/**
 * The server behind `silt serve`: the objects of a directory over HTTP/1.1, for a bench, a lab or a site.
 *
 * It answers GET and HEAD, ranges, strong validators, and caches as a CDN should. Nothing outside the directory,
 * no symbolic link, no listing and none of silt's working files can be asked for. Silt never asks for several
 * ranges at once; they are answered for other clients (zsync, zchunk) that a benchmark has here.
 *
 * @module
 */
import { realpath } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { isSiltError, SiltError } from '../core/errors.ts';
import { containedPath } from '../io/contained-path.ts';
import { ioError } from '../io/io-error.ts';
import { type OpenFile, openRegularFile, readBlocks } from '../io/read-file.ts';
import { isKey } from '../store/key.ts';
import { cacheControl, contentType } from '../store/object-headers.ts';
import { parseRanges } from './byte-range.ts';
import { contentRange, multipart, type Piece } from './multipart.ts';

export interface StaticServerOptions {
  /** Default `127.0.0.1`: serving others is a decision. */
  readonly host?: string;
  /** Default 0: a free one, see `url`. */
  readonly port?: number;
  /** Hears of every request when it is done with. */
  readonly onRequest?: (report: ServedRequest) => void;
  /** How long `close` waits for answers under way before it cuts them, in milliseconds. Default 5,000. */
  readonly graceMs?: number;
  /** How long a connection without a request is kept open, in milliseconds. Default: as Node.js does. */
  readonly keepAliveMs?: number;
}

/** One request as it was answered. */
export interface ServedRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly status: number;
  /** Bytes of body handed to the connection. */
  readonly bytes: number;
  readonly seconds: number;
  /** The client's port, which tells connections apart. */
  readonly port: number;
  /** All bytes handed to that connection before this answer. */
  readonly bytesBefore: number;
}

export interface StaticServer {
  /** Where it listens, with a slash at the end. */
  readonly url: string;
  /** Accepts nothing more, lets answers under way end, then cuts what is left. All reports are made by then. */
  close(): Promise<void>;
}

/**
 * Serves `directory` until closed.
 *
 * @throws SiltError IO_FAILED when there is no such directory or the address cannot be had
 */
export async function startStaticServer(
  directory: string,
  options: StaticServerOptions = {},
): Promise<StaticServer> {
  // The dot makes a file fail with ENOTDIR.
  const root = await realpath(`${directory}/.`).catch((error: unknown) => {
    throw ioError(error, 'serve', directory);
  });
  const underWay = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answered = answer(root, request, response, options.onRequest);
    underWay.add(answered);
    void answered.finally(() => underWay.delete(answered));
  });
  const { host = '127.0.0.1', port = 0, graceMs = 5000, keepAliveMs = server.keepAliveTimeout } = options;
  server.keepAliveTimeout = keepAliveMs;
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `http://${name}:${address.port}/`, close: () => close(server, graceMs, underWay) };
}

async function answer(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  onRequest: StaticServerOptions['onRequest'],
): Promise<void> {
  const began = performance.now();
  const { method = '', url = '/', socket } = request;
  // A closed socket no longer knows its port.
  const { remotePort: port = 0, bytesWritten: bytesBefore } = socket;
  let bytes = 0;
  // Whatever happens to one request, the server goes on; the peer sees its connection end.
  const failed = (): void => void response.destroy();
  try {
    const key = keyOf(url);
    if (method !== 'GET' && method !== 'HEAD') {
      end(response, 405, { allow: 'GET, HEAD' });
    } else {
      await withObject(root, key, async (file, path) => {
        if (key === undefined || file === undefined)
          return end(response, 404, { 'cache-control': 'no-cache' });
        const pieces = writeHead(request, response, key, file);
        if (pieces.length === 0 || method === 'HEAD') return void response.end();
        await pipeline(blocksOf(pieces, file, path), counted, response);
      });
    }
  } catch {
    if (response.headersSent) failed();
    else end(response, 500, { 'cache-control': 'no-cache' });
  }
  const seconds = (performance.now() - began) / 1000;
  const { range } = request.headers;
  const { statusCode: status } = response;
  onRequest?.(Object.freeze({ method, path: url, range, status, bytes, seconds, port, bytesBefore }));

  async function* counted(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const block of blocks) {
      bytes += block.byteLength;
      yield block;
    }
  }
}

/** The key that the path of a URL names, its query aside; `undefined` when it names none. */
function keyOf(url: string): string | undefined {
  try {
    // Each part by itself: an encoded slash is no separator, and what comes out is no key then.
    const parts = (url.split('?', 1)[0] ?? '').slice(1).split('/').map(decodeURIComponent);
    const key = parts.join('/');
    return url.startsWith('/') && isKey(key) && parts.every((part) => !part.includes('/')) ? key : undefined;
  } catch {
    return undefined;
  }
}

async function withObject(
  root: string,
  key: string | undefined,
  use: (file: OpenFile | undefined, path: string) => Promise<void>,
): Promise<void> {
  let path: string | undefined;
  let file: OpenFile | undefined;
  try {
    path = key === undefined ? undefined : await containedPath(root, key);
    file = path === undefined ? undefined : await openRegularFile(path);
  } catch (error) {
    // A symbolic link is as good as nothing.
    if (!isSiltError(error, 'STORE_REFUSED')) throw error;
  }
  try {
    await use(file, path ?? '');
  } finally {
    await file?.handle.close();
  }
}

async function* blocksOf(pieces: readonly Piece[], file: OpenFile, path: string): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece;
    else yield* readBlocks(file.handle, path, piece.start, piece.end - piece.start);
  }
}

/** Writes status and header; gives what is to follow. */
function writeHead(
  request: IncomingMessage,
  response: ServerResponse,
  key: string,
  file: OpenFile,
): readonly Piece[] {
  const { size } = file;
  const etag = `"${file.version}"`;
  const always = { etag, 'accept-ranges': 'bytes', 'cache-control': cacheControl(key) };
  if (matches(request.headers['if-none-match'], etag)) {
    response.writeHead(304, always);
    return [];
  }
  // §13.1.5: with a validator that no longer holds, the Range is as if it were not there.
  const condition = request.headers['if-range'];
  const fresh = condition === undefined || condition === etag;
  const spans = parseRanges(fresh ? request.headers.range : undefined, size);
  if (spans === 'unsatisfiable') {
    response.writeHead(416, { ...always, 'content-range': `bytes */${size}`, 'content-length': 0 });
    return [];
  }
  const type = contentType(key);
  const [span, ...more] = spans ?? [{ start: 0, end: size }];
  if (span === undefined) return [];
  if (more.length > 0) {
    const { contentType, length, pieces } = multipart([span, ...more], size, type);
    response.writeHead(206, { ...always, 'content-type': contentType, 'content-length': length });
    return pieces;
  }
  const described = { ...always, 'content-type': type, 'content-length': span.end - span.start };
  if (spans === undefined) response.writeHead(200, described);
  else response.writeHead(206, { ...described, 'content-range': contentRange(span, size) });
  return [span];
}

/** If-None-Match compares weakly (§13.1.2), and `*` is any object. */
function matches(header: string | undefined, etag: string): boolean {
  const listed = (header ?? '').split(',').map((item) => item.trim().replace(/^W\//, ''));
  return listed.includes('*') || listed.includes(etag);
}

function end(response: ServerResponse, status: number, headers: Record<string, string>): void {
  response.writeHead(status, { ...headers, 'content-length': 0 });
  response.end();
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, host, resolve);
  await promise.catch((error: unknown) => {
    const message = `cannot listen on ${host}:${port}: ${error instanceof Error ? error.message : error}`;
    throw new SiltError('IO_FAILED', message, { details: { host, port }, cause: error });
  });
}

async function close(server: Server, graceMs: number, underWay: Iterable<Promise<void>>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await promise;
  clearTimeout(timer);
  // The last bytes are out; the last files are closed and the last reports made after them.
  await Promise.all(underWay);
}
