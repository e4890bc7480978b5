/**
 * A server that takes events, or misbehaves as told.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import type { DeviceEvent } from '../../src/device/report/event.ts';

export interface EventsDocument {
  readonly format: string;
  readonly formatVersion: number;
  readonly device: { readonly id: string; readonly hardware?: string; readonly variant?: string };
  readonly lost: number;
  readonly events: readonly DeviceEvent[];
}

/** One request that has come. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly ids: readonly string[];
}

/** A status, its header fields too, or anything else. @param number of the request, from 1 */
export type Behaviour = (
  received: Received,
  number: number,
) => number | { readonly status: number; readonly headers: Readonly<Record<string, string>> } | Answerer;
export type Answerer = (response: ServerResponse, request: IncomingMessage) => void;

export interface EventsServer {
  readonly url: string;
  readonly received: Received[];
  /** Ids in the order in which they were taken, with repeats. */
  readonly taken: string[];
  behave(next: Behaviour): void;
  close(): Promise<void>;
}

/** Answers 200 until told otherwise. @param tls for a server at https:// */
export async function serveEvents(
  t: ExecutionContext<unknown>,
  behaviour: Behaviour = () => 200,
  tls?: ServerOptions,
): Promise<EventsServer> {
  const received: Received[] = [];
  const taken: string[] = [];
  let behave = behaviour;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const { method = '', url: path = '', headers } = request;
    const ids = idsOf(body);
    const one = { method, path, headers, body, ids };
    received.push(one);
    const answer = behave(one, received.length);
    if (typeof answer === 'function') return answer(response, request);
    const { status, headers: own } = typeof answer === 'number' ? { status: answer, headers: {} } : answer;
    if (status >= 200 && status < 300) taken.push(...ids);
    response.writeHead(status, own).end();
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy());
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  t.teardown(close);
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/events`,
    received,
    taken,
    behave(next) {
      behave = next;
    },
    close,
  };
}

function idsOf(body: string): string[] {
  try {
    return (JSON.parse(body) as EventsDocument).events.map(({ id }) => id);
  } catch {
    return [];
  }
}
