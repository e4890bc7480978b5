/**
 * A front before a static server that does to its answers what bad servers and lines do, by a script, and
 * counts what passes. It listens on a free port of the loopback interface.
 *
 * @module
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { alterRange, applyFault, type Fault, type Outgoing } from './faults.ts';
import { createTrafficShaper, type Line, type TrafficShaper } from './traffic-shaper.ts';

/** When a fault happens. The first rule that applies to a request is the one. */
export interface FaultRule {
  /** Tried on the path of the request, its query included. */
  readonly match: RegExp;
  /** The first request, of those that match, that is hit; counted from 1. Default 1. */
  readonly from?: number;
  /** How many of them are hit. Default: all that follow. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface FaultProxyOptions extends Line {
  readonly rules?: readonly FaultRule[];
  /** Hears of every block on its way to a client, once its request counts it. */
  readonly onBytes?: () => void;
}

/** One request that came through; status and bytes grow while it is under way. */
export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly status: number;
  /** Bytes of body handed to the client's connection. */
  readonly bytes: number;
  readonly fault: Fault['kind'] | undefined;
}

type Entry = { -readonly [K in keyof ProxiedRequest]: ProxiedRequest[K] };

export interface FaultProxy {
  /** Where it listens, with a slash at the end. */
  readonly url: string;
  /** The requests, in the order in which they began. */
  readonly log: readonly ProxiedRequest[];
  /** Requests and bytes of body of the paths that match. Default: all. */
  count(match?: RegExp): { readonly requests: number; readonly bytes: number };
  /** All bytes sent to clients, heads included. */
  wireBytes(): number;
  /** New rules, counted anew. */
  script(rules: readonly FaultRule[]): void;
  close(): Promise<void>;
}

/** Starts a front before the server at `origin` (a URL with a slash at the end). */
export async function startFaultProxy(origin: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const shaper = createTrafficShaper(options);
  const log: Entry[] = [];
  const sockets = new Set<Socket>();
  const known = new WeakSet<Socket>();
  let closedBytes = 0;
  let rules = (options.rules ?? []).map((rule) => ({ ...rule, seen: 0 }));

  const faultFor = (path: string): Fault | undefined => {
    let chosen: Fault | undefined;
    for (const rule of rules) {
      if (!rule.match.test(path)) continue;
      rule.seen += 1;
      const { from = 1, times = Number.POSITIVE_INFINITY } = rule;
      if (chosen === undefined && rule.seen >= from && rule.seen < from + times) chosen = rule.fault;
    }
    return chosen;
  };

  const server = createServer((incoming, response) => {
    const { method = '', url: path = '/', headers, socket } = incoming;
    const fault = faultFor(path);
    const isNew = !known.has(socket);
    known.add(socket);
    const entry: Entry = {
      method,
      path,
      range: headers.range,
      headers,
      status: 0,
      bytes: 0,
      fault: fault?.kind,
    };
    log.push(entry);
    if (fault?.kind === 'silence') return;
    void shaper
      .roundTrip(isNew)
      .then(() => (fault?.kind === 'status' ? untouched : ask(origin, incoming, fault, agent)))
      .then((answer) => send(applyFault(answer, fault), response, shaper, entry, options.onBytes))
      .catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      closedBytes += socket.bytesWritten;
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    log,
    count(match = /^/) {
      const counted = log.filter(({ path }) => match.test(path));
      return { requests: counted.length, bytes: counted.reduce((sum, { bytes }) => sum + bytes, 0) };
    },
    wireBytes: () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, closedBytes),
    script(next) {
      rules = next.map((rule) => ({ ...rule, seen: 0 }));
    },
    async close() {
      agent.destroy();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

/** What stands in for the origin's answer where none of it will be used. */
const untouched: Outgoing = { status: 200, headers: {}, body: Readable.from([]), ending: 'end' };

/** The origin's own answer. */
async function ask(
  origin: string,
  incoming: IncomingMessage,
  fault: Fault | undefined,
  agent: Agent,
): Promise<Outgoing> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { host, connection, range, ...headers } = incoming.headers;
  const altered = alterRange(range, fault);
  const url = new URL((incoming.url ?? '/').slice(1), origin);
  const options = {
    agent,
    method: incoming.method ?? 'GET',
    headers: { ...headers, ...(altered && { range: altered }) },
  };
  request(url, options, resolve).on('error', reject).end();
  const answer = await promise;
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...kept } = answer.headers;
  return { status: answer.statusCode ?? 502, headers: kept, body: answer, ending: 'end' };
}

/** Sends `answer` as it is, framing errors included; `entry` is ahead of what the client can see. */
async function send(
  answer: Outgoing,
  response: ServerResponse,
  shaper: TrafficShaper,
  entry: Entry,
  onBytes: () => void = () => {},
): Promise<void> {
  const headers = Object.entries(answer.headers).filter(([, value]) => value !== undefined);
  entry.status = answer.status;
  response.writeHead(answer.status, Object.fromEntries(headers) as Record<string, string | string[]>);
  if (entry.method !== 'HEAD') {
    for await (const block of shaper.shape(answer.body)) {
      if (response.destroyed) break;
      entry.bytes += block.byteLength;
      onBytes();
      if (!response.write(block)) await drained(response);
    }
  }
  if (answer.ending === 'end') response.end();
  else if (answer.ending !== 'stall') await hangUp(response, answer.ending);
}

/** Resolves when more can be written, or the client is gone. */
async function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('drain', resolve).once('close', resolve);
  await promise;
  response.off('drain', resolve).off('close', resolve);
}

async function hangUp(response: ServerResponse, how: 'close' | 'reset'): Promise<void> {
  const { socket } = response;
  if (socket === null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  // An empty write comes to its end after all that was written before it.
  socket.once('close', resolve).write('', () => resolve());
  await promise;
  if (how === 'reset') socket.resetAndDestroy();
  else socket.end();
}
