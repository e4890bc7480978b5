/**
 * A front before a real S3 server: hears of every request by S3's names before the server does, and may hold it,
 * refuse it, or answer a listing itself. What it passes on it passes on as it came, so signatures hold.
 *
 * @module
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { ExecutionContext } from 'ava';
import { type Disturbance, errorBody, operationOf } from './scripted-s3.ts';

export interface FrontRequest {
  /** By S3's name, such as `PutObject`. */
  readonly operation: string;
  /** Without the prefix of the repository; of a listing its prefix. */
  readonly key: string;
  /** AWS_SDK_UA_APP_ID of the process that asks, if it has one. */
  readonly app: string | undefined;
}

export interface S3FrontOptions {
  /** Of the repository in its bucket; of what is not below it, nothing is known. */
  readonly prefix?: string;
  /** Asked about every request before it goes on; `undefined`: it does. */
  readonly refuse?: (request: FrontRequest) => Promise<Disturbance | undefined> | Disturbance | undefined;
  /** What listings show instead of what is there; `undefined`: what is there. */
  readonly listing?: () => readonly { readonly key: string; readonly size: number }[] | undefined;
}

export interface S3Front {
  readonly endpoint: string;
  /** Every request so far, refused ones included. */
  readonly log: readonly FrontRequest[];
}

/** Starts it before the server at `origin`; it ends with the test. */
export async function startS3Front(
  t: ExecutionContext<unknown>,
  origin: string,
  { prefix = '', refuse, listing }: S3FrontOptions = {},
): Promise<S3Front> {
  const log: FrontRequest[] = [];
  const agent = new Agent({ keepAlive: true });

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '', origin);
    const name = decodeURIComponent(url.pathname.split('/').slice(2).join('/'));
    const operation = operationOf(incoming.method ?? '', name, url.searchParams);
    const path = name === '' ? (url.searchParams.get('prefix') ?? '') : name;
    const key = path.startsWith(prefix) ? path.slice(prefix.length) : `(outside) ${path}`;
    const app = /\bapp\/(\S+)/.exec(incoming.headers['user-agent'] ?? '')?.[1];
    const asked = { operation, key, app };
    log.push(asked);
    const refusal = await refuse?.(asked);
    if (refusal === 'reset') {
      incoming.socket.resetAndDestroy();
      return;
    }
    const shown = operation === 'ListObjectsV2' ? listing?.() : undefined;
    if (refusal === 'lost' || (refusal === undefined && shown === undefined)) {
      return await passOn(url, incoming, response, refusal === 'lost');
    }
    // Whoever sends a body wants to send it to its end.
    for await (const _ of incoming);
    const body =
      refusal === undefined
        ? listingOf(prefix, key, shown as NonNullable<typeof shown>)
        : errorBody(refusal.code);
    response.writeHead(refusal?.status ?? 200, { 'content-type': 'application/xml', ...refusal?.headers });
    response.end(incoming.method === 'HEAD' ? undefined : body);
  }

  async function passOn(
    url: URL,
    incoming: IncomingMessage,
    response: ServerResponse,
    isLost: boolean,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { agent, method: incoming.method ?? 'GET', headers: incoming.headers, setHost: false };
    const outgoing = request(url, options, resolve).on('error', reject);
    // Whoever was killed sends no more.
    incoming.on('close', () => incoming.complete || outgoing.destroy());
    const [found] = await Promise.all([promise, pipeline(incoming, outgoing)]);
    if (isLost) {
      found.resume();
      incoming.socket.resetAndDestroy();
      return;
    }
    response.writeHead(found.statusCode ?? 502, found.headers);
    await pipeline(found, response);
  }

  const server = createServer((incoming, response) => {
    void answer(incoming, response).catch(() => response.destroy());
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  t.teardown(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, log };
}

/** One page, which is enough for a test. */
function listingOf(
  prefix: string,
  below: string,
  objects: readonly { readonly key: string; readonly size: number }[],
): string {
  const contents = objects
    .filter(({ key }) => key.startsWith(below))
    .map(({ key, size }) => `<Contents><Key>${prefix}${key}</Key><Size>${size}</Size></Contents>`);
  const inner = `<IsTruncated>false</IsTruncated>${contents.join('')}`;
  return `<?xml version="1.0"?><ListBucketResult>${inner}</ListBucketResult>`;
}
